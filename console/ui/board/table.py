"""The table of incidents: rows of one height, sections of one size, chips painted, typing starts a search.

Qt's own search by key would walk through a million rows, so it is replaced; everything else a table does by keyboard
stays as it is.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from console.ui.board.lines import COLUMNS, Line
from console.ui.board.model import BoardModel
from console.ui.chip_shapes import severity_width
from console.ui.chips import paint_mark
from console.ui.theme import Theme

SEVERITY, STATE, TITLE = (COLUMNS.index(name) for name in ("Severity", "State", "Title"))
_SAMPLES = {
    STATE: "behaviour recovered",
    COLUMNS.index("Target"): "tenant.borealis ...",
    COLUMNS.index("Commander"): "commander@example",
    COLUMNS.index("Age"): "000 d 00 h",
    COLUMNS.index("Id"): "019ac1f2-3b4c5",
}
"""What a column must hold without being cut; the title takes the rest."""
SHED = ((900, ("Commander", "Id")), (640, ("Target",)), (480, ("Age",)))
"""Below such a width these columns give their room to the title; what they say is in the line's tooltip and page."""
SHORT_STATE = "unanswered."
_Index = QModelIndex | QPersistentModelIndex


class ChipDelegate(QStyledItemDelegate):
    """Paints the severity chip and the state's shape; a severity is drawn once a theme and copied from then on."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._chips: dict[tuple[str, str, float], QPixmap] = {}

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:  # noqa: D102
        model = index.model()
        line = model.line(index.row()) if isinstance(model, BoardModel) else None
        if line is None:
            super().paint(painter, option, index)
            return
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        if index.column() == SEVERITY:
            self._paint_severity(painter, option, line)
        else:
            self._paint_state(painter, option, line)

    def _paint_severity(self, painter: QPainter, option: QStyleOptionViewItem, line: Line) -> None:
        chip = self._chip(line.level, painter.device().devicePixelRatioF())
        top = option.rect.top() + (option.rect.height() - self._theme.px("chip")) // 2
        painter.drawPixmap(option.rect.left() + self._theme.px("space_1"), top, chip)

    def _paint_state(self, painter: QPainter, option: QStyleOptionViewItem, line: Line) -> None:
        word, shape, colour = line.state
        side, gap = self._theme.px("lamp"), self._theme.px("space_1")
        mark = QRectF(option.rect.left() + gap, option.rect.center().y() - side / 2 + 0.5, side, side)
        paint_mark(painter, mark, shape, self._theme, colour)
        room = option.rect.adjusted(side + 3 * gap, 0, 0, 0)
        painter.setPen(self._theme.colour("text_dim" if line.closed else "text"))
        painter.setFont(option.font)
        shown = QFontMetrics(option.font).elidedText(word, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), shown)

    def _chip(self, level: str, ratio: float) -> QPixmap:
        theme = self._theme
        text = theme.severity(level).text
        key = (text, theme.name, ratio)
        if key not in self._chips:
            width, height = severity_width(theme.font("label"), text), theme.px("chip")
            chip = QPixmap(int(width * ratio), int(height * ratio))
            chip.setDevicePixelRatio(ratio)
            chip.fill(Qt.GlobalColor.transparent)
            painter = QPainter(chip)
            theme.paint_chip(painter, QRectF(0, 0, width, height), level)
            painter.end()
            self._chips[key] = chip
        return self._chips[key]


class IncidentTable(QTableView):
    """Signals: `opened(row)` by Enter or a double click, `typed(text)` when somebody starts to type a search."""

    opened = Signal(int)
    typed = Signal(str)

    def __init__(self, theme: Theme, model: BoardModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setModel(model)
        self._chips = ChipDelegate(theme, self)
        for column in (SEVERITY, STATE):
            self.setItemDelegateForColumn(column, self._chips)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setAccessibleName("Incidents")
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(1)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setHighlightSections(False)
        self.doubleClicked.connect(self._on_double_clicked)
        theme.changed.connect(self._dress)
        self._dress()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat() and self.currentIndex().isValid():
                self.opened.emit(self.currentIndex().row())
            event.accept()
            return
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
        if plain and event.text().isprintable() and event.text().strip():
            self.typed.emit(event.text())
            event.accept()
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:  # noqa: N802
        """Does nothing: Qt would read every row."""

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        header, metrics = self.horizontalHeader(), QFontMetrics(self.font())
        pad, room = self._theme.px("space_4"), self.viewport().width()
        shed = {name for width, names in SHED for name in names if room < width}
        left = room - (severity_width(self._theme.font("label"), "SEV-0") + pad)
        header.resizeSection(SEVERITY, room - left)
        for column, sample in _SAMPLES.items():
            shown = SHORT_STATE if shed and column == STATE else sample
            width = metrics.horizontalAdvance(shown) + pad + (self._theme.px("lamp") if column == STATE else 0)
            self.setColumnHidden(column, COLUMNS[column] in shed)
            header.resizeSection(column, width)
            left -= 0 if self.isColumnHidden(column) else width
        header.resizeSection(TITLE, max(left, 80))

    def _dress(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self._theme.px("row"))
        self.horizontalHeader().setFont(self._theme.font("label"))
        self._share_width()
        self.viewport().update()

    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.opened.emit(index.row())

"""What the lines of all graphs mean, in one row: the target, its last seconds, everybody; and whether time stands."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.ui.readings import FAST_S
from console.ui.theme import Theme

_STROKE, _GAP = 18, 16


class Key(QWidget):
    """Call `say(target, frozen)`; texts must already be in their display form."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._target, self._frozen = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.say("", "")

    def say(self, target: str, frozen: str) -> None:
        """Names the target ("" for everybody) and, while the display stands, since when."""
        self._target, self._frozen = target, frozen
        words = "; ".join(text for _, text in self._entries())
        self.setAccessibleName(f"{frozen}. {words}" if frozen else words)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(200, self._theme.px("chip") + 4)

    def _entries(self) -> list[tuple[str, str]]:
        who = self._target or "everybody"
        entries = [("graph_1", f"{who}, as judged"), ("normal", f"its last {FAST_S:.0f} s")]
        return entries + ([("graph_2", "everybody, as judged")] if self._target else [])

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme, painter, x = self._theme, QPainter(self), 0.0
        middle = self.height() / 2
        if self._frozen:
            painter.setFont(theme.font("label"))
            width = QFontMetricsF(painter.font()).horizontalAdvance(self._frozen) + 16
            plate = QRectF(0, 1, width, self.height() - 2)
            painter.fillRect(plate, theme.colour("warning"))
            painter.setPen(theme.colour("sunken"))
            painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), self._frozen)
            x = width + _GAP
        painter.setFont(theme.font("small"))
        metrics = QFontMetricsF(painter.font())
        for colour, text in self._entries():
            painter.setPen(QPen(theme.colour(colour), 2))
            painter.drawLine(QPointF(x, middle), QPointF(x + _STROKE, middle))
            painter.setPen(theme.colour("text"))
            painter.drawText(QPointF(x + _STROKE + 6, middle + metrics.ascent() / 2 - 1), text)
            x += _STROKE + 6 + metrics.horizontalAdvance(text) + _GAP
        painter.end()

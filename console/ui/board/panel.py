"""The board panel: what is open with the gravest first, everything that ever was, and a search through all of it.

Changes are taken up row by row while somebody looks, remembered while nobody does, and held back while frozen.
"""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from console.domain.changes import Changes
from console.domain.severity import LEVELS
from console.queries.board import ALL, DONE, NEWEST, OLDEST, OPEN, SEVERE, Wanted
from console.ui.board.model import BoardModel
from console.ui.board.table import IncidentTable
from console.ui.frame import Frame
from console.ui.text import PlainLabel

SHOWN = ((OPEN, "Open"), (ALL, "All"), (DONE, "Closed"))
MILDEST = (("", "Any severity"), (LEVELS[0], LEVELS[0]), *((level, f"{level} and worse") for level in LEVELS[1:-1]))
ORDERS = ((SEVERE, "Gravest first"), (NEWEST, "Newest first"), (OLDEST, "Oldest first"))
TYPING_MS = 150
GATHER_MS = 200
"""Changes of so long are taken up together."""
AGES_MS = 1_000
ONE_BY_ONE = 64
"""More changed incidents at once and the board is read anew."""
NARROW = 700
LEAST_WIDTH, LEAST_HEIGHT = 280, 120
KINDS = ("incident", "severity", "role", "triage", "sync")
SEARCH = 300


class BoardPanel(QWidget):
    """Signals: `action_wanted(action id)`: another action of the desk that the person asked for here."""

    panel_id = "board"
    panel_title = "Board"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._changed: set[str] = set()
        self._stale = self._asked = self._frozen = False
        self._build()
        self._lay_out()
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._ages = QTimer(self, interval=AGES_MS)
        self._connect()
        self._dress()

    # -- what the window asks

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on."""
        if action_id == "board.search":
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.search.selectAll()
        elif action_id == "board.open":
            self._on_opened(self.table.currentIndex().row())

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        if action_id == "board.open" and not self.table.currentIndex().isValid():
            return "Choose an incident on the board first."
        return ""

    def freeze(self, frozen: bool) -> None:
        """Holds changes back, or takes up what has gathered."""
        self._frozen = frozen
        if not frozen:
            self._on_gathered()

    # -- how it is made

    def _build(self) -> None:
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search titles, notes, reasons, a target or the start of an id  (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.search.setMaxLength(SEARCH)
        self.search.setAccessibleName("Search all incidents")
        self.shown = _choice(SHOWN, "Which incidents", self)
        self.mildest = _choice(MILDEST, "Severity", self)
        self.order = _choice(ORDERS, "Order", self)
        self.filter = QToolButton(self)
        self.filter.setText("Filter")
        self.filter.setCheckable(True)
        self.filter.setAccessibleName("Show severity and order")
        self.count = PlainLabel("", self)
        self.model = BoardModel(self._frame.bridge, self)
        self.table = IncidentTable(self._frame.theme, self.model, self)
        self.empty = PlainLabel("", self)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        self._top, self._below = QHBoxLayout(), QHBoxLayout()
        for row in (self._top, self._below):
            row.setSpacing(gap)
        self._top.addWidget(self.search, 1)
        self._top.addWidget(self.filter)
        for choice in (self.shown, self.mildest, self.order):
            self._top.addWidget(choice)
        self._top.addWidget(self.count)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)  # or it could never become narrow
        self.setMinimumSize(LEAST_WIDTH, LEAST_HEIGHT)
        whole.addLayout(self._top)
        whole.addLayout(self._below)
        whole.addLayout(self._pages, 1)
        self.setFocusProxy(self.table)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """In a narrow dock the choices lie on a line of their own that is shown on demand."""
        narrow = self.width() < NARROW
        row = self._below if narrow else self._top
        for place, choice in enumerate((self.shown, self.mildest, self.order)):
            if row.indexOf(choice) < 0:
                row.insertWidget(place if narrow else place + 2, choice, 1 if narrow else 0)
            choice.setVisible(not narrow or self.filter.isChecked())
        self.filter.setVisible(narrow)

    def _connect(self) -> None:
        bridge, theme = self._frame.bridge, self._frame.theme
        bridge.changed.connect(self._on_changed)
        bridge.attached.connect(self._reload)
        theme.changed.connect(self._dress)
        self.search.textChanged.connect(self._typing.start)
        self.search.returnPressed.connect(self._on_search_entered)
        self.search.installEventFilter(self)
        for choice in (self.shown, self.mildest, self.order):
            choice.currentIndexChanged.connect(self._reload)
        self.filter.toggled.connect(self._arrange)
        self._typing.timeout.connect(self._reload)
        self._gathering.timeout.connect(self._on_gathered)
        self._ages.timeout.connect(self._on_age)
        self.table.opened.connect(self._on_opened)
        self.table.typed.connect(self._on_typed)
        self.model.loaded.connect(self._on_loaded)
        self.model.failed.connect(self._on_failed)
        self.model.modelReset.connect(self._on_reset)

    def _dress(self) -> None:
        theme = self._frame.theme
        self.count.setFont(theme.font("small"))
        self.empty.setFont(theme.font("title"))
        for label in (self.count, self.empty):
            _dim(label, theme.colour("text_dim"))

    # -- loading

    def _wanted(self) -> Wanted:
        return Wanted(
            shown=self.shown.currentData(),
            mildest=self.mildest.currentData(),
            order=self.order.currentData(),
            text=self.search.text(),
        )

    def _reload(self) -> None:
        self._typing.stop()
        if not self._frame.bridge.is_open:
            return
        self._asked, self._stale = True, False
        self._changed.clear()
        wanted = self._wanted()
        for choice in (self.shown, self.mildest, self.order):
            choice.setEnabled(not wanted.searches)
        self.model.show(wanted)

    def _on_reset(self) -> None:
        """A board that was read anew keeps the chosen incident in view, or shows its top."""
        row = self.model.row_of(self._frame.selection.incident)
        if self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(max(row, 0), 0))

    def _on_loaded(self, complete: bool) -> None:
        shown, wanted = self.model.rowCount(), self.model.wanted
        self._pages.setCurrentWidget(self.table if shown else self.empty)
        self.empty.setText(_nothing(wanted))
        many = f"{shown:,} {'incident' if shown == 1 else 'incidents'}"
        if self.model.is_cut:
            many = f"newest {many}; add a word"
        self.count.setText(many if complete else f"{many}, reading on ...")

    def _on_failed(self, sentence: str) -> None:
        self._frame.notices.say(sentence, "error")

    # -- changes

    def _on_changed(self, changes: Changes) -> None:
        if not any(changes.touches(kind) for kind in KINDS) or not changes.incidents:
            return
        self._changed.update(changes.incidents)
        if self.isVisible() and not self._frozen:
            if not self._gathering.isActive():
                self._gathering.start()
        else:
            self._stale = True

    def _on_gathered(self) -> None:
        if not self._changed or self._frozen or not self.isVisible():
            self._stale = self._stale or bool(self._changed)
            return
        changed, self._stale = sorted(self._changed), False
        if len(changed) > ONE_BY_ONE:
            self._reload()
            return
        self._changed.clear()
        self.model.refresh(changed)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        # Only now: being put into a dock, widgets lose the order they were given before.
        for before, after in pairwise((self.search, self.filter, self.shown, self.mildest, self.order, self.table)):
            QWidget.setTabOrder(before, after)
        self._ages.start()
        if not self._asked:
            self._reload()
        elif self._stale:
            self._on_gathered()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._ages.stop()

    def _on_age(self) -> None:
        if not self._frozen:
            self.table.viewport().update()

    # -- keyboard

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.search.clear()
                self.table.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
                self.table.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            return
        super().keyPressEvent(event)

    def _on_typed(self, text: str) -> None:
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)
        self.search.insert(text)

    def _on_search_entered(self) -> None:
        """Enter in the search goes to what was found; a second Enter opens it."""
        if self._typing.isActive():
            self._reload()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_opened(self, row: int) -> None:
        line = self.model.line(row)
        if line is None:
            return
        known = line.target in self._frame.policy.inventory.items
        self._frame.selection.choose_incident(line.incident, line.target if known else "")
        self.action_wanted.emit("view.incident")

    def current(self) -> QModelIndex:
        """The row under the cursor."""
        return self.table.currentIndex()


def _choice(entries: tuple[tuple[str, str], ...], name: str, parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    for value, text in entries:
        box.addItem(text, value)
    box.setAccessibleName(name)
    box.view().setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(max(len(text) for _, text in entries) - 4)
    return box


def _nothing(wanted: Wanted) -> str:
    if wanted.searches:
        return "Nothing was found. Every word must begin a word of a title, note or reason; Esc clears the search."
    if wanted.mildest:
        return f"No {dict(SHOWN)[wanted.shown].lower()} incident is {dict(MILDEST)[wanted.mildest]}."
    nothing = {OPEN: "No incident is open.", ALL: "There is no incident yet.", DONE: "No incident was closed yet."}
    return nothing[wanted.shown]


def _dim(label: QLabel, colour: object) -> None:
    palette = label.palette()
    palette.setColor(label.foregroundRole(), colour)
    label.setPalette(palette)

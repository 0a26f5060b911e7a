"""The timeline panel: lines newest first, a filter, and one form to add an entry or to correct one by a new one.

What was added keeps both times: when it happened and when it was written down ("I did this at 14:02 by phone").
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from console.actions.incidents import MAX_NOTE, add_note, correct_note
from console.domain.changes import Changes
from console.domain.errors import InputError
from console.domain.times import moment_from
from console.queries.timeline import KINDS, TimelineRow
from console.ui.frame import Frame
from console.ui.rows import RowDelegate
from console.ui.text import PlainLabel, paragraphs
from console.ui.timeline.model import WHAT, TimelineModel
from console.ui.timeline.whole import WholeEntry

GATHER_MS = 250
WIDTHS = (156, 72, 130, 420, 120)
NOTES = ("note.added", "note.corrected")


class TimelinePanel(QWidget):
    """Everything of the chosen incident; adding is a line at the foot, always there."""

    panel_id = "timeline"
    panel_title = "Timeline"

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._incident, self._corrects = "", ""
        self._stale = self._frozen = False
        self._read = (0, -1)
        """How many entries there were and which one was chosen before they were read again."""
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._build()
        self._lay_out()
        self._connect()
        self._dress()
        self._on_incident(frame.selection.incident)

    # -- what the window asks

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on."""
        if action_id == "timeline.add":
            self._stop_correcting()
            self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif action_id == "timeline.correct":
            self._begin_correcting()

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        if not self._incident:
            return "Choose an incident on the board first."
        if action_id == "timeline.correct" and self._chosen_note() is None:
            return "Choose an entry that a person wrote; only such entries are corrected, everything else stands."
        return ""

    def freeze(self, frozen: bool) -> None:
        """Holds changes back, or takes up what has gathered."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._reload()

    # -- how it is made

    def _build(self) -> None:
        self.kind = QComboBox(self)
        for kind in KINDS:
            self.kind.addItem(kind.capitalize(), kind)
        self.kind.setAccessibleName("Which entries")
        self.count = PlainLabel("", self)
        self.model = TimelineModel(self._frame.bridge, self)
        self.table = QTableView(self)
        self.table.setModel(self.model)
        self.table.setItemDelegate(RowDelegate(self.table))
        self.table.setAccessibleName("Timeline of the incident")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setWordWrap(False)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in enumerate(WIDTHS):
            self.table.setColumnWidth(column, width)
        header.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
        self.entry = WholeEntry(self)
        self.whole = self.entry.label
        self.text = QLineEdit(self)
        self.text.setMaxLength(MAX_NOTE)
        self.text.setAccessibleName("Text of the entry")
        self.when = QLineEdit(self)
        self.when.setMaxLength(20)
        self.when.setPlaceholderText("now, or 14:02 (UTC)")
        self.when.setAccessibleName("When it happened, UTC; empty for now")
        self.add = QPushButton("Add", self)
        self.add.setAccessibleName("Add the entry")

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.kind)
        top.addStretch(1)
        top.addWidget(self.count)
        foot.addWidget(self.text, 3)
        foot.addWidget(self.when, 1)
        foot.addWidget(self.add)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addLayout(top)
        whole.addWidget(self.table, 1)
        whole.addWidget(self.entry)
        whole.addLayout(foot)
        for before, after in (
            (self.kind, self.table),
            (self.table, self.entry),
            (self.entry, self.text),
            (self.text, self.when),
            (self.when, self.add),
        ):
            QWidget.setTabOrder(before, after)
        self.setFocusProxy(self.table)
        self._stop_correcting()

    def _connect(self) -> None:
        self._frame.bridge.changed.connect(self._on_changed)
        self._frame.selection.incident_changed.connect(self._on_incident)
        self._frame.theme.changed.connect(self._dress)
        self._gathering.timeout.connect(self._reload)
        self.kind.currentIndexChanged.connect(self._from_the_top)
        self.model.modelAboutToBeReset.connect(self._on_reset)
        self.model.loaded.connect(self._on_loaded)
        self.model.dataChanged.connect(self._on_chosen)
        self.table.selectionModel().currentRowChanged.connect(self._on_chosen)
        self.text.returnPressed.connect(self._on_add)
        self.when.returnPressed.connect(self._on_add)
        self.add.clicked.connect(self._on_add)

    def _dress(self) -> None:
        theme = self._frame.theme
        self.table.setFont(theme.font("body"))
        self.count.setFont(theme.font("small"))
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + theme.px("space_2"))

    # -- loading

    def _on_incident(self, incident: str) -> None:
        self._incident = incident
        for widget in (self.text, self.when, self.add):
            widget.setEnabled(bool(incident))
        self._stop_correcting()
        self._from_the_top()

    def _from_the_top(self) -> None:
        self.table.setCurrentIndex(QModelIndex())
        self._reload()

    def _on_changed(self, changes: Changes) -> None:
        if not changes.touches("timeline", self._incident):
            return
        if self._frozen or not self.isVisible():
            self._stale = True
        elif not self._gathering.isActive():
            self._gathering.start()

    def _reload(self) -> None:
        self._stale = False
        if self._frame.bridge.is_open:
            self.model.show(self._incident, self.kind.currentData())

    def _on_loaded(self, size: int) -> None:
        self.count.setText(
            f"{size:,} {'entry' if size == 1 else 'entries'}, newest first" if self._incident else "No incident chosen"
        )
        before, row = self._read
        if size and not self.table.currentIndex().isValid():
            # What is new comes on top: who reads an older entry goes on reading it, who is at the top stays there.
            still = row + size - before if row > 0 else 0
            self.table.setCurrentIndex(self.model.index(min(max(still, 0), size - 1), 0))

    def _on_reset(self) -> None:
        self._read = (self.model.rowCount(), self.table.currentIndex().row())

    def _on_chosen(self, *_: QModelIndex) -> None:
        row = self.model.row(self.table.currentIndex().row()) if self.table.currentIndex().isValid() else None
        if row is None:
            self.entry.show_text("")
            return
        role = f" as {row.role.replace('_', ' ')}" if row.role else ""
        signed = ", signed with their own key" if row.person_signed else ""
        self.entry.show_text(f"{row.sentence}\n{row.actor}{role}{signed}")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        if self._stale:
            self._reload()

    # -- adding and correcting

    def _chosen_note(self) -> TimelineRow | None:
        index = self.table.currentIndex()
        row = self.model.row(index.row()) if index.isValid() else None
        return row if row is not None and row.type in NOTES else None

    def _begin_correcting(self) -> None:
        row = self._chosen_note()
        if row is None:
            return
        self._corrects = row.event_id
        self.text.setText(paragraphs(row.sentence.removeprefix("Correction: "), MAX_NOTE).replace("\n", " "))
        self.text.setPlaceholderText("The entry as it should be; the first one stays readable")
        self.add.setText("Correct")
        self.when.setEnabled(False)
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)
        self.text.selectAll()

    def _stop_correcting(self) -> None:
        self._corrects = ""
        self.text.clear()
        self.when.clear()
        self.when.setEnabled(bool(self._incident))
        self.text.setPlaceholderText("Add an entry: what happened, what you saw, what you did by phone")
        self.add.setText("Add")

    def _on_add(self) -> None:
        text, frame = self.text.text().strip(), self._frame
        if not text or not self._incident:
            return
        now, actor = frame.bridge.now(), frame.session.actor()
        act = partial(frame.bridge.act, owner=self, then=self._on_added)
        if self._corrects:
            act(correct_note, self._incident, self._corrects, text, actor, now)
            return
        try:
            happened = moment_from(self.when.text(), now)
        except InputError as error:
            frame.notices.say(error.sentence, "warning")
            self.when.setFocus(Qt.FocusReason.OtherFocusReason)
            self.when.selectAll()
            return
        act(add_note, self._incident, text, happened, actor, now)

    def _on_added(self, _: Changes) -> None:
        self._stop_correcting()
        self.table.setCurrentIndex(self.model.index(0, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        writing = self.text.hasFocus() or self.when.hasFocus()
        if event.key() == Qt.Key.Key_Escape and (self._corrects or writing):
            self._stop_correcting()
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)

"""The timeline panel: lines newest first, a filter, one form to add or correct an entry, a sheet to revise a note.

What was added keeps both times: when it happened and when it was written down ("I did this at 14:02 by phone").
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from console.actions.incidents import MAX_NOTE, add_note, correct_note
from console.domain.changes import Changes
from console.domain.errors import InputError
from console.domain.times import moment_from
from console.queries.notes import NoteView, note_in_conflict, note_view
from console.queries.timeline import KINDS, TimelineRow
from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.tables import plain_table
from console.ui.text import PlainLabel, paragraphs
from console.ui.timeline.model import WHAT, TimelineModel
from console.ui.timeline.note_sheet import NoteSheet
from console.ui.timeline.whole import WholeEntry

GATHER_MS = 250
WIDTHS = (156, 72, 130, 420, 120)
NOTES = ("note.added", "note.corrected")
REVISED = ("note.added", "note.revised")
JOIN_HINT = "In conflict with another text of this note; Ctrl+Shift+J compares and joins them.\n"
ENTRY = "entry"
"""The place of the draft of a new entry; that of a correction is named by what it corrects."""


class TimelinePanel(QWidget):
    """Everything of the chosen incident; adding is a line at the foot, always there."""

    panel_id = "timeline"
    panel_title = "Timeline"

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._incident, self._corrects = "", ""
        self.sheet: NoteSheet | None = None
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
        if action_id == "timeline.join":
            self._frame.bridge.ask(note_in_conflict, self._incident, owner=self, then=self._on_note)
        elif self.sheet is not None:
            self.sheet.take_focus()
            self._frame.notices.say("Finish this sheet, or leave it with Esc.", "info")
        elif action_id == "timeline.revise":
            self._revise()
        elif action_id == "timeline.add":
            if self._corrects:
                self._write_entry()
            self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif action_id == "timeline.correct":
            self._begin_correcting()

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        if not self._incident:
            return "Choose an incident on the board first."
        if action_id == "timeline.correct" and self._chosen_note() is None:
            return "Choose an entry that a person wrote; only such entries are corrected, everything else stands."
        if action_id == "timeline.revise" and self._chosen(REVISED) is None:
            return "Choose a note that a person added; only a note is revised."
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
        plain_table(self.table, self.model, "Timeline of the incident", WIDTHS)
        self.table.horizontalHeader().setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
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
        bridge = self._frame.bridge
        self._drafts = (Draft(bridge, self.text, "timeline"), Draft(bridge, self.when, "timeline.when"))

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.kind)
        top.addStretch(1)
        top.addWidget(self.count)
        foot.addWidget(self.text, 3)
        foot.addWidget(self.when, 1)
        foot.addWidget(self.add)
        self._page = QWidget(self)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._page)
        whole = QVBoxLayout(self._page)
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
        self._leave_sheet()
        self._write_entry()
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
        said = JOIN_HINT if row.in_conflict else ""
        self.entry.show_text(f"{said}{row.sentence}\n{row.actor}{role}{signed}")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        if self._stale:
            self._reload()

    # -- adding and correcting

    def _chosen_note(self) -> TimelineRow | None:
        return self._chosen(NOTES)

    def _chosen(self, types: tuple[str, ...]) -> TimelineRow | None:
        index = self.table.currentIndex()
        row = self.model.row(index.row()) if index.isValid() else None
        return row if row is not None and row.type in types and row.status != "rejected" else None

    def _begin_correcting(self) -> None:
        row = self._chosen_note()
        if row is None:
            return
        self._corrects = row.event_id
        text = paragraphs(row.sentence.removeprefix("Correction: "), MAX_NOTE).replace("\n", " ")
        self._open_drafts(row.event_id, text)
        self.text.setPlaceholderText("The entry as it should be; the first one stays readable")
        self.add.setText("Correct")
        self.when.setEnabled(False)
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)
        self.text.selectAll()

    def _write_entry(self) -> None:
        """Back to a new entry, as far as it was written."""
        self._corrects = ""
        self._open_drafts(ENTRY)
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

    def _open_drafts(self, place: str, start: str = "") -> None:
        text, when = self._drafts
        text.open(self._incident, place, start)
        when.open(self._incident, place)

    def _discard(self) -> None:
        """What was written is recorded or thrown away."""
        for draft in self._drafts:
            draft.drop()
        self._write_entry()

    def _on_added(self, _: Changes) -> None:
        self._discard()
        self.table.setCurrentIndex(self.model.index(0, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        writing = self.text.hasFocus() or self.when.hasFocus()
        if event.key() == Qt.Key.Key_Escape and (self._corrects or writing):
            self._discard()
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)

    # -- revising

    def _revise(self) -> None:
        row = self._chosen(REVISED)
        if row is not None:
            self._frame.bridge.ask(note_view, self._incident, row.event_id, owner=self, then=self._on_note)

    def _on_note(self, view: NoteView | None) -> None:
        if view is None:
            self._frame.notices.say("No note is in conflict in this incident.", "info")
        elif view.incident == self._incident and self.sheet is None:
            self.sheet = NoteSheet(self._frame, view, self)
            self.sheet.left.connect(self._leave_sheet)
            self._stack.addWidget(self.sheet)
            self._stack.setCurrentWidget(self.sheet)
            self.setFocusProxy(self.sheet.text)

    def _leave_sheet(self) -> None:
        sheet, self.sheet = self.sheet, None
        if sheet is None:
            return
        focused = sheet.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        self.setFocusProxy(self.table)
        self._stack.setCurrentWidget(self._page)
        self._stack.removeWidget(sheet)
        sheet.hide()
        sheet.deleteLater()
        if focused:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

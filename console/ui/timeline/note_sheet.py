"""The sheet of a note: one text to revise, or two that did not know of each other, compared and joined by a person.

Nothing is joined by itself where both changed a place: it stands there twice, between marks, until somebody decides.
What is saved is a revision that saw every text that was shown; all of them stay in the record.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from console.actions.incidents import MAX_NOTE
from console.actions.notes import revise_note
from console.domain.changes import Changes
from console.domain.merging import BETWEEN, OURS, THEIRS, decide, has_marks, open_places
from console.queries.notes import NoteText, NoteView, note_view
from console.ui.ages import clock_time, moment_of
from console.ui.bridge import sentence_of
from console.ui.chips import StateChip
from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.press import guard
from console.ui.tables import plain_table
from console.ui.text import PlainLabel
from console.ui.text_box import TextBox
from console.ui.timeline.comparing import ChangeDelegate, Comparison, LinesModel, compare

CHANGE_PX = 150
MARKS = (("square", "accent"), ("circle", "graph_5"))
DECIDE = ((OURS, "First", "Alt+1"), (THEIRS, "Second", "Alt+2"), (BETWEEN, "Both", "Alt+3"))
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class NoteSheet(QWidget):
    """Signals: `left()` when it is over."""

    left = Signal()

    def __init__(self, frame: Frame, view: NoteView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self.view, self._start = frame, view, ""
        self._joins, self._busy = len(view.sides) > 1, True
        self.title = PlainLabel("Join two texts of a note" if self._joins else "Revise the note", self)
        self.sides = [self._side(number) for number in range(min(len(view.sides), 2))]
        self.hint = PlainLabel("", self, limit=600)
        self.model = LinesModel(self)
        self.table = QTableView(self)
        self.text = TextBox(60, self)
        self.text.setAccessibleName("The text as it shall be")
        self.draft = Draft(frame.bridge, self.text, "note")
        self.decide = {keep: self._decider(keep, words, key) for keep, words, key in DECIDE}
        self.trouble = PlainLabel("", self, limit=600)
        self.save = QPushButton("Save as a revision that saw both" if self._joins else "Save as a revision", self)
        self.back = QPushButton("Back   Esc", self)
        self._dress_table()
        self._lay_out()
        self._connect()
        self._dress()
        self.setAccessibleName(self.title.text())
        frame.bridge.work(partial(compare, view), owner=self, then=self._on_compared, failed=self._on_failed)
        self._say_state()

    def take_focus(self) -> None:
        """Begins with the text."""
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- how it is made

    def _side(self, number: int) -> QWidget:
        side, words = self.view.sides[number], QWidget(self)
        row = QHBoxLayout(words)
        row.setContentsMargins(0, 0, 0, 0)
        if self._joins:
            chip = StateChip(self._frame.theme, ("First", "Second")[number], *MARKS[number], parent=words)
            row.addWidget(chip)
        row.addWidget(PlainLabel(f"by {_by(side)}", words, elide=True), 1)
        return words

    def _decider(self, keep: str, words: str, key: str) -> QPushButton:
        button = QPushButton(f"{words}  {key}", self)
        button.setShortcut(key)
        button.setAutoDefault(False)
        button.setAccessibleName(f"Keep {words.lower()} at the next open place")
        button.clicked.connect(partial(self._on_decide, keep))
        button.setVisible(self._joins)
        return button

    def _dress_table(self) -> None:
        plain_table(self.table, self.model, "Both texts, line by line", (CHANGE_PX, 300))
        self.table.setItemDelegateForColumn(0, ChangeDelegate(self._frame.theme, self.table))
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setVisible(self._joins)

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        self.hint.setWordWrap(True)
        self.trouble.setWordWrap(True)
        deciding, foot = QHBoxLayout(), QHBoxLayout()
        keep = PlainLabel("Keep", self)
        keep.setVisible(self._joins)
        deciding.addWidget(keep)
        for button in self.decide.values():
            deciding.addWidget(button)
        deciding.addStretch(1)
        foot.addWidget(self.save)
        foot.addWidget(self.back)
        foot.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addWidget(self.title)
        for side in self.sides:
            whole.addWidget(side)
        whole.addWidget(self.table, 3)
        whole.addWidget(self.hint)
        whole.addWidget(self.text, 2)
        whole.addLayout(deciding)
        whole.addWidget(self.trouble)
        whole.addLayout(foot)

    def _connect(self) -> None:
        for button in (self.save, self.back):
            button.setAutoDefault(True)
        guard(self.save)
        self.save.clicked.connect(self._on_save)
        self.back.clicked.connect(self.left)
        self.text.textChanged.connect(self._say_state)
        self.draft.restored.connect(self._on_restored)
        self._frame.bridge.changed.connect(self._on_changed)
        self._frame.theme.changed.connect(self._dress)

    def _dress(self) -> None:
        theme = self._frame.theme
        self.title.setFont(theme.font("title"))
        self.trouble.setFont(theme.font("strong"))
        self.table.setFont(theme.font("body"))
        self.text.setFont(theme.font("body"))
        self.hint.setFont(theme.font("small"))
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + theme.px("space_1"))

    # -- what it shows

    def _on_compared(self, found: Comparison) -> None:
        self._busy, self._start = False, found.merged
        self.model.show(found.lines)
        self.table.setCurrentIndex(self.model.index(self.model.first_change(), 0))
        hints = ["Ctrl+Enter goes to the button." if not self._joins else "Edit the joined text; Ctrl+Enter goes on."]
        if found.rewritten:
            hints.append("Characters that deceive the eye are written out: what you see is what is saved.")
        if len(self.view.sides) > 2:
            hints.append(f"{len(self.view.sides) - 2} more stand beside these; join them after.")
        self.hint.setText(" ".join(hints))
        place = f"{self.view.note}:{':'.join(side.event_id for side in self.view.sides)}"
        self.draft.open(self.view.incident, place, found.merged)
        self._say_state()

    def _on_restored(self, saved_at: str) -> None:
        moment = moment_of(saved_at)
        when = f" of {clock_time(moment)}" if moment is not None else ""
        self.hint.setText(f"Your draft{when} is back. {self.hint.text()}")

    def _say_state(self) -> None:
        text, missing = self.text.toPlainText(), ""
        still = open_places(text)
        if self._busy:
            missing = "Comparing ..."
        elif not text.strip():
            missing = "A note cannot become empty; write what holds instead."
        elif still:
            are = "1 place is" if still == 1 else f"{still} places are"
            missing = f"{are} open: decide each."
        elif has_marks(text):
            missing = "A mark of the merge was left behind; delete its line."
        elif len(text) > MAX_NOTE:
            missing = f"{len(text) - MAX_NOTE} characters too many; attach the rest as evidence."
        elif not self._joins and text == self._start:
            missing = "Nothing is changed yet."
        self.trouble.setText(missing)
        self.trouble.setVisible(bool(missing))
        self.save.setFlat(bool(missing))
        self.save.setProperty("blocked", bool(missing))
        self.save.setAccessibleDescription(missing)
        for button in self.decide.values():
            button.setEnabled(bool(still))

    def _on_changed(self, changes: Changes) -> None:
        if changes.touches("timeline", self.view.incident):
            then = self._on_looked_again
            self._frame.bridge.ask(note_view, self.view.incident, self.view.note, owner=self, then=then)

    def _on_looked_again(self, view: NoteView | None) -> None:
        known = {side.event_id for side in self.view.sides}
        fresh = [side for side in view.sides if side.event_id not in known] if view is not None else []
        if fresh and not self._busy:
            self.hint.setText(f"Meanwhile {_by(fresh[-1])} wrote another text; it is joined after this.")

    # -- what is done

    def _on_decide(self, keep: str, _: bool = False) -> None:
        cursor = self.text.textCursor()
        text, line = decide(self.text.toPlainText(), cursor.blockNumber(), keep)
        if line < 0:
            return
        cursor.beginEditBlock()  # one step to undo
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()
        block = self.text.document().findBlockByNumber(line)
        cursor.setPosition(block.position() if block.isValid() else 0)
        self.text.setTextCursor(cursor)
        self.text.centerCursor()

    def _on_save(self) -> None:
        if self._busy or self.trouble.text():
            return
        self._busy = True
        saw = [side.event_id for side in self.view.sides[:2]]
        self._frame.bridge.act(
            revise_note, self.view.incident, self.view.note, self.text.toPlainText(), saw,
            actor=self._frame.session.actor(), owner=self, then=self._on_saved, failed=self._on_failed,
        )  # fmt: skip

    def _on_saved(self, _: Changes) -> None:
        self.draft.drop()
        self.left.emit()

    def _on_failed(self, error: BaseException) -> None:
        self._busy = False
        self.trouble.setText(sentence_of(error))
        self.trouble.show()

    # -- events

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        for before, after in pairwise((self.table, self.text, *self.decide.values(), self.save, self.back)):
            QWidget.setTabOrder(before, after)
        QTimer.singleShot(0, self, self.take_focus)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape:
            if not event.isAutoRepeat():
                self.left.emit()
        elif event.key() in _ENTER:
            if not event.isAutoRepeat():
                self.save.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._frame.theme.colour("base"))
        painter.end()


def _by(side: NoteText) -> str:
    role = f" as {side.role[:40].replace('_', ' ')}" if side.role else ""
    waits = ", not sent yet" if side.status == "pending" else ""
    return f"{side.actor[:60]}{role}, {side.at[:10]} {side.at[11:19]} UTC{waits}"

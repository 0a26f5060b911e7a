"""What two people said at once, on the incident page: every side with who and when, and a button to keep one of them.

It is there only while something is in conflict. Keeping a side needs a reason and the commander's signature; the rule
is checked by the action again.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from console.actions.conflicts import resolve_conflict
from console.domain.changes import Changes
from console.domain.gates import COMMANDER
from console.queries.conflicts import Conflict, Side, conflicts
from console.ui.bridge import sentence_of
from console.ui.chips import StateChip
from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.press import guard
from console.ui.words import Words

MARK, HOLDS, STANDS = "\u25c6", "\u25b6", "\u25b7"
"""Shapes beside the words: in conflict, the side that holds meanwhile, a side that does not."""
MOST_REASON = 500
MOST_SHOWN = 3
MOST_TOLD = 240
"""Characters of what a side says: a long note is read where its texts are compared."""


class ConflictsView(QWidget):
    """The open conflicts of the chosen incident; hidden while there are none.

    Signals: `join_wanted()` when the texts of a note shall be compared and joined, which is done in the timeline.
    """

    join_wanted = Signal()

    def __init__(self, frame: Frame, parent: QWidget) -> None:
        super().__init__(parent)
        self._frame = frame
        self.found: tuple[Conflict, ...] = ()
        self.reason = QLineEdit(self)
        self.reason.setMaxLength(MOST_REASON)
        self.reason.setPlaceholderText("Why this side is kept")
        self.reason.setAccessibleName("Reason for keeping a side")
        self.draft = Draft(frame.bridge, self.reason, "conflict")
        self.keep: dict[str, QPushButton] = {}
        self._inner: QWidget | None = None
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.addWidget(self.reason)
        self.hide()
        frame.selection.incident_changed.connect(self._on_chosen)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.attached.connect(self._ask)
        self._open_draft()
        self._ask()

    def take_focus(self) -> None:
        """Begins with the reason."""
        self.reason.setFocus(Qt.FocusReason.OtherFocusReason)

    @classmethod
    def put_into(cls, frame: Frame, page: QWidget, place: int) -> ConflictsView:
        """A view at `place` of the page's layout."""
        made = cls(frame, page)
        layout = page.layout()
        assert isinstance(layout, QBoxLayout)
        layout.insertWidget(place, made)
        return made

    def show_conflicts(self, incident: str, found: tuple[Conflict, ...]) -> None:
        """Shows these; an answer for another incident than the chosen one is dropped."""
        if incident != self._frame.selection.incident or found == self.found:
            return
        self.found = found
        if self._inner is not None:
            self._inner.hide()
            self._inner.deleteLater()
        self._inner, self.keep = QWidget(self), {}
        rows = QVBoxLayout(self._inner)
        rows.setContentsMargins(0, 0, 0, 0)
        for conflict in found[:MOST_SHOWN]:
            self._add(conflict, rows)
        if len(found) > MOST_SHOWN:
            rows.addWidget(self._words(f"{MARK} {len(found) - MOST_SHOWN} more in conflict.", "small"))
        self._rows.insertWidget(0, self._inner)
        self.setVisible(bool(found))

    def _add(self, conflict: Conflict, rows: QVBoxLayout) -> None:
        what = conflict.subject.partition(":")
        name = " ".join(part for part in (what[0], what[2]) if part and what[0] != "note") or "note"
        head = f"IN CONFLICT: {name.replace('_', ' ')[:40]}"
        rows.addWidget(StateChip(self._frame.theme, head, "diamond", "warning", self._inner))
        for side in conflict.sides:
            line = QHBoxLayout()
            shape, state = (HOLDS, "holds meanwhile") if side.holds else (STANDS, "stands beside it")
            told = side.sentence.replace("\n", " / ")
            told = told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]} ..."
            said = f"{shape} {told} {side.actor}, {side.at[:19].replace('T', ' ')} UTC; {state}."
            line.addWidget(self._words(said, "body"), 1)
            line.addWidget(self._button(conflict, side))
            rows.addLayout(line)
        if what[0] == "note":
            join = QPushButton("Compare and join the texts", self._inner)
            join.setAutoDefault(True)
            guard(join)
            join.clicked.connect(self.join_wanted)
            rows.addWidget(join, 0, Qt.AlignmentFlag.AlignLeft)

    def _button(self, conflict: Conflict, side: Side) -> QPushButton:
        button = QPushButton("Keep this one", self._inner)
        button.setAccessibleName(f"Keep what {side.actor} said")
        button.setAutoDefault(True)
        guard(button)
        button.clicked.connect(partial(self._on_keep, conflict, side.event_id))
        self.keep[side.event_id] = button
        return button

    def _words(self, text: str, font: str) -> Words:
        return Words(self._frame.theme, text, font, wrap=True, parent=self._inner)

    def _on_keep(self, conflict: Conflict, kept: str, _: bool = False) -> None:
        if not self.reason.text().strip():
            self.reason.setFocus()
            self._frame.notices.say("Write why this side is kept, then press again.", "warning")
            return
        over = [side.event_id for side in conflict.sides if side.event_id != kept]
        self._frame.bridge.act(
            resolve_conflict,
            conflict.incident,
            conflict.subject,
            kept,
            over,
            self.reason.text(),
            actor=self._frame.session.actor(COMMANDER if COMMANDER in self._frame.session.roles else ""),
            owner=self,
            then=self._on_resolved,
            failed=self._on_failed,
        )

    def _on_resolved(self, _: Changes) -> None:
        self.draft.drop()
        self._open_draft()

    def _on_failed(self, error: BaseException) -> None:
        self._frame.notices.say(sentence_of(error), "error")

    def _on_chosen(self, _: str) -> None:
        self.show_conflicts(self._frame.selection.incident, ())
        self._open_draft()
        self._ask()

    def _open_draft(self) -> None:
        if self._frame.selection.incident:
            self.draft.open(self._frame.selection.incident)

    def _on_changed(self, changes: Changes) -> None:
        if self._frame.selection.incident in changes.incidents:
            self._ask()

    def _ask(self) -> None:
        incident = self._frame.selection.incident
        if incident and self._frame.bridge.is_open:
            self._frame.bridge.ask(
                conflicts, incident, owner=self, then=partial(self.show_conflicts, incident), failed=self._on_failed
            )

"""What a sheet asks of other people and of the plane besides the order itself; none of it moves a switch."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from console.actions.approvals import request_approval, request_criterion, withdraw_approval
from console.actions.incidents import add_note
from console.domain.changes import Changes
from console.domain.confirmation import Preview
from console.queries.switches import Request
from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.switches.draft import Armed

CASES = 100
"""Cases of a measured run."""


class Asking(QObject):
    """Signals: `said(words)`, `measuring(bool)` while a run is under way, `recorded()` when a note was written."""

    said = Signal(str)
    measuring = Signal(bool)
    recorded = Signal()

    def __init__(self, frame: Frame, armed: Armed, parent: QObject) -> None:
        super().__init__(parent)
        self._frame, self._armed = frame, armed

    def ask_second(self, preview: Preview, reason: str) -> None:
        """Asks a second person to approve exactly what is previewed."""
        armed, policy = self._armed, self._frame.policy
        self._frame.bridge.act(
            request_approval,
            armed.incident,
            command_id=armed.command_id,
            switch=armed.switch.id,
            target=armed.target,
            want=armed.want,
            preview=preview,
            reason=reason,
            inventory=policy.inventory,
            catalogue=policy.switches,
            policy_hash=policy.hash,
            actor=self._frame.session.actor(),
            owner=self,
        )

    def withdraw(self, request: Request) -> None:
        """Takes the request for a second person back, at one press: nothing can come of it but asking again."""
        self._frame.bridge.act(
            withdraw_approval,
            request.incident,
            request.event_id,
            "Withdrawn at the sheet.",
            actor=self._frame.session.actor(),
            owner=self,
        )

    def ask_owner(self, criterion: str) -> None:
        """Asks whoever signs off that criterion."""
        self._frame.bridge.act(
            request_criterion,
            self._armed.incident,
            catalogue=self._frame.policy.switches,
            switch=self._armed.switch.id,
            target=self._armed.target,
            criterion=criterion,
            actor=self._frame.session.actor(),
            owner=self,
        )

    def measure(self) -> None:
        """Has the plane run validation cases against the target, delivered to nobody."""
        armed = self._armed
        self.measuring.emit(True)
        self.said.emit(f"Measuring {CASES} cases, delivered to nobody …")
        self._frame.bridge.errand(
            lambda client: client.validate(armed.incident, armed.target, CASES).answer,
            owner=self,
            then=self._on_measured,
            failed=self._on_not_measured,
        )

    def look_up(self, command_id: str) -> None:
        """Asks the plane what became of a command; changes nothing there."""
        self._frame.bridge.errand(lambda client: client.command(command_id).answer, owner=self, then=self._on_looked_up)

    def note_by_hand(self, words: str) -> None:
        """Writes into the timeline that the fallback was used just now."""
        armed, now = self._armed, self._frame.bridge.now()
        text = f"By hand, without the plane: {armed.verb.lower()} {armed.breadcrumb}. {armed.switch.fallback} {words}"
        self._frame.bridge.act(
            add_note,
            armed.incident,
            text.strip(),
            now,
            actor=self._frame.session.actor(),
            owner=self,
            then=self._on_note,
        )

    def _on_measured(self, answer: Any) -> None:
        self.measuring.emit(False)
        self.said.emit(f"Measured: {answer.passed} of {answer.cases} cases pass; it counts once it has arrived.")
        self._frame.bridge.sync_now()

    def _on_not_measured(self, error: BaseException) -> None:
        self.measuring.emit(False)
        self.said.emit(sentence_of(error))

    def _on_looked_up(self, answer: Any) -> None:
        self._frame.notices.say(f"The plane says of this command: {answer.state}.", "info")
        self._frame.bridge.sync_now()

    def _on_note(self, _: Changes) -> None:
        self.recorded.emit()

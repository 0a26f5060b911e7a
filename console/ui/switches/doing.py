"""What the panel has done outside of a sheet: a look at a switch, a look-up of a command, the capture beside a stop.

None of it moves a switch. A look is kept in the record, so that its age can be told even offline.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from console.actions.sightings import record_sighting
from console.domain.reach import Reach
from console.domain.switches import RUNNING, STOPPED
from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.switches.draft import Armed
from console.ui.switches.looking import look_from


class Doing(QObject):
    """Signal: `looked(Reach, Look)` when the plane has looked."""

    looked = Signal(object, object)

    def __init__(self, frame: Frame, parent: QObject) -> None:
        super().__init__(parent)
        self._frame = frame

    def look(self, incident: str, reach: Reach) -> None:
        """Has the plane look at a switch; "running" is asked for, so that it keeps no probe stream open for us."""
        self._frame.bridge.errand(
            lambda client: client.select(incident, reach.switch, reach.target, RUNNING),
            owner=self,
            then=partial(self._on_looked, reach),
        )

    def look_up(self, command_id: str) -> None:
        """Asks the plane what became of a command; the sync asks by itself too, and nothing is sent again."""
        self._frame.bridge.errand(lambda client: client.command(command_id).answer, owner=self, then=self._on_looked_up)

    def capture(self, armed: Armed) -> None:
        """Copies evidence of what a stop stops, at once and beside it (SWI-8)."""
        identity = self._frame.session.evidence_identity
        if armed.want != STOPPED:
            return
        if identity is None:
            self._frame.notices.say("Nothing is captured: this desk has no evidence identity.", "error")
            return
        from console.runtime.capture import capture_target

        desk, actor = self._frame.bridge.desk, self._frame.session.actor()
        job = partial(capture_target, desk, armed.incident, armed.target, identity.recipient, actor)
        self._frame.bridge.work(job, owner=self, then=self._on_captured, failed=self._on_not_captured)

    def _on_looked(self, reach: Reach, exchange: Any) -> None:
        look = look_from(exchange)
        self._frame.bridge.act(
            record_sighting, switch=reach.switch, target=reach.target, preview=look.preview, method=look.method,
            seen_at=look.seen_at, command_id=look.command_id, capabilities=look.capabilities, owner=self,
        )  # fmt: skip
        self.looked.emit(reach, look)

    def _on_looked_up(self, answer: Any) -> None:
        self._frame.notices.say(f"The plane says of this command: {answer.state}.", "info")
        self._frame.bridge.sync_now()

    def _on_captured(self, captured: Any) -> None:
        count = sum(captured.items.values())
        self._frame.notices.say(f"Captured {count} items of evidence in {len(captured.items)} of 7 dimensions.")

    def _on_not_captured(self, error: BaseException) -> None:
        self._frame.notices.say(f"The capture of evidence failed: {sentence_of(error)}", "error")

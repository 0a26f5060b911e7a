"""Keeps what the person who sits here may do as the record has it, and says loudly when their key is not theirs there.

Asked again when the organisation changed, when somebody else sits down, and when a loan ends, which needs no event.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from console.actions.people import raise_key_alarm
from console.queries.seat import SeatNow, seat_now
from console.ui.ages import moment_of

if TYPE_CHECKING:
    from console.domain.changes import Changes
    from console.ui.frame import Frame

GATHER_MS, LONGEST_MS = 100, 30_000
"""A loan's end is looked for at least so often: the machine may sleep, and its clock may be set."""


class SeatWatch(QObject):
    """Keeps `session.roles` and `session.lent`; `bridge.roles_changed` follows a change."""

    def __init__(self, frame: Frame, parent: QObject) -> None:
        super().__init__(parent)
        self._frame = frame
        self._alarmed = ""
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._ends = QTimer(self, singleShot=True)
        for timer in (self._gathering, self._ends):
            timer.timeout.connect(self._look)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.person_changed.connect(self._look)
        self._look()

    def stop(self) -> None:
        """Ends the timers."""
        self._gathering.stop()
        self._ends.stop()

    def _on_changed(self, changes: Changes) -> None:
        if changes.touches("organisation") and not self._gathering.isActive():
            self._gathering.start()

    def _look(self) -> None:
        session, bridge = self._frame.session, self._frame.bridge
        if bridge.is_open and session.enrolled:
            key = session.key.public_hex if session.key is not None else ""
            device = bridge.desk.settings.device_key.id
            then = partial(self._show, session.person)
            bridge.ask(seat_now, session.person, key, device, bridge.now(), owner=self, then=then)

    def _show(self, person: str, found: SeatNow) -> None:
        session = self._frame.session
        if person != session.person or not found.known:
            return
        if (found.roles, found.lent) != (session.roles, session.lent):
            session.roles, session.lent = found.roles, found.lent
            self._frame.bridge.roles_changed.emit()
        self._wait_for_end(found)
        if found.key_fault and found.key_fault != self._alarmed:
            self._frame.notices.say(found.key_fault, "error")
            self._frame.bridge.act(raise_key_alarm, found.key_fault, owner=self)
        self._alarmed = found.key_fault

    def _wait_for_end(self, found: SeatNow) -> None:
        end = moment_of(min(found.lent.values(), default=""))
        if end is None:
            self._ends.stop()
        else:
            left = int((end - self._frame.bridge.now()).total_seconds() * 1000) + 1
            self._ends.start(min(max(left, 1), LONGEST_MS))

"""The scratch of one step of the sync engine; it never outlives the call, so the engine stays a function.

Lanes are named "session", "push", "pull", "seek", "ahead" and "alarm"; each does one thing at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from console.sync.judge import STOPPING
from console.sync.pace import CALM_US
from console.sync.values import ASKING, IDLE, WAITING, WRITING, Halt, Lane, RaiseAlarm, Request, SyncState, Timer, Write

LANES = ("session", "push", "pull", "seek", "ahead", "alarm")


class Turn:
    """The scratch of one step: it never outlives the call."""

    def __init__(self, state: SyncState, now_us: int, roll: float) -> None:
        self.state, self.now_us, self.roll = state, now_us, roll
        self.writes: list[Write] = []
        self.requests: list[Request] = []
        self.timers: list[Timer] = []

    def set(self, **changes: Any) -> None:
        """Replaces fields of the state."""
        self.state = replace(self.state, **changes)

    def lane(self, name: str) -> Lane:
        """The lane of that name."""
        lane: Lane = getattr(self.state, name)
        return lane

    def set_lane(self, name: str, **changes: Any) -> None:
        """Replaces fields of one lane."""
        self.set(**{name: replace(self.lane(name), **changes)})

    def lane_of(self, serial: int) -> str:
        """The lane that waits for that serial, or ""."""
        return next((n for n in LANES if self.lane(n).phase != IDLE and self.lane(n).serial == serial), "")

    def begin(self, name: str, phase: str) -> int:
        """Marks the lane busy and returns the serial for its request, write or timer."""
        serial = self.state.serials + 1
        self.set(serials=serial)
        self.set_lane(name, phase=phase, serial=serial)
        return serial

    def ask(self, name: str, patient: bool = False) -> int:
        """Like `begin`, for a request to the plane; `patient` when it may be answered late on purpose."""
        serial = self.begin(name, ASKING)
        self.set_lane(name, asked_us=self.now_us, token_no=self.state.token_no, patient=patient)
        return serial

    def rest(self, name: str, delay_s: float) -> None:
        """The lane waits so many seconds."""
        self.timers.append(Timer(self.begin(name, WAITING), delay_s))

    def release(self, name: str) -> None:
        """The lane is free again; what a push held goes back to the outbox, where it never left."""
        self.set_lane(name, phase=IDLE)
        if name == "push":
            self.set(in_flight=(), dirty=True, settled=0)

    def done(self, name: str) -> None:
        """The lane did what it was for: the next wait starts small again."""
        self.set_lane(name, phase=IDLE, failures=0, answered=0)
        self.set(trouble="")

    def reached(self) -> None:
        """The plane answered something: it is there."""
        if not self.state.online_since_us:
            self.set(online_since_us=self.now_us)
        self.set(offline_since_us=0)

    def stop(self, reason: str, sentence: str) -> None:
        """Sends and fetches nothing more until a person asks."""
        if self.state.halt is None:
            self.set(halt=Halt("stopped", reason, sentence))

    def alarm(self, fault: tuple[str, str]) -> None:
        """A sign that the plane is not what it was: told, then recovered from, or a stop until a person decides."""
        self.set(doubts=self.state.doubts + 1)
        if fault[0] in STOPPING:
            self._stand_still(fault)
        else:
            self._begin_recovery(fault)

    def tell(self) -> None:
        """Writes the alarm down that the engine is in, or that it is recovering from."""
        halt, doubt = self.state.halt, self.state.doubt
        fault = (halt.reason, halt.sentence) if halt is not None and halt.kind == "alarm" else doubt
        if fault is not None:
            self.writes.append(RaiseAlarm(self.begin("alarm", WRITING), *fault))

    def _stand_still(self, fault: tuple[str, str]) -> None:
        if self.state.halt is not None and self.state.halt.kind == "alarm":
            return
        self.set(halt=Halt("alarm", *fault), doubt=None)
        self.tell()

    def _begin_recovery(self, fault: tuple[str, str]) -> None:
        """Everything under way is dropped: what it would bring belongs to a journal in doubt."""
        if self.state.doubt is not None:
            return
        for name in ("session", "push", "pull", "seek", "ahead"):
            self.release(name)
        calm = self.now_us - self.state.doubted_us > CALM_US
        self.set(
            doubt=fault, rested=False, configured=False, pending_plane=None, pending_cursor=None, trouble=fault[1],
            streak=1 if calm else self.state.streak + 1, doubted_us=self.now_us, seek_after=None,
            stray=0, heads_after=("", 0),
        )  # fmt: skip
        self.tell()

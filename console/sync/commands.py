"""The command engine: one pure function that sends a kill command at most once and never leaves its outcome a guess.

A command is sent only in the step that learns of its authorisation, while its 30 s last and while the plane answers;
there is no other place that makes a `SendCommand`. Everything later - a lost answer, a restart of the desk, a plane
that comes back - leads to look-ups, which change nothing (design.md, *Commands*; SWI-3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from console.domain.commands import (
    AUTHORISED,
    ENDS,
    EXPIRED,
    REFUSED,
    SENT,
    STALE,
    UNKNOWN,
    may_follow,
    may_move,
)
from console.sync.command_values import (
    Answered,
    CommandAuthorised,
    CommandFound,
    CommandInput,
    CommandsState,
    CommandStep,
    CommandTimer,
    Connected,
    JournalSeen,
    LookUp,
    OffsetMeasured,
    PlaneWord,
    RecordCommand,
    Recorded,
    RecordFailed,
    SendCommand,
    Tracked,
    Unanswered,
    WaitOver,
)
from console.sync.pace import better, full_jitter
from console.sync.values import Failure

SENDING, LOOKING, RESTING, REWRITING = "sending", "looking", "resting", "rewriting"
FOLLOW_S = 10
"""How long a look-up of a command under way may be held by the plane."""
SURE_US = 5_000_000
"""With the offset known, a command this long past its end cannot be taken any more, however late it arrives."""
SURE_WITHOUT_OFFSET_US = 120_000_000
"""Without it: the skew that plane and desk tolerate in each other."""
_SPIN_US = 500_000
READ_BACK = "read the switch back before anything else."
_FORGOTTEN = f"The plane took this command and does not know it any more; {READ_BACK}"
_DOUBTED = f"The plane does not know this command, and was rolled back since it was sent; {READ_BACK}"


def step(state: CommandsState, event: CommandInput, now_us: int, roll: float) -> CommandStep:
    """What follows from one input; `roll` is chance in [0, 1), used for waiting times only."""
    turn = _Turn(state, now_us, roll)
    _HANDLERS[type(event)](turn, event)
    return CommandStep(turn.state, tuple(turn.writes), tuple(turn.requests), tuple(turn.timers))


class _Turn:
    """The scratch of one step: it never outlives the call."""

    def __init__(self, state: CommandsState, now_us: int, roll: float) -> None:
        self.state, self.now_us, self.roll = state, now_us, roll
        self.writes: list[RecordCommand] = []
        self.requests: list[SendCommand | LookUp] = []
        self.timers: list[CommandTimer] = []

    def serial(self) -> int:
        self.state = replace(self.state, serials=self.state.serials + 1)
        return self.state.serials

    def put(self, command: Tracked) -> Tracked:
        others = tuple(c for c in self.state.commands if c.command_id != command.command_id)
        self.state = replace(self.state, commands=(*others, command))
        return command

    def waiting_for(self, serial: int) -> Tracked | None:
        return next((c for c in self.state.commands if c.busy == serial and serial), None)

    def record(self, command: Tracked) -> Tracked:
        """Writes down what is known of the command now; a later write of it replaces this one."""
        serial, offset, word = self.serial(), self.state.offset, command.word
        seen = word.observed_plane_us if word else 0
        self.writes.append(
            RecordCommand(
                serial,
                command.command_id,
                command.state,
                command.sentence,
                command.sent_us,
                command.acknowledged_us,
                word,
                offset.to_desk(seen) if offset and seen else seen,
                offset.offset_us if offset else 0,
                offset is not None,
            )
        )
        return self.put(replace(command, unwritten=serial))

    def rest(self, command: Tracked, delay_s: float, phase: str = RESTING) -> None:
        serial = self.serial()
        self.timers.append(CommandTimer(serial, delay_s))
        self.put(replace(command, busy=serial, phase=phase))

    def look(self, command: Tracked, wait_s: int = 0) -> None:
        serial = self.serial()
        self.requests.append(LookUp(serial, command.command_id, wait_s))
        self.put(replace(command, busy=serial, phase=LOOKING))


def _on_authorised(turn: _Turn, event: CommandAuthorised) -> None:
    if turn.state.find(event.command_id) is not None:
        return
    fresh = Tracked(event.command_id, AUTHORISED, event.expires_us, ends_plane_us=event.ends_plane_us)
    if turn.now_us >= event.expires_us:
        turn.record(
            replace(fresh, state=EXPIRED, sentence="It expired before it could be sent; nothing left this desk.")
        )
    elif not turn.state.online:
        sentence = "The plane does not answer, so nothing was sent; use the fallback card and record that you did."
        turn.record(replace(fresh, state=REFUSED, sentence=sentence))
    else:
        # Sent and written side by side: after a crash a row that is not at an end is looked up, so sending need not
        # wait for the disk to be safe.
        sent = turn.record(replace(fresh, state=SENT, sent_us=turn.now_us))
        serial = turn.serial()
        turn.requests.append(SendCommand(serial, event.command_id, event.order))
        turn.put(replace(sent, busy=serial, phase=SENDING))


def _on_found(turn: _Turn, event: CommandFound) -> None:
    if turn.state.find(event.command_id) is not None or event.state in ENDS:
        return
    found = Tracked(
        event.command_id, event.state, event.expires_us, event.sent_us, event.acknowledged_us, doubted=event.doubted,
        ends_plane_us=event.ends_plane_us,
    )  # fmt: skip
    sentence = "The desk stopped while it was under way; its outcome is being looked up."
    if found.state in (AUTHORISED, SENT):
        # The row may lag behind the wire: what was authorised may have been sent just before the desk died.
        found = turn.record(replace(found, state=UNKNOWN, sentence=sentence))
    turn.put(found)
    turn.look(found)


def _on_connected(turn: _Turn, event: Connected) -> None:
    came_back = event.online and not turn.state.online
    turn.state = replace(turn.state, online=event.online)
    for command in turn.state.commands if came_back else ():
        if command.phase == RESTING:
            turn.look(replace(command, failures=0))


def _on_answered(turn: _Turn, event: Answered) -> None:
    command = turn.waiting_for(event.serial)
    if command is None or event.word.command_id != command.command_id:
        return
    was_sending, before = command.phase == SENDING, command
    command = replace(command, busy=0, phase="", failures=0)
    if was_sending:
        command = replace(command, sent_us=event.sent_us)
    command = _moved(command, event.word)
    if not command.acknowledged_us and command.state not in (REFUSED, EXPIRED, STALE):
        command = replace(command, acknowledged_us=event.received_us)
    news = command.state != before.state or command.word != before.word
    command = turn.record(command) if news or was_sending else turn.put(command)
    if command.state in ENDS:
        return
    if not was_sending and not news and event.received_us - event.sent_us < _SPIN_US:
        turn.rest(replace(command, failures=before.failures + 1), full_jitter(before.failures + 1, turn.roll))
    else:
        turn.look(replace(command, failures=before.failures if not news else 0), FOLLOW_S)


def _moved(command: Tracked, word: PlaneWord) -> Tracked:
    """The command after the plane's word; progress never goes back and an end never moves."""
    if word.state == command.state:
        return replace(command, word=word)
    if not may_follow(command.state, word.state):
        return command
    return replace(command, state=word.state, word=word, sentence=word.problem_detail)


def _on_unanswered(turn: _Turn, event: Unanswered) -> None:
    command = turn.waiting_for(event.serial)
    if command is None:
        return
    sending = command.phase == SENDING
    command = replace(command, busy=0, phase="")
    if sending:
        _on_send_failed(turn, replace(command, sent_us=event.sent_us), event.failure)
    elif event.failure.status == 404:
        _on_not_known(turn, command)
    else:
        _look_later(turn, command)


def _on_send_failed(turn: _Turn, command: Tracked, failure: Failure) -> None:
    end = _refusal(failure)
    if end:
        turn.record(replace(command, state=end, sentence=failure.sentence))
        return
    sentence = "The answer was lost, so the outcome is unknown; it is being looked up and is not sent again."
    turn.look(turn.record(replace(command, state=UNKNOWN, sentence=sentence)))


def _refusal(failure: Failure) -> str:
    """The end that a failed send is, or "" when the plane may have taken the command all the same."""
    if failure.kind == "offline":
        return REFUSED
    if failure.kind != "problem" or not 400 <= failure.status < 500:
        return ""
    return {"stale": STALE, "expired": EXPIRED}.get(failure.problem_kind, REFUSED)


def _on_not_known(turn: _Turn, command: Tracked) -> None:
    """The plane has no such command: final once it would refuse it as expired; until then it may be on its way.

    A plane that was rolled back does not know what it took either. So it is final only after sync, asking later than
    this, has found the journal to be the one it followed when the command was sent; else the outcome stays unknown.
    """
    left_us = _until_sure_us(turn, command)
    if command.acknowledged_us or command.word is not None or command.doubted:
        sentence = _DOUBTED if command.doubted else _FORGOTTEN
        if command.sentence != sentence:
            state = UNKNOWN if may_move(command.state, UNKNOWN) else command.state
            command = turn.record(replace(command, state=state, sentence=sentence))
        _look_later(turn, command)
    elif left_us <= 0 and not 0 < command.missing_us < turn.state.journal.followed_us:
        _look_later(turn, replace(command, missing_us=command.missing_us or turn.now_us))
    elif left_us <= 0:
        sentence = "It never reached the plane and has expired; nothing was done."
        turn.record(replace(command, state=EXPIRED, sentence=sentence))
    else:
        turn.rest(command, max(left_us / 1e6, 0.1))


def _until_sure_us(turn: _Turn, command: Tracked) -> int:
    """How long until no plane would take it any more: by the plane's clock, or by the desk's while that is unknown."""
    offset = turn.state.offset
    if offset is None:
        return command.expires_us + SURE_WITHOUT_OFFSET_US - turn.now_us
    ends_us = command.ends_plane_us or command.expires_us
    return ends_us + SURE_US + offset.round_trip_us // 2 - (turn.now_us + offset.offset_us)


def _look_later(turn: _Turn, command: Tracked) -> None:
    failures = command.failures + 1
    turn.rest(replace(command, failures=failures), full_jitter(failures, turn.roll))


def _on_offset(turn: _Turn, event: OffsetMeasured) -> None:
    turn.state = replace(turn.state, offset=better(turn.state.offset, event.seen))


def _on_journal(turn: _Turn, event: JournalSeen) -> None:
    doubted = event.doubts > turn.state.journal.doubts
    turn.state = replace(turn.state, journal=event)
    for command in turn.state.commands if doubted else ():
        turn.put(replace(command, doubted=True))


def _on_recorded(turn: _Turn, event: Recorded) -> None:
    for command in turn.state.commands:
        if command.unwritten == event.serial:
            turn.put(replace(command, unwritten=0))


def _on_record_failed(turn: _Turn, event: RecordFailed) -> None:
    """The disk did not take it; what is known is kept here and written again, as a whole."""
    for command in turn.state.commands:
        if command.unwritten == event.serial:
            serial = turn.serial()
            turn.timers.append(CommandTimer(serial, 1.0 + turn.roll))
            turn.put(replace(command, unwritten=serial))


def _on_wait_over(turn: _Turn, event: WaitOver) -> None:
    for command in turn.state.commands:
        if command.unwritten == event.serial:
            turn.record(command)
            return
    resting = turn.waiting_for(event.serial)
    if resting is not None:
        turn.look(resting)


_HANDLERS: dict[type, Callable[[_Turn, Any], None]] = {
    CommandAuthorised: _on_authorised,
    CommandFound: _on_found,
    Connected: _on_connected,
    Answered: _on_answered,
    Unanswered: _on_unanswered,
    OffsetMeasured: _on_offset,
    JournalSeen: _on_journal,
    Recorded: _on_recorded,
    RecordFailed: _on_record_failed,
    WaitOver: _on_wait_over,
}

"""The sync engine: one pure function from (state, input) to (state', writes, requests, timers) for push and pull.

No clock, no chance, no I/O: `now_us` and `roll` are arguments, results of requests and writes come back as inputs under
the serial they were asked with. The caller starts every request, write and timer of a step, writes in order, and loses
none of them; a crash is survived by building a new state with `initial` from what was committed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from console.sync.judge import epoch_fault, follow, identity_fault, matching, narrower, receipts_fault
from console.sync.pace import full_jitter
from console.sync.refusals import on_failed, retreat
from console.sync.turn import Turn
from console.sync.values import (
    IDLE,
    READING,
    WAITING,
    WRITING,
    ConfigAnswered,
    Cursor,
    Failed,
    Failure,
    FetchConfig,
    FetchJournal,
    FetchToken,
    Halt,
    Input,
    JournalAnswered,
    NetworkUp,
    OutboxChanged,
    OutboxRead,
    PlaneIdentity,
    PushAnswered,
    PushBatch,
    RaiseAlarm,
    ReadOutbox,
    RememberPlane,
    Step,
    StoreEntries,
    StoreReceipts,
    SyncNow,
    SyncState,
    TimerFired,
    TokenAnswered,
    WriteFailed,
    Written,
)

PAGE = 500
"""Entries asked for at once: parsing more of them in one go would be felt in the window (guides, *The UI thread*)."""
_SPIN_US = 500_000
"""An empty answer to a long poll that came sooner than this did not wait: the next one is held back."""


def initial(
    cursor: Cursor,
    plane: PlaneIdentity | None = None,
    world: bool | None = None,
    waiting: int = 0,
    alarm: Halt | None = None,
) -> SyncState:
    """The state of a desk that starts, from what its store holds; an alarm raised before is still an alarm."""
    return SyncState(cursor=cursor, plane=plane, world=world, waiting=waiting, halt=alarm)


def step(state: SyncState, event: Input, now_us: int, roll: float) -> Step:
    """What follows from one input; `roll` is chance in [0, 1), used for waiting times only."""
    turn = Turn(state, now_us, roll)
    match event:
        case OutboxChanged():
            turn.set(waiting=event.waiting, dirty=True)
        case NetworkUp() | SyncNow():
            _wake(turn, by_person=isinstance(event, SyncNow))
        case _:
            lane = turn.lane_of(event.serial)
            if lane:
                _on_result(turn, lane, event)
    _pump(turn)
    return Step(turn.state, tuple(turn.writes), tuple(turn.requests), tuple(turn.timers))


@dataclass(frozen=True, slots=True)
class Connection:
    """What the screen says: `state` online | offline | connecting | stopped | alarm, since when, and what waits.

    `last_synced_us` is when our copy last was all there was (0: never); `since_us` 0 means since the start.
    """

    state: str
    since_us: int
    last_synced_us: int
    to_send: int
    sentence: str


def connection(state: SyncState) -> Connection:
    """The connection as it is to be shown; its age is the caller's to compute from `since_us`."""
    kind = "online" if state.online_since_us else "offline" if state.offline_since_us else "connecting"
    since, sentence = state.online_since_us or state.offline_since_us, state.trouble
    if state.halt is not None:
        kind, sentence = state.halt.kind, state.halt.sentence
    return Connection(kind, since, state.last_synced_us, state.waiting, sentence)


def _pump(turn: Turn) -> None:
    """Starts whatever is idle and may run."""
    state = turn.state
    if state.halt is not None:
        return
    if state.session.phase == IDLE:
        if not state.configured:
            turn.requests.append(FetchConfig(turn.ask("session")))
        elif not state.token_held and state.plane is not None:
            turn.requests.append(FetchToken(turn.ask("session"), state.plane.origin))
    state = turn.state
    if not (state.configured and state.token_held):
        return
    if state.push.phase == IDLE and state.dirty:
        turn.set(dirty=False)
        turn.requests.append(ReadOutbox(turn.begin("push", READING), state.batch_limit, state.limits.push_bytes))
    if turn.state.pull.phase == IDLE:
        _ask_journal(turn)


def _ask_journal(turn: Turn) -> None:
    """A long poll once we have everything; an answer at once while we are behind or do not know that we are online."""
    state, cursor = turn.state, turn.state.cursor
    patient = bool(state.last_synced_us and state.online_since_us) and cursor.gpos >= cursor.size_seen
    wait_s = state.limits.long_poll_s if patient and not state.pull.failures else 0
    limit = min(state.limits.journal_page, PAGE)
    serial = turn.ask("pull", patient=wait_s > 0)
    turn.requests.append(FetchJournal(serial, cursor.epoch, cursor.gpos, cursor.hash, limit, wait_s))


def _on_result(turn: Turn, lane: str, event: Any) -> None:
    in_doubt = turn.state.halt is not None and turn.state.halt.kind == "alarm"
    if in_doubt and lane != "alarm" and not isinstance(event, Written):
        # What arrives after an alarm is not judged against a journal in doubt; it is asked for again after recovery.
        turn.release(lane)
    else:
        _HANDLERS[type(event)](turn, lane, event)


def _on_token(turn: Turn, lane: str, event: TokenAnswered) -> None:
    turn.reached()
    turn.done(lane)
    turn.set(token_no=turn.state.token_no + 1, token_held=True, token_proven=False)


def _on_refused_write(turn: Turn, lane: str, event: WriteFailed) -> None:
    turn.set(trouble=event.sentence)
    if lane == "pull":
        turn.set(pending_cursor=None)
    elif lane == "session":
        turn.set(pending_plane=None)
    retreat(turn, lane, full_jitter(turn.lane(lane).failures + 1, turn.roll))


def _on_timer(turn: Turn, lane: str, event: TimerFired) -> None:
    turn.set_lane(lane, phase=IDLE)
    if lane == "alarm" and turn.state.halt is not None:
        turn.writes.append(RaiseAlarm(turn.begin(lane, WRITING), turn.state.halt.reason, turn.state.halt.sentence))


def _on_config(turn: Turn, lane: str, event: ConfigAnswered) -> None:
    state = turn.state
    turn.reached()
    fault = identity_fault(state.plane, event.plane) or epoch_fault(state.cursor.epoch, event.epoch)
    if fault:
        turn.set_lane("session", phase=IDLE)
        turn.raise_alarm(fault)
    elif state.world is not None and event.plane.exercise != state.world:
        mine, its = ("an exercise", "the real thing") if state.world else ("the real thing", "an exercise")
        turn.set_lane("session", phase=IDLE)
        turn.stop(
            "wrong_world",
            f"This desk's record is of {mine} and the plane is of {its}; open the record that belongs to it.",
        )
    elif state.plane is None or not state.cursor.epoch:
        turn.set(pending_plane=event)
        turn.writes.append(RememberPlane(turn.begin("session", WRITING), event.plane, event.epoch))
    else:
        _configured(turn, event)


def _configured(turn: Turn, event: ConfigAnswered) -> None:
    limits = narrower(event.limits)
    turn.set(limits=limits, batch_limit=min(turn.state.batch_limit, limits.events_per_push), configured=True)
    turn.done("session")


def _on_outbox(turn: Turn, lane: str, event: OutboxRead) -> None:
    turn.set(waiting=event.waiting, in_flight=event.items)
    if turn.state.halt is not None:
        turn.release(lane)  # stopped while the outbox was being read: it stays there
    elif event.items:
        turn.requests.append(PushBatch(turn.ask("push"), event.items))
    else:
        turn.set_lane("push", phase=IDLE)


def _on_push(turn: Turn, lane: str, event: PushAnswered) -> None:
    state = turn.state
    turn.reached()
    turn.set(token_proven=True)
    receipts = matching(state.in_flight, event)
    fault = epoch_fault(state.cursor.epoch, event.epoch)
    if not fault and state.plane is not None:
        fault = receipts_fault(state.plane, event.epoch, state.in_flight, receipts)
    if fault:
        turn.release(lane)
        turn.raise_alarm(fault)
    elif not receipts:
        on_failed(
            turn, "push", Failure("garbage", "The plane answered a push without a receipt for any of its events.")
        )
    else:
        turn.set(settled=len(receipts))
        turn.writes.append(StoreReceipts(turn.begin("push", WRITING), event.epoch, receipts))


def _on_journal(turn: Turn, lane: str, event: JournalAnswered) -> None:
    cursor = turn.state.cursor
    turn.reached()
    turn.set(token_proven=True)
    after = epoch_fault(cursor.epoch, event.epoch) or follow(cursor, event)
    if not isinstance(after, Cursor):
        turn.set_lane("pull", phase=IDLE)
        turn.raise_alarm(after)
    elif event.entries:
        turn.set(pending_cursor=after)
        turn.writes.append(StoreEntries(turn.begin("pull", WRITING), cursor, event.entries, after))
    elif event.size > cursor.gpos:
        on_failed(turn, "pull", Failure("garbage", "The plane says that its journal is longer but sent nothing of it."))
    else:
        spinning = turn.state.pull.patient and turn.now_us - turn.state.pull.asked_us < _SPIN_US
        turn.set(last_synced_us=turn.now_us)
        turn.done("pull")
        if spinning:
            turn.rest("pull", full_jitter(1, turn.roll))


def _on_written(turn: Turn, lane: str, event: Written) -> None:
    state = turn.state
    if lane == "session" and state.pending_plane is not None:
        met = state.pending_plane
        turn.set(
            plane=met.plane, world=met.plane.exercise, cursor=replace(state.cursor, epoch=met.epoch), pending_plane=None
        )
        _configured(turn, met)
    elif lane == "push":
        grown = min(state.batch_limit * 2, state.limits.events_per_push)
        turn.set(waiting=max(state.waiting - state.settled, 0), settled=0, in_flight=(), dirty=True, batch_limit=grown)
        turn.done("push")
    elif lane == "pull" and state.pending_cursor is not None:
        after = state.pending_cursor
        turn.set(cursor=after, pending_cursor=None)
        if after.gpos >= after.size_seen:
            turn.set(last_synced_us=turn.now_us)
        turn.done("pull")
    else:
        turn.set_lane(lane, phase=IDLE, failures=0)


def _wake(turn: Turn, by_person: bool) -> None:
    for name in ("session", "push", "pull"):
        lane = turn.lane(name)
        if lane.phase == WAITING:
            turn.set_lane(name, phase=IDLE)
        turn.set_lane(name, failures=0)
    turn.set(dirty=True)
    if by_person and turn.state.halt is not None and turn.state.halt.kind == "stopped":
        turn.set(
            halt=None,
            token_held=False,
            token_refusals=0,
            configured=turn.state.configured and turn.state.halt.reason != "wrong_world",
        )
    elif by_person and turn.state.session.phase == IDLE:
        turn.set(configured=False)


_HANDLERS: dict[type, Callable[[Turn, str, Any], None]] = {
    ConfigAnswered: _on_config,
    TokenAnswered: _on_token,
    OutboxRead: _on_outbox,
    PushAnswered: _on_push,
    JournalAnswered: _on_journal,
    Written: _on_written,
    WriteFailed: _on_refused_write,
    TimerFired: _on_timer,
    Failed: lambda turn, lane, event: on_failed(turn, lane, event.failure),
}

"""The sync engine: one pure function from (state, input) to (state', writes, requests, timers) for push and pull.

No clock, no chance, no I/O: `now_us` and `roll` are arguments, results of requests and writes come back as inputs under
the serial they were asked with. The caller starts every request, write and timer of a step, writes in order, and loses
none of them; a crash is survived by building a new state with `initial` from what was committed.

Any sign of a rolled-back plane leads to one routine: the alarm is written, the engine waits by full jitter, asks which
epoch the plane has now, follows its journal from 0 (`StartPull`) and offers every event held. Signs of another or a
forged plane stop it until a person has settled the alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.sync.answers import on_result
from console.sync.turn import Turn
from console.sync.values import (
    IDLE,
    READING,
    WAITING,
    AlarmsSettled,
    Cursor,
    FetchConfig,
    FetchHeads,
    FetchJournal,
    FetchToken,
    Halt,
    Input,
    NetworkUp,
    OutboxChanged,
    PlaneIdentity,
    ReadOutbox,
    ReadWithheld,
    Step,
    SyncNow,
    SyncState,
)

PAGE = 500
"""Entries asked for at once: parsing more of them in one go would be felt in the window (guides, *The UI thread*)."""
FIRST_PAGE = 100
"""The same while we do not know how far behind we are: the sooner we do, the sooner what is open is asked for."""
FAR_PAGE = 1_000
"""The same for a desk that is far behind, whose pages a child process parses: fewer commits for as many entries."""


def initial(
    cursor: Cursor,
    plane: PlaneIdentity | None = None,
    world: bool | None = None,
    waiting: int = 0,
    alarm: Halt | None = None,
    *,
    device: str = "",
    person: str = "",
    incarnation: int = 1,
    withheld: bool = False,
) -> SyncState:
    """The state of a desk that starts, from what its store holds; `alarm` is an unsettled one of `judge.STOPPING`.

    `device` and `incarnation` are those of its own chains, `person` is whose it is ("" unknown); `withheld` says that
    our copy of the journal has positions whose events were withheld.
    """
    return SyncState(
        cursor=cursor, plane=plane, world=world, waiting=waiting, halt=alarm, device=device, person=person,
        incarnation=incarnation, heads_checked=not device, seek_after=0 if withheld else None,
    )  # fmt: skip


def step(state: SyncState, event: Input, now_us: int, roll: float) -> Step:
    """What follows from one input; `roll` is chance in [0, 1), used for waiting times only."""
    turn = Turn(state, now_us, roll)
    match event:
        case OutboxChanged():
            turn.set(waiting=event.waiting, dirty=True)
        case NetworkUp() | SyncNow():
            _wake(turn, by_person=isinstance(event, SyncNow))
        case AlarmsSettled():
            if turn.state.halt is not None and turn.state.halt.kind == "alarm":
                turn.set(halt=None, configured=False, trouble="")
        case _:
            lane = turn.lane_of(event.serial)
            if lane:
                on_result(turn, lane, event)
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
    if state.halt is not None or (state.doubt is not None and not state.rested):
        return
    if state.session.phase == IDLE:
        if not state.configured:
            turn.requests.append(FetchConfig(turn.ask("session")))
        elif not state.token_held and state.plane is not None:
            turn.requests.append(FetchToken(turn.ask("session"), state.plane.origin))
        elif not state.heads_checked:
            turn.requests.append(FetchHeads(turn.ask("session"), *state.heads_after))
    state = turn.state
    if not (state.configured and state.token_held and state.heads_checked):
        return
    if state.push.phase == IDLE and state.dirty:
        turn.set(dirty=False)
        turn.requests.append(ReadOutbox(turn.begin("push", READING), state.batch_limit, state.limits.push_bytes))
    if turn.state.pull.phase == IDLE:
        _ask_journal(turn)
    state = turn.state
    if state.seek.phase == IDLE and state.seek_after is not None and state.cursor.gpos >= state.cursor.size_seen:
        limit = min(state.limits.journal_page, PAGE)
        turn.requests.append(ReadWithheld(turn.begin("seek", READING), state.seek_after, limit))


def _ask_journal(turn: Turn) -> None:
    """A long poll once we have everything; an answer at once while we are behind or do not know that we are online."""
    state, cursor = turn.state, turn.state.cursor
    patient = bool(state.last_synced_us and state.online_since_us) and cursor.gpos >= cursor.size_seen
    wait_s = state.limits.long_poll_s if patient and not state.pull.failures else 0
    page = FAR_PAGE if cursor.size_seen - cursor.gpos > FAR_PAGE else PAGE if cursor.size_seen else FIRST_PAGE
    limit = min(state.limits.journal_page, page)
    serial = turn.ask("pull", patient=wait_s > 0)
    turn.requests.append(FetchJournal(serial, cursor.epoch, cursor.gpos, cursor.hash, limit, wait_s))


def _wake(turn: Turn, by_person: bool) -> None:
    for name in ("session", "push", "pull", "seek", "ahead"):
        lane = turn.lane(name)
        if lane.phase == WAITING:
            turn.set_lane(name, phase=IDLE)
        turn.set_lane(name, failures=0)
    turn.set(dirty=True)
    if not by_person:
        return
    state = turn.state
    if state.doubt is not None and state.alarm.phase == WAITING and not state.alarm.failures:
        turn.set_lane("alarm", phase=IDLE)
        turn.set(rested=True)
    if state.halt is not None and state.halt.kind == "stopped":
        configured = state.configured and state.halt.reason != "wrong_world"
        turn.set(halt=None, token_held=False, token_refusals=0, restarts=0, configured=configured)
    elif state.session.phase == IDLE:
        turn.set(configured=False)

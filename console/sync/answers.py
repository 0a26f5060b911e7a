"""What each answer, write and timer leads to: the handlers of the sync engine, one a kind of input. Pure.

A result is handled only on the lane that waits for its serial; see `step` for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from console.domain.errors import InputError
from console.proof.journal import ACCEPTED, REJECTED
from console.sync.judge import (
    RECOVERED,
    checkpoint_fault,
    epoch_fault,
    follow,
    identity_fault,
    matching,
    narrower,
    receipts_fault,
)
from console.sync.pace import before_recovery, full_jitter
from console.sync.refusals import on_failed, retreat
from console.sync.turn import Turn
from console.sync.values import (
    IDLE,
    READING,
    WRITING,
    AheadAnswered,
    BeginIncarnation,
    CompareHeads,
    ConfigAnswered,
    Cursor,
    Entry,
    Failed,
    Failure,
    FetchAhead,
    FetchShown,
    HeadsAnswered,
    HeadsCompared,
    JournalAnswered,
    OutboxItem,
    OutboxRead,
    PushAnswered,
    PushBatch,
    Receipt,
    RememberPlane,
    StartPull,
    StoreAhead,
    StoreEntries,
    StoreReceipts,
    StoreShown,
    TimerFired,
    TokenAnswered,
    WithheldRead,
    WriteFailed,
    Written,
)

MAX_RESTARTS = 3
"""So many times in one sitting a forked desk begins anew; then another copy of it is at work and a person must look."""
_SPIN_US = 500_000
"""An empty answer to a long poll that came sooner than this did not wait: the next one is held back."""
AHEAD_FROM = 2_000
"""Entries still to come at the first page from which on what is open is asked for ahead of them."""
_OPENING = {"access.granted": '"access.granted"', "role.taken": '"role.taken"'}
"""Types that may show this desk what was withheld from it, and how they stand in a canonical text."""
_ENROLLED = {"device.enrolled": '"device.enrolled"'}


def on_result(turn: Turn, lane: str, event: Any) -> None:
    """Handles the result that `lane` waits for."""
    halted = turn.state.halt is not None and turn.state.halt.kind == "alarm"
    if halted and lane != "alarm" and not isinstance(event, Written):
        # What arrives after an alarm is not judged against a plane in doubt; it is asked for again later.
        turn.release(lane)
    else:
        _HANDLERS[type(event)](turn, lane, event)


def _on_token(turn: Turn, lane: str, event: TokenAnswered) -> None:
    turn.reached()
    turn.done(lane)
    turn.set(token_no=turn.state.token_no + 1, token_held=True, token_proven=False)


def _on_refused_write(turn: Turn, lane: str, event: WriteFailed) -> None:
    turn.set(trouble=event.sentence)
    if event.doubt in RECOVERED:
        turn.alarm((event.doubt, event.sentence))
        return
    if lane == "pull":
        turn.set(pending_cursor=None)
    elif lane == "session":
        turn.set(pending_plane=None, stray=0, heads_after=("", 0))
    retreat(turn, lane, full_jitter(turn.lane(lane).failures + 1, turn.roll))


def _on_timer(turn: Turn, lane: str, event: TimerFired) -> None:
    failed = turn.lane(lane).failures
    turn.set_lane(lane, phase=IDLE)
    if lane == "alarm" and failed:
        turn.tell()
    elif lane == "alarm":
        turn.set(rested=True)


def _on_config(turn: Turn, lane: str, event: ConfigAnswered) -> None:
    state = turn.state
    turn.reached()
    fault = identity_fault(state.plane, event.plane)
    if not fault and state.doubt is None:
        fault = epoch_fault(state.cursor.epoch, event.epoch)
    if fault:
        turn.set_lane("session", phase=IDLE)
        turn.alarm(fault)
    elif state.world is not None and event.plane.exercise != state.world:
        mine, its = ("an exercise", "the real thing") if state.world else ("the real thing", "an exercise")
        turn.set_lane("session", phase=IDLE)
        turn.stop(
            "wrong_world",
            f"This desk's record is of {mine} and the plane is of {its}; open the record that belongs to it.",
        )
    elif state.doubt is not None:
        turn.set(pending_plane=event)
        turn.writes.append(StartPull(turn.begin("session", WRITING), event.epoch))
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
    incarnation = max(turn.state.incarnation, event.incarnation)
    turn.set(waiting=event.waiting, in_flight=event.items, incarnation=incarnation)
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
        turn.alarm(fault)
    elif not receipts:
        on_failed(
            turn, "push", Failure("garbage", "The plane answered a push without a receipt for any of its events.")
        )
    else:
        if _may_be_forked(state.device, state.incarnation, state.in_flight, receipts):
            turn.set(heads_checked=False, heads_after=("", 0), stray=0)
        turn.set(settled=sum(1 for receipt in receipts if receipt.gpos))
        turn.writes.append(StoreReceipts(turn.begin("push", WRITING), event.epoch, receipts))


def _may_be_forked(device: str, incarnation: int, sent: tuple[OutboxItem, ...], receipts: tuple[Receipt, ...]) -> bool:
    """Whether the plane refused an event of our own newest chains for what it holds already; its heads will tell."""
    refused = {r.event_id for r in receipts if r.status == REJECTED and r.problem_kind == "conflict" and r.gpos}
    return bool(device) and any(
        item.event.envelope.device == device and item.event.envelope.incarnation >= incarnation
        for item in sent
        if item.event_id in refused
    )


def _on_heads(turn: Turn, lane: str, event: HeadsAnswered) -> None:
    turn.reached()
    turn.set(token_proven=True)
    fault = epoch_fault(turn.state.cursor.epoch, event.epoch)
    if fault:
        turn.release(lane)
        turn.alarm(fault)
    elif event.heads:
        last = event.heads[-1]
        turn.set(heads_after=(last.incident, last.incarnation), heads_more=event.more)
        turn.requests.append(CompareHeads(turn.begin("session", READING), event.heads))
    else:
        turn.set(heads_more=False)
        _heads_known(turn)


def _on_compared(turn: Turn, lane: str, event: HeadsCompared) -> None:
    state = turn.state
    found = [end.incarnation for end in event.strange if end.incarnation >= state.incarnation]
    turn.set(stray=max([state.stray, *found]))
    if state.heads_more:
        turn.done("session")
    else:
        _heads_known(turn)


def _heads_known(turn: Turn) -> None:
    """All ends of our chains were compared: go on, or begin new chains because the plane holds others than we do."""
    state = turn.state
    turn.done("session")
    if not state.stray:
        turn.set(heads_checked=True, heads_after=("", 0))
    elif state.restarts >= MAX_RESTARTS:
        turn.stop(
            "fork",
            "The plane keeps getting other events under this desk's key; another copy of it is at work, find it first.",
        )
    else:
        sentence = (
            "The plane holds events of this desk that its record does not; an older copy of the record was put back, "
            "or the desk was copied. Both are kept, and this desk goes on with new chains."
        )
        turn.writes.append(BeginIncarnation(turn.begin("session", WRITING), state.stray + 1, sentence))


def _on_journal(turn: Turn, lane: str, event: JournalAnswered) -> None:
    state, cursor = turn.state, turn.state.cursor
    turn.reached()
    turn.set(token_proven=True)
    if lane == "seek":
        _on_shown(turn, event)
        return
    after = epoch_fault(cursor.epoch, event.epoch) or follow(cursor, event)
    if not isinstance(after, Cursor):
        turn.alarm(after)
        return
    if not event.checkpoint:
        on_failed(turn, lane, Failure("garbage", "The plane sent a page of its journal without its checkpoint."))
        return
    fault = checkpoint_fault(state.plane, event, after.frontier) if state.plane is not None else None
    if fault:
        turn.alarm(fault)
        return
    turn.set(followed_us=turn.state.pull.asked_us)
    if event.entries:
        _learn_person(turn, event.entries)
        if any(_opens(turn.state.person, entry) for entry in event.entries):
            turn.release("seek")
            turn.set(seek_after=0)
        if not state.ahead_asked and not cursor.gpos and event.size - after.gpos >= AHEAD_FROM:
            turn.set(ahead_asked=True)
            turn.requests.append(FetchAhead(turn.ask("ahead")))
        note = event.checkpoint if after.gpos == event.size else ""
        turn.set(pending_cursor=after)
        turn.writes.append(StoreEntries(turn.begin("pull", WRITING), cursor, event.entries, after, note))
    elif event.size > cursor.gpos:
        on_failed(turn, "pull", Failure("garbage", "The plane says that its journal is longer but sent nothing of it."))
    else:
        spinning = turn.state.pull.patient and turn.now_us - turn.state.pull.asked_us < _SPIN_US
        turn.set(last_synced_us=turn.now_us)
        turn.done("pull")
        if spinning:
            turn.rest("pull", full_jitter(1, turn.roll))


def _on_ahead(turn: Turn, lane: str, event: AheadAnswered) -> None:
    """What is open now, to be shown while the journal comes; of another epoch it is nothing, and pull will tell."""
    if event.entries and event.epoch == turn.state.cursor.epoch:
        turn.writes.append(StoreAhead(turn.begin("ahead", WRITING), event.entries))
    else:
        turn.done(lane)


def _opens(person: str, entry: Entry) -> bool:
    """Whether the event may show this desk what was withheld: it lets in its person, or somebody while that is open."""
    body = _body_of(entry, _OPENING)
    return body is not None and (not person or body.get("person") == person)


def _learn_person(turn: Turn, entries: tuple[Entry, ...]) -> None:
    """Whose this desk is, from its enrolment; it only saves questions, so the plane's acceptance is proof enough."""
    if turn.state.person:
        return
    for body in (_body_of(entry, _ENROLLED) for entry in entries if entry.status == ACCEPTED):
        if body is not None and body.get("device") == turn.state.device:
            turn.set(person=str(body.get("person", "")))


def _body_of(entry: Entry, kinds: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The body of an event of one of `kinds` (type: as it stands in a canonical text), else None."""
    if entry.event is None or not any(text in entry.event.canon for text in kinds.values()):
        return None
    try:
        event = entry.event.envelope
    except InputError:
        return None
    return event.body if event.type in kinds else None


def _on_withheld(turn: Turn, lane: str, event: WithheldRead) -> None:
    if turn.state.halt is not None or not event.count:
        turn.set_lane("seek", phase=IDLE)
        turn.set(seek_after=None)
        return
    turn.set(seek_end=event.gpos + event.count - 1)
    serial = turn.ask("seek")
    turn.requests.append(FetchShown(serial, turn.state.cursor.epoch, event.gpos - 1, event.hash, event.count))


def _on_shown(turn: Turn, event: JournalAnswered) -> None:
    """Positions that were withheld, asked for once more; the record compares their hashes with those it holds."""
    fault = epoch_fault(turn.state.cursor.epoch, event.epoch)
    if fault:
        turn.alarm(fault)
        return
    last = event.entries[-1].gpos if event.entries else 0
    if (turn.state.seek_after or 0) < last < turn.state.seek_end:
        turn.set(seek_end=last)
    shown = tuple(e for e in event.entries if e.event is not None and e.gpos <= turn.state.seek_end)
    if shown:
        turn.writes.append(StoreShown(turn.begin("seek", WRITING), shown))
    else:
        turn.set(seek_after=turn.state.seek_end)
        turn.done("seek")


def _on_written(turn: Turn, lane: str, event: Written) -> None:
    state = turn.state
    if lane == "session" and state.pending_plane is not None:
        met = state.pending_plane
        if state.doubt is None:
            turn.set(plane=met.plane, world=met.plane.exercise, cursor=replace(state.cursor, epoch=met.epoch))
        else:
            turn.set(cursor=Cursor(met.epoch), doubt=None, rested=False, recoveries=state.recoveries + 1, dirty=True)
        turn.set(pending_plane=None)
        _configured(turn, met)
    elif lane == "session" and state.stray:
        turn.set(incarnation=state.stray + 1, restarts=state.restarts + 1, stray=0, heads_checked=True, dirty=True)
        turn.set(heads_after=("", 0))
        turn.done("session")
    elif lane == "push":
        _push_written(turn)
    elif lane == "pull" and state.pending_cursor is not None:
        after = state.pending_cursor
        turn.set(cursor=after, pending_cursor=None)
        if after.gpos >= after.size_seen:
            turn.set(last_synced_us=turn.now_us)
        turn.done("pull")
    elif lane == "seek":
        turn.set(seek_after=state.seek_end)
        turn.done("seek")
    else:
        turn.set_lane(lane, phase=IDLE, failures=0)
        if lane == "alarm" and state.doubt is not None and not state.rested:
            turn.rest("alarm", before_recovery(state.streak, turn.roll))


def _push_written(turn: Turn) -> None:
    state = turn.state
    if not state.settled:
        # Nothing of it got a place: what may still get one is offered again, and not at once.
        retreat(turn, "push", full_jitter(state.push.failures + 1, turn.roll))
        return
    grown = min(state.batch_limit * 2, state.limits.events_per_push)
    turn.set(waiting=max(state.waiting - state.settled, 0), settled=0, in_flight=(), dirty=True, batch_limit=grown)
    turn.done("push")


_HANDLERS: dict[type, Callable[[Turn, str, Any], None]] = {
    ConfigAnswered: _on_config,
    TokenAnswered: _on_token,
    HeadsAnswered: _on_heads,
    HeadsCompared: _on_compared,
    OutboxRead: _on_outbox,
    PushAnswered: _on_push,
    JournalAnswered: _on_journal,
    WithheldRead: _on_withheld,
    AheadAnswered: _on_ahead,
    Written: _on_written,
    WriteFailed: _on_refused_write,
    TimerFired: _on_timer,
    Failed: lambda turn, lane, event: on_failed(turn, lane, event.failure),
}

"""Carries out what the engines write, each in one transaction of the record, and reads what they start from.

Runs on the writer's thread (`keep`, `keep_command`) or with a reader of the caller's own (the rest).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import ENDS, EXPIRED, REFUSED, STALE
from console.domain.times import format_utc, from_epoch_us, parse_utc, to_epoch_us
from console.proof.actor import Actor
from console.proof.envelope import SYSTEM
from console.store import ahead, quarantine, receipts, syncing
from console.store.facts import people_of_devices
from console.store.readers import Rows
from console.store.record import Record
from console.store.transaction import Transaction
from console.sync.command_values import CommandAuthorised, CommandFound, PlaneWord, RecordCommand, Result, SignedOrder
from console.sync.judge import CLOCK, FORK, RECOVERED, STOPPING
from console.sync.step import initial
from console.sync.values import (
    BeginIncarnation,
    CompareHeads,
    Cursor,
    Halt,
    HeadsCompared,
    LocalRequest,
    OutboxItem,
    OutboxRead,
    PlaneIdentity,
    RaiseAlarm,
    ReadOutbox,
    ReadWithheld,
    RememberPlane,
    SetAside,
    StartPull,
    StoreAhead,
    StoreEntries,
    StoreReceipts,
    StoreShown,
    SyncState,
    WithheldRead,
    Write,
)

DESK = Actor("desk")
"""Who says how a command ended when no person and no plane did: this program."""


def keep(record: Record, write: Write, now: datetime) -> Changes:
    """One write of the sync engine; raises what the store raises, then nothing was written."""
    with record.transaction(now) as tx:
        match write:
            case RememberPlane():
                plane = write.plane
                syncing.remember_plane(
                    tx, origin=plane.origin, exercise=plane.exercise, root_public_key=plane.root_public_key,
                    plane_device=plane.plane_device, plane_public_key=plane.plane_public_key, epoch=write.epoch,
                )  # fmt: skip
            case StoreReceipts() | SetAside():
                _keep_answers(tx, write)
            case StoreEntries():
                syncing.store_entries(
                    tx, write.before, write.entries, write.after,
                    frontier=write.after.frontier.text(), checkpoint=write.checkpoint,
                )  # fmt: skip
            case StoreShown():
                quarantine.store_shown(tx, write.entries)
            case StoreAhead():
                ahead.store_ahead(tx, write.entries)
            case RaiseAlarm():
                tx.raise_alarm(write.kind, write.sentence)
            case StartPull():
                syncing.start_pull(tx, write.epoch)
            case BeginIncarnation():
                begin_incarnation(tx, write.incarnation, write.sentence)
    return tx.changes


def begin_incarnation(tx: Transaction, number: int, sentence: str) -> None:
    """The alarm "fork" and new chains from `number` on, `chain.restarted` first; nothing when they have begun."""
    if tx.incarnation >= number:
        return
    tx.raise_alarm(FORK, sentence)
    _restart(tx, number, sentence)


def _keep_answers(tx: Transaction, write: StoreReceipts | SetAside) -> None:
    """What the plane answered for events; new chains where one of the newest cannot go on there."""
    if isinstance(write, StoreReceipts):
        broken = receipts.store_receipts(tx, write.epoch, write.receipts)
    else:
        broken = receipts.set_aside(tx, write.event_id, write.problem_kind, write.detail)
    if broken:  # the alarm was raised with what stays behind
        _restart(tx, tx.incarnation + 1, "the plane could not take an event, nor anything that would have followed it")


def _restart(tx: Transaction, number: int, reason: str) -> None:
    previous = tx.incarnation
    tx.begin_incarnation(number)
    tx.append("chain.restarted", SYSTEM, {"previous": previous, "reason": reason}, actor=DESK)


def keep_clock(record: Record, sentence: str, now: datetime) -> Changes:
    """The alarm about this desk's clock: raised once while it is wrong, settled when `sentence` is ""."""
    with record.transaction(now) as tx:
        held = [row[0] for row in tx.tuples("SELECT alarm_id FROM alarm WHERE kind = ? AND settled_at = ''", (CLOCK,))]
        if sentence and not held:
            tx.raise_alarm(CLOCK, sentence)
        for alarm_id in held if not sentence else ():
            tx.settle_alarm(alarm_id)
    return tx.changes


def newest_own(db: Rows) -> str:
    """The newest event of this desk as one line to be kept outside the store, "" before the first."""
    row = db.row("SELECT incarnation, event_id, hash FROM event WHERE origin = 'own' ORDER BY n DESC LIMIT 1")
    return f"{row['incarnation']} {row['event_id']} {row['hash']}" if row else ""


def own_is_missing(db: Rows, device: str, kept: str) -> int:
    """The incarnation of the event that `kept` (of `newest_own`) names when the record lacks it, else 0.

    What cannot be read says nothing: 0.
    """
    parts = kept.split(" ")
    if len(parts) != 3 or not parts[0].isdigit():
        return 0
    held = db.value("SELECT 1 FROM event WHERE event_id = ? AND hash = ? AND device = ?", (*parts[1:], device))
    return int(parts[0]) if held is None else 0


def keep_command(record: Record, write: RecordCommand, now: datetime) -> Changes:
    """What is known of a command; an end that this desk came to by itself becomes an event of the timeline."""
    with record.transaction(now) as tx:
        before = tx.row("SELECT state, incident FROM command WHERE command_id = ?", (write.command_id,))
        tx.update_command(write.command_id, write.state, **_known(write))
        if before is not None and write.state != before["state"]:
            _tell(tx, write, str(before["incident"]))
    return tx.changes


def _tell(tx: Transaction, write: RecordCommand, incident: str) -> None:
    if write.state in (REFUSED, EXPIRED, STALE):
        body = {"command_id": write.command_id, "state": write.state, "sentence": write.sentence[:1000]}
        tx.append("switch.ended", incident, body, actor=DESK)


def _known(write: RecordCommand) -> dict[str, Any]:
    word = write.word or PlaneWord(write.command_id, "")
    known: dict[str, Any] = {
        "sent_at": _text(write.sent_us),
        "acknowledged_at": _text(write.acknowledged_us),
        "dispatched_at": _text(word.dispatched_plane_us),
        "observed_at_plane": _text(word.observed_plane_us),
        "observed_at": _text(write.observed_us),
        "offset_us": write.offset_us,
        "offset_known": int(write.offset_known),
        "sentence": write.sentence,
    }
    if write.word is not None:
        known["results"] = {
            "refuses_new": _result(word.refuses_new),
            "streams_cut": _result(word.streams_cut),
            "survives_restart": _result(word.survives_restart),
        }
    if word.problem_kind:
        known["problem"] = {"kind": word.problem_kind, "detail": word.problem_detail}
    return known


def _result(result: Result) -> dict[str, str]:
    return {"result": result.result, "evidence": result.evidence}


def _text(moment_us: int) -> str:
    return format_utc(from_epoch_us(moment_us)) if moment_us else ""


# -- what the engines start from ------------------------------------------------------------------------------------


def sync_start(db: Rows, device: str = "") -> SyncState:
    """The first state of the sync engine, from what the record holds; `device` is the id of this desk's own.

    An alarm that was recovered from is shown until a person settles it and keeps nothing from going on.
    """
    at = syncing.sync_position(db)
    plane = None
    if at.plane_public_key and at.exercise is not None:
        plane = PlaneIdentity(at.origin, at.exercise, at.root_public_key, at.plane_device, at.plane_public_key)
    return initial(
        Cursor(at.epoch, at.gpos, at.hash, at.size_seen, syncing.frontier(db)), plane, at.exercise,
        syncing.waiting(db), standing_alarm(db), device=device,
        person=people_of_devices(db).get(device, ""), incarnation=_incarnation(db, device),
        withheld=quarantine.has_withheld(db),
    )  # fmt: skip


def _incarnation(db: Rows, device: str) -> int:
    return int(db.value("SELECT incarnation FROM known_key WHERE device = ?", (device,)) or 1)


def standing_alarm(db: Rows) -> Halt | None:
    """The oldest unsettled alarm that keeps this desk from its plane, or None."""
    held = db.tuples("SELECT kind, sentence FROM alarm WHERE settled_at = '' ORDER BY raised_at")
    return next((Halt("alarm", kind, sentence) for kind, sentence in held if kind in STOPPING), None)


def read_locally(db: Rows, request: LocalRequest, device: str = "") -> OutboxRead | HeadsCompared | WithheldRead:
    """The input that answers `request`; `device` is the id of this desk's own."""
    match request:
        case ReadOutbox():
            return read_outbox(db, request, device)
        case CompareHeads():
            ends = [(end.incident, end.incarnation, end.seq, end.hash) for end in request.heads]
            strange = syncing.strange_heads(db, device, ends)
            return HeadsCompared(request.serial, tuple(request.heads[place] for place in strange))
        case ReadWithheld():
            return WithheldRead(request.serial, *quarantine.next_withheld(db, request.after, request.limit))


def read_outbox(db: Rows, request: ReadOutbox, device: str = "") -> OutboxRead:
    """The input that answers `request`; `device` is the id of this desk's own."""
    found = syncing.outbox(db, request.max_events, request.max_bytes)
    items = tuple(OutboxItem(item.event_id, item.event) for item in found)
    return OutboxRead(request.serial, items, syncing.waiting(db), _incarnation(db, device))


_OPEN = (
    "SELECT command_id, state, expires, authorised_at, sent_at, acknowledged_at, order_canon, order_sig, "
    "order_person_sig FROM command ORDER BY authorised_at, command_id"
)
_DOUBTS = "SELECT kind, raised_at FROM alarm"
_BEGUN = """
SELECT pull, ifnull((SELECT received_at FROM journal j WHERE j.pull = s.pull ORDER BY gpos LIMIT 1), '')
FROM sync_state s
"""


def open_commands(db: Rows) -> tuple[CommandFound, ...]:
    """The commands that were under way when the desk stopped; they are looked up and never sent."""
    signs = [_us(raised) for kind, raised in db.tuples(_DOUBTS) if kind in RECOVERED | STOPPING]
    begun = db.tuples(_BEGUN)[0]

    def doubted(since: str) -> bool:
        """Whether a sign was seen since, or the journal followed from 0 again: an open alarm is not raised twice."""
        again = begun[0] > 1 and (not begun[1] or _us(begun[1]) >= _us(since))
        return again or any(raised >= _us(since) for raised in signs)

    return tuple(
        CommandFound(
            row["command_id"],
            row["state"],
            _us(row["expires"]),
            _us(row["sent_at"]),
            _us(row["acknowledged_at"]),
            doubted(row["sent_at"] or row["authorised_at"]),
            _end_of(row["order_canon"]),
        )
        for row in db.rows(_OPEN)
        if row["state"] not in ENDS
    )


def authorised_commands(db: Rows) -> tuple[CommandAuthorised, ...]:
    """The commands that a person has confirmed and nobody has taken up; the engine ignores those that it knows."""
    return tuple(
        CommandAuthorised(
            row["command_id"],
            SignedOrder(row["order_canon"], row["order_sig"], row["order_person_sig"]),
            _us(row["expires"]),
            _end_of(row["order_canon"]),
        )
        for row in db.rows(_OPEN.replace("ORDER BY", "WHERE state = 'authorised' ORDER BY"))
    )


def _end_of(order: str) -> int:
    """The end that a signed order says, by the plane's clock; 0 for a text that is no order of this desk."""
    return _us(str(json.loads(order).get("expires", "")))


def _us(text: str) -> int:
    return to_epoch_us(parse_utc(text)) if text else 0

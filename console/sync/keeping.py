"""Carries out what the engines write, each in one transaction of the record, and reads what they start from.

Runs on the writer's thread (`keep`, `keep_command`) or with a reader of the caller's own (the rest).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import ENDS, EXPIRED, REFUSED, STALE
from console.domain.times import format_utc, from_epoch_us, parse_utc, to_epoch_us
from console.proof.actor import Actor
from console.store import syncing
from console.store.readers import Rows
from console.store.record import Record
from console.store.transaction import Transaction
from console.sync.command_values import CommandAuthorised, CommandFound, PlaneWord, RecordCommand, Result, SignedOrder
from console.sync.judge import ALARMS
from console.sync.step import initial
from console.sync.values import (
    Cursor,
    Halt,
    OutboxItem,
    OutboxRead,
    PlaneIdentity,
    RaiseAlarm,
    ReadOutbox,
    RememberPlane,
    SetAside,
    StoreEntries,
    StoreReceipts,
    SyncState,
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
            case StoreReceipts():
                syncing.store_receipts(tx, write.epoch, write.receipts)
            case SetAside():
                syncing.set_aside(tx, write.event_id, write.problem_kind, write.detail)
            case StoreEntries():
                syncing.store_entries(tx, write.before, write.entries, write.after)
            case RaiseAlarm():
                tx.raise_alarm(write.kind, write.sentence)
    return tx.changes


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


def sync_start(db: Rows) -> SyncState:
    """The first state of the sync engine, from what the record holds."""
    at = syncing.sync_position(db)
    plane = None
    if at.plane_public_key and at.exercise is not None:
        plane = PlaneIdentity(at.origin, at.exercise, at.root_public_key, at.plane_device, at.plane_public_key)
    held = db.tuples("SELECT kind, sentence FROM alarm WHERE settled_at = '' ORDER BY raised_at")
    alarm = next((Halt("alarm", kind, sentence) for kind, sentence in held if kind in ALARMS), None)
    return initial(Cursor(at.epoch, at.gpos, at.hash, at.size_seen), plane, at.exercise, syncing.waiting(db), alarm)


def read_outbox(db: Rows, request: ReadOutbox) -> OutboxRead:
    """The input that answers `request`."""
    found = syncing.outbox(db, request.max_events, request.max_bytes)
    items = tuple(OutboxItem(item.event_id, item.event) for item in found)
    return OutboxRead(request.serial, items, syncing.waiting(db))


_OPEN = (
    "SELECT command_id, state, expires, sent_at, acknowledged_at, order_canon, order_sig, order_person_sig "
    "FROM command ORDER BY authorised_at, command_id"
)


def open_commands(db: Rows) -> tuple[CommandFound, ...]:
    """The commands that were under way when the desk stopped; they are looked up and never sent."""
    return tuple(
        CommandFound(
            row["command_id"], row["state"], _us(row["expires"]), _us(row["sent_at"]), _us(row["acknowledged_at"])
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
        )
        for row in db.rows(_OPEN.replace("ORDER BY", "WHERE state = 'authorised' ORDER BY"))
    )


def _us(text: str) -> int:
    return to_epoch_us(parse_utc(text)) if text else 0

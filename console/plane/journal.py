"""The server's order: gap-free positions, a hash and a tree over all of them, one signed receipt an event.

Every function works within an open transaction. Whoever appends locks the head row first, so positions follow commits
whatever the database. Statements are built once: building them anew costs more than running them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, tuple_, update

from console.plane import tree
from console.plane.db import Transaction
from console.plane.tables import CHAIN, HEAD, INCIDENT, JOURNAL
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.growth import Frontier, frontier_from_text
from console.proof.journal import (
    ACCEPTED,
    EMPTY_JOURNAL_HASH,
    REJECTED,
    journal_hash,
    journal_leaf,
    receipt_object,
    sign_receipt,
)
from console.proof.keys import SigningKey
from console.protocol.problems import Problem

HEAD_ROW = 1
_HEAD = "journal head"
_LEAVES = "leaves to grow the tree by"
_CHAIN_KEYS = ("of_device", "of_incident", "of_incarnation")

_THIS_CHAIN = [CHAIN.c[key.removeprefix("of_")] == bindparam(key) for key in _CHAIN_KEYS]
_CHAIN_ROW: dict[str, Any] = {key.removeprefix("of_"): bindparam(key) for key in _CHAIN_KEYS}
_CHAIN_END: dict[str, Any] = {"seq": bindparam("to_seq"), "hash": bindparam("to_hash")}

_APPEND = insert(JOURNAL)
_BY_ID = select(JOURNAL).where(JOURNAL.c.event_id == bindparam("event_id")).order_by(JOURNAL.c.gpos)
_READ_HEAD = select(HEAD.c.gpos, HEAD.c.journal_hash, HEAD.c.frontier).where(HEAD.c.id == HEAD_ROW)
_MOVE_HEAD = update(HEAD).values(
    gpos=bindparam("to_gpos"), journal_hash=bindparam("to_hash"), frontier=bindparam("to_frontier")
)
_SHOWN = (
    JOURNAL.c.gpos, JOURNAL.c.journal_hash, JOURNAL.c.status, JOURNAL.c.incident, JOURNAL.c.device, JOURNAL.c.hash,
    JOURNAL.c.canon, JOURNAL.c.sig, JOURNAL.c.person_sig,
)  # fmt: skip
_PAGE = select(*_SHOWN).where(JOURNAL.c.gpos > bindparam("after")).order_by(JOURNAL.c.gpos).limit(bindparam("most"))
_OF_INCIDENT = (
    select(*_SHOWN).where(JOURNAL.c.incident == bindparam("incident")).order_by(JOURNAL.c.gpos).limit(bindparam("most"))
)
_READ_CHAIN = select(CHAIN.c.seq, CHAIN.c.hash).where(*_THIS_CHAIN)
_BEGIN_CHAIN = insert(CHAIN).values(_CHAIN_ROW | _CHAIN_END)
_MOVE_CHAIN = update(CHAIN).where(*_THIS_CHAIN).values(_CHAIN_END)


@dataclass(frozen=True, slots=True)
class Head:
    """How far the journal reaches and its hash there."""

    gpos: int = 0
    hash: str = EMPTY_JOURNAL_HASH


@dataclass(frozen=True, slots=True)
class Receipt:
    """The plane's answer about one event; `gpos` 0 means that it took no place in the journal."""

    event_id: str
    hash: str
    status: str
    gpos: int
    server_sig: str
    problem: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One position of the journal; `incident`, `device` and `event_hash` are those of the event, without parsing it."""

    gpos: int
    journal_hash: str
    status: str
    event: SignedEvent
    incident: str
    device: str
    event_hash: str


@dataclass(frozen=True, slots=True)
class Found:
    """An event that was looked up: its entry, its receipt, and how far its author's clock was off when flagged."""

    entry: Entry
    receipt: Receipt
    received_at: str
    skew_ms: int


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last event of one chain of a device."""

    incident: str
    incarnation: int
    head: ChainHead


@dataclass(frozen=True, slots=True)
class Placing:
    """What is to be written about one event.

    `advances`: its chain goes on from it; `problem`: why it is rejected, None when accepted; `received_at`: RFC 3339.
    """

    event: SignedEvent
    received_at: str
    problem: Problem | None = None
    advances: bool = True
    skew_ms: int = 0


def place(tx: Transaction, placing: Placing, key: SigningKey, epoch: str) -> Receipt:
    """Give the event the next position and sign its receipt with the plane's `key`."""
    event, envelope = placing.event, placing.event.envelope
    accepted = placing.problem is None
    before = locked_head(tx)
    after = Head(before.gpos + 1, journal_hash(before.hash, event.hash, accepted))
    status = ACCEPTED if accepted else REJECTED
    receipt = sign_receipt(key, receipt_object(envelope.event_id, event.hash, status, after.gpos, epoch))
    problem = placing.problem.as_object() if placing.problem else {}
    row = {
        "gpos": after.gpos,
        "event_id": envelope.event_id,
        "hash": event.hash,
        "status": status,
        "journal_hash": after.hash,
        "type": envelope.type,
        "incident": envelope.incident,
        "device": envelope.device,
        "actor": envelope.actor,
        "canon": event.canon,
        "sig": event.sig,
        "person_sig": event.person_sig,
        "server_sig": receipt,
        "problem": json.dumps(problem) if problem else "",
        "received_at": placing.received_at,
        "skew_ms": placing.skew_ms,
    }
    tx.connection.execute(_APPEND, row)
    tx.held[_HEAD] = after
    tx.held[_LEAVES].append(journal_leaf(event.hash, accepted))
    if placing.advances:
        _advance(tx.connection, event)
    return Receipt(envelope.event_id, event.hash, status, after.gpos, receipt, problem)


def unplaced(event_id: str, event_hash: str, problem: Problem, key: SigningKey, epoch: str) -> Receipt:
    """The signed answer about an event that takes no position."""
    signature = sign_receipt(key, receipt_object(event_id, event_hash, REJECTED, 0, epoch))
    return Receipt(event_id, event_hash, REJECTED, 0, signature, problem.as_object())


def begin(connection: Connection) -> None:
    """Make the head row of an empty journal."""
    connection.execute(insert(HEAD).values(id=HEAD_ROW, gpos=0, journal_hash=EMPTY_JOURNAL_HASH, frontier=""))


def head(connection: Connection) -> Head:
    """The journal's size and hash."""
    row = connection.execute(_READ_HEAD).one()
    return Head(row.gpos, row.journal_hash)


def frontier(connection: Connection) -> Frontier:
    """How the journal's tree ends; raises InputError when what is kept is damaged."""
    return frontier_from_text(connection.execute(_READ_HEAD).one().frontier)


def locked_head(tx: Transaction) -> Head:
    """The head as this transaction leaves it; from the first call on nobody else appends until it ends."""
    if _HEAD not in tx.held:
        row = tx.connection.execute(_READ_HEAD.with_for_update()).one()
        tx.held[_HEAD] = first = Head(row.gpos, row.journal_hash)
        tx.held[_LEAVES] = []
        tx.at_the_end(lambda: _write_head(tx, first, row.frontier))
    found: Head = tx.held[_HEAD]
    return found


def seen_before(
    connection: Connection, event_id: str, event_hash: str, key: SigningKey, epoch: str
) -> tuple[Receipt | None, bool]:
    """The receipt of exactly this event, if it has a position, and whether the id belongs to an accepted one.

    It is the same for ever within an epoch; one that was given in an earlier epoch is signed anew for this one.
    """
    rows = connection.execute(_BY_ID, {"event_id": event_id}).all()
    same = next((row for row in rows if row.hash == event_hash), None)
    taken = any(row.status == ACCEPTED for row in rows)
    return (_receipt(same, key, epoch) if same is not None else None), taken


def look_up(connection: Connection, event_id: str, key: SigningKey, epoch: str) -> Found | None:
    """The accepted event with this id, or the newest rejected one, with its receipt in this epoch."""
    rows = connection.execute(_BY_ID, {"event_id": event_id}).all()
    row = next((row for row in rows if row.status == ACCEPTED), rows[-1] if rows else None)
    return None if row is None else Found(_entry(row), _receipt(row, key, epoch), row.received_at, row.skew_ms)


def chain_ends(connection: Connection, device: str, after: tuple[str, int], limit: int) -> list[ChainEnd]:
    """At most `limit` chains of a device behind `after`, by (incident, incarnation), and where they end."""
    query = (
        select(CHAIN)
        .where(CHAIN.c.device == device, tuple_(CHAIN.c.incident, CHAIN.c.incarnation) > after)
        .order_by(CHAIN.c.incident, CHAIN.c.incarnation)
        .limit(limit)
    )
    return [ChainEnd(row.incident, row.incarnation, ChainHead(row.seq, row.hash)) for row in connection.execute(query)]


def accepted_events(connection: Connection, incident: str, event_ids: Sequence[str]) -> dict[str, SignedEvent]:
    """Those of `event_ids` that were accepted in that incident."""
    query = select(JOURNAL).where(
        JOURNAL.c.event_id.in_(list(event_ids)), JOURNAL.c.status == ACCEPTED, JOURNAL.c.incident == incident
    )
    return {row.event_id: _event(row) for row in connection.execute(query)}


def accepted_of_types(connection: Connection, incident: str, types: Sequence[str]) -> list[SignedEvent]:
    """The accepted events of these types in that incident, in order."""
    query = select(JOURNAL).where(
        JOURNAL.c.incident == incident, JOURNAL.c.status == ACCEPTED, JOURNAL.c.type.in_(list(types))
    )
    return [_event(row) for row in connection.execute(query.order_by(JOURNAL.c.gpos))]


def incident_naming_blob(connection: Connection, sha256: str, among: Sequence[str]) -> str:
    """The incident whose capture was the first to name that blob, looked for only when one of `among` names it at all.

    "" when none of these does. They are few, and the journal has an index by incident but none by blob.
    """
    captured = (
        JOURNAL.c.type == "evidence.captured", JOURNAL.c.status == ACCEPTED, JOURNAL.c.canon.contains(f'"{sha256}"')
    )  # fmt: skip
    named = select(JOURNAL.c.incident).where(*captured).order_by(JOURNAL.c.gpos).limit(1)
    if not among or connection.execute(named.where(JOURNAL.c.incident.in_(list(among)))).first() is None:
        return ""
    return str(connection.execute(named).scalar_one())


def system_events(connection: Connection) -> list[SignedEvent]:
    """Every accepted event of the incident "system", in order."""
    query = select(JOURNAL).where(JOURNAL.c.incident == SYSTEM, JOURNAL.c.status == ACCEPTED)
    return [_event(row) for row in connection.execute(query.order_by(JOURNAL.c.gpos))]


def hash_at(connection: Connection, gpos: int) -> str | None:
    """The journal's hash at `gpos` (0 is the empty journal), None beyond its end."""
    if gpos == 0:
        return EMPTY_JOURNAL_HASH
    return connection.execute(select(JOURNAL.c.journal_hash).where(JOURNAL.c.gpos == gpos)).scalar()


def page(connection: Connection, after: int, limit: int) -> list[Entry]:
    """At most `limit` entries after position `after`."""
    return [_entry_of(*row) for row in connection.execute(_PAGE, {"after": after, "most": limit}).all()]


def ahead(connection: Connection, may_see: Callable[[str], bool], limit: int) -> list[Entry]:
    """The events of "system" and of the open incidents that `may_see` lets through, at most `limit`.

    "system" comes first, then the incidents opened last; each in order from its beginning.
    """
    still_open = select(INCIDENT.c.incident).where(INCIDENT.c.closed_at == "")
    newest_first = still_open.order_by(INCIDENT.c.opened_at.desc(), INCIDENT.c.incident.desc())
    found: list[Entry] = []
    for incident in (SYSTEM, *connection.execute(newest_first).scalars()):
        left = limit - len(found)
        if left <= 0:
            break
        if may_see(incident):
            rows = connection.execute(_OF_INCIDENT, {"incident": incident, "most": left}).all()
            found += [_entry_of(*row) for row in rows]
    return found


def chain_head(connection: Connection, chain: tuple[str, str, int]) -> ChainHead:
    """The last event of a chain (device, incident, incarnation)."""
    row = connection.execute(_READ_CHAIN, dict(zip(_CHAIN_KEYS, chain, strict=True))).first()
    return ChainHead(row.seq, row.hash) if row is not None else ChainHead()


def newest_hlc(connection: Connection, device: str) -> str:
    """The clock reading of the newest event of a device, "" without any."""
    query = select(JOURNAL).where(JOURNAL.c.device == device).order_by(JOURNAL.c.gpos.desc()).limit(1)
    row = connection.execute(query).first()
    return _event(row).envelope.hlc if row is not None else ""


def _write_head(tx: Transaction, first: Head, kept: str) -> None:
    """The head and the tree once a transaction, however many entries it made."""
    last: Head = tx.held[_HEAD]
    if last == first:
        return
    grown = tree.grow(tx.connection, frontier_from_text(kept), tx.held[_LEAVES])
    tx.connection.execute(_MOVE_HEAD, {"to_gpos": last.gpos, "to_hash": last.hash, "to_frontier": grown.text()})


def _advance(connection: Connection, event: SignedEvent) -> None:
    envelope = event.envelope
    values = dict(zip(_CHAIN_KEYS, envelope.chain, strict=True)) | {"to_seq": envelope.seq, "to_hash": event.hash}
    # only an event that continues its chain comes here, so the row is missing exactly before the first
    connection.execute(_BEGIN_CHAIN if envelope.seq == 1 else _MOVE_CHAIN, values)


def _event(row: Row[Any]) -> SignedEvent:
    return SignedEvent(row.canon, row.sig, row.person_sig)


def _entry_of(
    gpos: int, at_hash: str, status: str, incident: str, device: str, text_hash: str, canon: str, sig: str, person: str
) -> Entry:
    """An entry from the columns of `_SHOWN`."""
    return Entry(gpos, at_hash, status, SignedEvent(canon, sig, person), incident, device, text_hash)


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.gpos, row.journal_hash, row.status, _event(row), row.incident, row.device, row.hash)


def _receipt(row: Row[Any], key: SigningKey, epoch: str) -> Receipt:
    problem = json.loads(row.problem) if row.problem else {}
    signature = sign_receipt(key, receipt_object(row.event_id, row.hash, row.status, row.gpos, epoch))
    return Receipt(row.event_id, row.hash, row.status, row.gpos, signature, problem)

"""What sync writes: the plane's identity, its receipts, its journal - data and cursor always in one transaction.

The engine has judged positions and hashes before; the store looks again at what must never be wrong: that the cursor is
still where the engine thought it was, and that every event fits its chain and is signed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console.domain.errors import InputError, RefusedError
from console.proof.envelope import SignedEvent
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash
from console.store import projections, rows
from console.store.projection_tables import TAIL
from console.store.readers import Rows
from console.store.rebuild import place_all
from console.store.receiving import Judged, Receiving
from console.store.transaction import Transaction


class Position(Protocol):
    """How far a copy of the journal reaches."""

    @property
    def epoch(self) -> str: ...  # noqa: D102
    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def hash(self) -> str: ...  # noqa: D102
    @property
    def size_seen(self) -> int: ...  # noqa: D102


class JournalEntry(Protocol):
    """One position of the journal."""

    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def journal_hash(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def event(self) -> SignedEvent: ...  # noqa: D102


class PlaneReceipt(Protocol):
    """The plane's answer for one event."""

    @property
    def event_id(self) -> str: ...  # noqa: D102
    @property
    def hash(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def server_sig(self) -> str: ...  # noqa: D102
    @property
    def problem_kind(self) -> str: ...  # noqa: D102
    @property
    def problem_detail(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """Where the record stands to its plane; empty texts before the first contact, `exercise` None when not settled."""

    epoch: str
    gpos: int
    hash: str
    size_seen: int
    exercise: bool | None
    origin: str
    root_public_key: str
    plane_device: str
    plane_public_key: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event that the plane has not answered for."""

    event_id: str
    event: SignedEvent


def sync_position(db: Rows) -> SyncPosition:
    """What a sync engine starts from."""
    row = db.row("SELECT * FROM sync_state") or {}
    names = ("origin", "root_public_key", "plane_device", "plane_public_key")
    exercise = None if row["exercise"] < 0 else bool(row["exercise"])
    where = (row["epoch"], row["cursor"], row["cursor_hash"], row["largest_size"], exercise)
    return SyncPosition(*where, *(row[name] for name in names))


def waiting(db: Rows) -> int:
    """How many events are in the outbox."""
    return int(db.value("SELECT count(*) FROM outbox"))


def outbox(db: Rows, max_events: int, max_bytes: int) -> tuple[Outgoing, ...]:
    """The oldest events of the outbox in chain order, at least one when there is one, else within both limits."""
    sql = "SELECT event_id, canon, sig, person_sig FROM outbox JOIN event USING (n) ORDER BY n LIMIT ?"
    found: list[Outgoing] = []
    for event_id, *texts in db.tuples(sql, (max_events,)):
        max_bytes -= sum(len(text.encode("utf-8")) for text in texts)
        if found and max_bytes < 0:
            break
        found.append(Outgoing(event_id, SignedEvent(*texts)))
    return tuple(found)


def remember_plane(
    tx: Transaction,
    *,
    origin: str,
    exercise: bool,
    root_public_key: str,
    plane_device: str,
    plane_public_key: str,
    epoch: str,
) -> None:
    """Keeps who the plane is, at the first contact, and pins its organisation's root when none is pinned.

    Raises RefusedError when the store belongs to another organisation, plane or world.
    """
    row = _state(tx)
    fresh: dict[str, Any] = {"origin": origin, "root_public_key": root_public_key, "plane_device": plane_device}
    fresh |= {"plane_public_key": plane_public_key, "exercise": int(exercise)}
    for name, value in fresh.items():
        if row[name] not in ("", -1, value):
            raise RefusedError(
                f"This store belongs to another plane ({row['origin'] or name}); use a store of its own."
            )
    if row["epoch"] not in ("", epoch):
        raise RefusedError("The plane's journal is not the one this store followed; start a new pull first.")
    tx.pin_root(root_public_key)
    tx.hold_key(plane_public_key, "plane")
    rows.replace(tx.conn, "sync_state", row | fresh | {"epoch": epoch, "pull": max(1, row["pull"])})
    tx.touch(("sync", "organisation"))


def start_pull(tx: Transaction, epoch: str) -> None:
    """Begins to follow a journal from position 0 again: another epoch, or the same one after a roll-back.

    Everything held is kept and offered again; the old copy of the journal stays beside the new one.
    """
    row = _state(tx)
    fresh = {"pull": row["pull"] + 1, "epoch": epoch, "cursor": 0, "cursor_hash": EMPTY_JOURNAL_HASH, "largest_size": 0}
    rows.replace(tx.conn, "sync_state", row | fresh)
    tx.conn.execute("INSERT OR IGNORE INTO outbox (n) SELECT n FROM event ORDER BY n")
    place_all(tx.conn, tx.conn)
    tx.seen_gpos = 0
    tx.touch(("sync", "timeline", "incident"))


def store_receipts(tx: Transaction, epoch: str, receipts: Sequence[PlaneReceipt]) -> None:
    """Keeps receipts, marks what was rejected, takes both kinds out of the outbox; the same again changes nothing."""
    for receipt in receipts:
        problem = {"kind": receipt.problem_kind, "detail": receipt.problem_detail} if receipt.problem_kind else {}
        _settle(tx, epoch, receipt.event_id, receipt.hash, receipt.status, receipt.gpos, receipt.server_sig, problem)


def set_aside(tx: Transaction, event_id: str, problem_kind: str, detail: str) -> None:
    """Takes an event that the plane cannot read out of the outbox and shows it as refused, with the reason."""
    found = tx.row("SELECT hash FROM event WHERE event_id = ?", (event_id,))
    if found is None:
        raise InputError(f"There is no event {event_id[:40]} in this record to set aside.")
    problem = {"kind": problem_kind, "detail": detail}
    _settle(tx, _state(tx)["epoch"], event_id, found["hash"], projections.REJECTED, 0, "", problem)


def _settle(
    tx: Transaction,
    epoch: str,
    event_id: str,
    text_hash: str,
    status: str,
    gpos: int,
    sig: str,
    problem: dict[str, str],
) -> None:
    if tx.value("SELECT 1 FROM receipt WHERE event_id = ? AND epoch = ?", (event_id, epoch)) is None:
        why = json.dumps(problem, sort_keys=True)
        rows.insert(tx.conn, "receipt", (event_id, epoch, text_hash, status, gpos, sig, why, tx.at))
    if epoch != _state(tx)["epoch"]:
        return  # of a journal that is no longer followed: kept, but it settles nothing
    found = tx.tuples("SELECT n, incident FROM event WHERE event_id = ? AND hash = ?", (event_id, text_hash))
    for n, incident in found:
        projections.place(tx.conn, n, gpos or TAIL, status)
        tx.conn.execute("DELETE FROM outbox WHERE n = ?", (n,))
        projections.refresh_incident(tx.conn, incident)
        tx.touch(("sync", "timeline", "incident"), (incident,))


def store_entries(tx: Transaction, before: Position, entries: Sequence[JournalEntry], after: Position) -> Judged:
    """Keeps journal entries and moves the cursor from `before` to `after`.

    Raises InputError, with nothing written, when the cursor is not `before` any more or the entries do not lead from it
    to `after`. Events that do not fit the record are quarantined in `fork_evidence` and raise an alarm.
    """
    row = _state(tx)
    if (row["cursor"], row["cursor_hash"]) != (before.gpos, before.hash) or row["epoch"] not in ("", after.epoch):
        raise InputError(
            f"The record follows the journal to {row['cursor']} and not to {before.gpos}; ask again from there."
        )
    _check_links(before, entries, after)
    exercise = None if row["exercise"] < 0 else bool(row["exercise"])
    rejected = {place for place, entry in enumerate(entries) if entry.status != projections.ACCEPTED}
    receiving = Receiving(tx.conn, from_plane=True, exercise=exercise, at=tx.at)
    judged = receiving.take([entry.event for entry in entries], rejected)
    pull = max(1, row["pull"])
    incidents = {_keep_entry(tx, pull, after.epoch, entry) for entry in entries} - {""}
    for incident in incidents:
        projections.refresh_incident(tx.conn, incident)
    _alarm(tx, judged, rejected)
    for n, event in judged.stored:
        tx.witness(event.hlc)
        tx.last_n = n
    tx.seen_gpos = after.gpos
    fresh = {"pull": pull, "epoch": after.epoch, "cursor": after.gpos, "cursor_hash": after.hash, "hlc": tx.hlc}
    fresh |= {"largest_size": max(row["largest_size"], after.size_seen)}
    fresh |= {"hlc_n": tx.last_n}
    rows.replace(tx.conn, "sync_state", row | fresh)
    tx.touch({"sync", "timeline", "incident", *judged.kinds}, incidents)
    return judged


def _keep_entry(tx: Transaction, pull: int, epoch: str, entry: JournalEntry) -> str:
    """One row of our copy of the journal; its event takes its place in the timeline. Returns the event's incident."""
    try:
        event_id, incident = entry.event.envelope.event_id, entry.event.envelope.incident
    except InputError:
        event_id = incident = ""
    values = (pull, entry.gpos, epoch, event_id, entry.event.hash, entry.status, entry.journal_hash, tx.at)
    rows.insert(tx.conn, "journal", values)
    n = tx.value("SELECT n FROM event WHERE event_id = ? AND hash = ?", (event_id, entry.event.hash))
    if n is None:
        return ""
    projections.place(tx.conn, n, entry.gpos, entry.status)
    tx.conn.execute("DELETE FROM outbox WHERE n = ?", (n,))
    return incident


def _check_links(before: Position, entries: Sequence[JournalEntry], after: Position) -> None:
    gpos, at = before.gpos, before.hash
    for entry in entries:
        at = journal_hash(at, entry.event.hash, entry.status == projections.ACCEPTED)
        gpos += 1
        if (entry.gpos, entry.journal_hash) != (gpos, at):
            raise InputError(f"Position {entry.gpos} does not continue the journal after {gpos - 1}; nothing was kept.")
    if (gpos, at) != (after.gpos, after.hash):
        raise InputError(f"The entries lead to position {gpos} and not to {after.gpos}; nothing was kept.")


def _alarm(tx: Transaction, judged: Judged, rejected: set[int]) -> None:
    """An accepted event that does not fit is a sign of a fork; a rejected one that does not is only untidy."""
    for place, why in [*judged.forked, *judged.refused]:
        if place not in rejected:
            tx.raise_alarm(
                "fork", f"The plane accepted an event that does not fit this record ({why}); it is kept apart."
            )


def _state(tx: Transaction) -> dict[str, Any]:
    row = rows.one(tx.conn, "sync_state", "id = 1")
    assert row is not None  # made together with the tables
    return row

"""What sync writes: the plane's identity and its journal - data and cursor always in one transaction.

The engine has judged positions and hashes before; the store looks again at what must never be wrong: that the cursor is
still where the engine thought it was, and that every event fits its chain and is signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from console.domain.errors import InputError, RefusedError
from console.proof.chain import MISSING
from console.proof.envelope import SignedEvent
from console.proof.growth import Frontier, frontier_from_text
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hashes, journal_leaf
from console.store import projections, quarantine, rows
from console.store.readers import Rows
from console.store.rebuild import place_all
from console.store.receipts import audit
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
    """One position of the journal; `event` is None where it is withheld, and `withheld_hash` its hash then."""

    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def journal_hash(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def event(self) -> SignedEvent | None: ...  # noqa: D102
    @property
    def withheld_hash(self) -> str: ...  # noqa: D102


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


def frontier(db: Rows) -> Frontier:
    """The tree over our copy of the journal; grown anew from the copy when the one kept at the cursor does not fit."""
    row = db.row("SELECT pull, cursor, frontier FROM sync_state") or {}
    try:
        kept = frontier_from_text(row["frontier"])
    except InputError:
        kept = Frontier()
    if kept.size == row["cursor"]:
        return kept
    kept = Frontier()
    copy = "SELECT event_hash, status FROM journal WHERE pull = ? ORDER BY gpos"
    for text_hash, status in db.tuples(copy, (row["pull"],)):
        kept = kept.after(journal_leaf(text_hash, status == projections.ACCEPTED))
    return kept


def strange_heads(db: Rows, device: str, heads: Sequence[tuple[str, int, int, str]]) -> tuple[int, ...]:
    """The places in `heads` (incident, incarnation, seq, hash) whose event this record does not hold there."""
    sql = "SELECT hash FROM event WHERE device = ? AND incident = ? AND incarnation = ? AND seq = ?"
    return tuple(
        place
        for place, (incident, incarnation, seq, text_hash) in enumerate(heads)
        if seq and db.value(sql, (device, incident, incarnation, seq)) != text_hash
    )


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
    rows.replace(tx.conn, "sync_state", row | fresh | {"frontier": ""})
    tx.conn.execute("INSERT OR IGNORE INTO outbox (n) SELECT n FROM event ORDER BY n")
    place_all(tx.conn, tx.conn)
    tx.seen_gpos = 0
    tx.touch(("sync", "timeline", "incident"))


def store_entries(
    tx: Transaction,
    before: Position,
    entries: Sequence[JournalEntry],
    after: Position,
    *,
    frontier: str = "",
    checkpoint: str = "",
) -> Judged:
    """Keeps journal entries and moves the cursor from `before` to `after`, with the `frontier` of the tree there.

    `checkpoint` is the plane's verified note at `after`, "" for none. Raises InputError, with nothing written, when the
    cursor is not `before` any more or the entries do not lead from it to `after`; JournalDoubt when a receipt says
    otherwise. Events that do not fit the record are quarantined in `fork_evidence` and raise an alarm.
    """
    row = _state(tx)
    if (row["cursor"], row["cursor_hash"]) != (before.gpos, before.hash) or row["epoch"] not in ("", after.epoch):
        raise InputError(
            f"The record follows the journal to {row['cursor']} and not to {before.gpos}; ask again from there."
        )
    _check_links(before, entries, after)
    exercise = None if row["exercise"] < 0 else bool(row["exercise"])
    readable = [(entry, entry.event) for entry in entries if entry.event is not None]
    rejected = {place for place, (entry, _) in enumerate(readable) if entry.status != projections.ACCEPTED}
    names = [_name(entry) for entry in entries]
    positions = {(name.event_id, name.hash): (e.gpos, e.status) for name, e in zip(names, entries, strict=True)}
    receiving = Receiving(tx.conn, from_plane=True, exercise=exercise, at=tx.at)
    judged = receiving.take([event for _, event in readable], rejected, positions)
    pull = max(1, row["pull"])
    incidents = _keep_entries(tx, pull, after.epoch, entries, names, judged)
    quarantine.withhold(tx, pull, [(entry.gpos, entry.withheld_hash) for entry in entries if entry.event is None])
    quarantine.take_up(tx, judged)
    tx.seen_gpos = after.gpos
    fresh = {"pull": pull, "epoch": after.epoch, "cursor": after.gpos, "cursor_hash": after.hash}
    fresh |= {"largest_size": max(row["largest_size"], after.size_seen), "frontier": frontier}
    rows.replace(tx.conn, "sync_state", row | fresh)
    if entries:
        audit(tx, entries[0].gpos, after.gpos)
    if "organisation" in judged.kinds:
        quarantine.try_again(tx)
    _alarm(tx, judged, rejected, quarantine.has_withheld(tx))
    rows.replace(tx.conn, "sync_state", row | fresh | {"hlc": tx.hlc, "hlc_n": tx.last_n})
    if checkpoint and tx.value("SELECT 1 FROM checkpoint WHERE pull = ? AND size = ?", (pull, after.gpos)) is None:
        rows.insert(tx.conn, "checkpoint", (pull, after.epoch, after.gpos, checkpoint, tx.at))
    tx.touch({"sync", "timeline", "incident", *judged.kinds}, incidents)
    return judged


class _Name(NamedTuple):
    """What an entry's event is called: empty texts but for the hash when it cannot be read."""

    event_id: str
    hash: str
    incident: str
    moves: bool


def _name(entry: JournalEntry) -> _Name:
    if entry.event is None:
        return _Name("", entry.withheld_hash, "", moves=False)
    try:
        event = entry.event.envelope
    except InputError:
        return _Name("", entry.event.hash, "", moves=False)
    return _Name(event.event_id, entry.event.hash, event.incident, projections.moves_incident(event.type))


def _keep_entries(
    tx: Transaction, pull: int, epoch: str, entries: Sequence[JournalEntry], names: Sequence[_Name], judged: Judged
) -> set[str]:
    """Our copy of the journal; what was held before takes its place in the timeline. Returns the incidents touched."""
    copies, placed = [], dict[int, tuple[int, str, int]]()
    incidents, moved = set[str](), set[str]()
    fresh = {n for n, _ in judged.stored}
    for entry, name in zip(entries, names, strict=True):
        values = (pull, entry.gpos, epoch, name.event_id, name.hash, entry.status, entry.journal_hash, tx.at)
        copies.append(values)
        n = judged.numbers.get((name.event_id, name.hash))
        if n is None:
            continue
        incidents.add(name.incident)
        if name.moves:
            moved.add(name.incident)
        if n not in fresh:  # what is new was stored with its position
            placed[n] = (entry.gpos, entry.status, n)
    rows.insert_many(tx.conn, "journal", copies)
    projections.place_many(tx.conn, placed.values())
    tx.conn.executemany("DELETE FROM outbox WHERE n = ?", [(n,) for n in placed])
    projections.refresh_incidents(tx.conn, sorted(moved))
    return incidents


def _check_links(before: Position, entries: Sequence[JournalEntry], after: Position) -> None:
    gpos, at = before.gpos, before.hash
    verdicts = [
        (entry.withheld_hash if entry.event is None else entry.event.hash, entry.status == projections.ACCEPTED)
        for entry in entries
    ]
    for entry, at in zip(entries, journal_hashes(before.hash, verdicts), strict=True):
        gpos += 1
        if (entry.gpos, entry.journal_hash) != (gpos, at):
            raise InputError(f"Position {entry.gpos} does not continue the journal after {gpos - 1}; nothing was kept.")
    if (gpos, at) != (after.gpos, after.hash):
        raise InputError(f"The entries lead to position {gpos} and not to {after.gpos}; nothing was kept.")


def _alarm(tx: Transaction, judged: Judged, rejected: set[int], has_withheld: bool) -> None:
    """An accepted event that does not fit is a sign of a fork; a rejected one that does not is only untidy.

    One that comes before what it follows is no sign while that may be among the events withheld from this desk.
    """
    for place, why in [*judged.forked, *judged.refused]:
        if place not in rejected and not (has_withheld and MISSING in why):
            tx.raise_alarm(
                "fork", f"The plane accepted an event that does not fit this record ({why}); it is kept apart."
            )


def _state(tx: Transaction) -> dict[str, Any]:
    row = rows.one(tx.conn, "sync_state", "id = 1")
    assert row is not None  # made together with the tables
    return row

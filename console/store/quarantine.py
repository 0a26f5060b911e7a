"""What a page of the journal could not give yet: events withheld from this desk, and events that did not fit.

Both keep their position in our copy of the journal and show nothing. Withheld ones are stored when the plane shows
them later; quarantined ones are judged again when what they lacked has come: a key, or an earlier event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from console.domain.errors import InputError
from console.proof.envelope import SignedEvent
from console.proof.journal import EMPTY_JOURNAL_HASH
from console.store import projections, rows
from console.store.readers import Rows
from console.store.receiving import Judged, Receiving
from console.store.transaction import Transaction


class ShownEntry(Protocol):
    """A position of the journal whose event may be read now."""

    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def event(self) -> SignedEvent | None: ...  # noqa: D102


_WITHHELD = "pull = (SELECT pull FROM sync_state) AND event_id = ''"
_QUARANTINED = "NOT EXISTS (SELECT 1 FROM event e WHERE e.event_id = f.event_id AND e.hash = f.hash)"
_JUDGED_AGAIN = f"""
SELECT f.canon, f.sig, f.person_sig, j.gpos, j.status FROM fork_evidence f JOIN journal j ON j.event_id = f.event_id
  AND j.event_hash = f.hash AND j.pull = ?1 WHERE {_QUARANTINED} AND f.event_id <> ''
UNION
SELECT f.canon, f.sig, f.person_sig, j.gpos, j.status FROM fork_evidence f JOIN withheld w ON w.event_id = f.event_id
  AND w.event_hash = f.hash AND w.pull = ?1 JOIN journal j ON j.pull = w.pull AND j.gpos = w.gpos
  WHERE {_QUARANTINED} AND f.event_id <> ''
ORDER BY 4
"""  # noqa: S608 - literals only


def has_withheld(db: Rows) -> bool:
    """Whether the present copy of the journal has positions whose events this desk was not shown."""
    return db.value(f"SELECT 1 FROM withheld WHERE {_WITHHELD} LIMIT 1") is not None  # noqa: S608 - literals only


def next_withheld(db: Rows, after: int, limit: int) -> tuple[int, str, int]:
    """The first withheld position after `after`, the journal's hash before it, and how many follow without a gap.

    At most `limit` of them; (0, "", 0) when there is none.
    """
    found = db.tuples(
        f"SELECT gpos FROM withheld WHERE {_WITHHELD} AND gpos > ? ORDER BY gpos LIMIT ?",  # noqa: S608 - literals only
        (after, limit),
    )
    places = [int(row[0]) for row in found]
    if not places:
        return 0, "", 0
    count = next((n for n, place in enumerate(places) if place != places[0] + n), len(places))
    before = "SELECT journal_hash FROM journal WHERE pull = (SELECT pull FROM sync_state) AND gpos = ?"
    at = db.value(before, (places[0] - 1,))
    return places[0], str(at) if at is not None else EMPTY_JOURNAL_HASH, count


def quarantined(db: Rows) -> int:
    """How many events are kept apart because they do not fit the record."""
    return int(db.value(f"SELECT count(*) FROM fork_evidence f WHERE {_QUARANTINED}"))  # noqa: S608 - literals only


def withhold(tx: Transaction, pull: int, places: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Notes the (position, event hash) that are withheld; returns the ids of those that are our own, by position.

    An own event is known by its receipt, whatever its author may read now.
    """
    own: dict[int, str] = {}
    for gpos, text_hash in places:
        held = tx.value(
            "SELECT event_id FROM receipt WHERE pull = ? AND gpos = ? AND event_hash = ?", (pull, gpos, text_hash)
        )
        if held is not None:
            own[gpos] = str(held)
        row: dict[str, str | int] = {"pull": pull, "gpos": gpos, "event_hash": text_hash, "since": tx.at}
        rows.replace(tx.conn, "withheld", row | {"event_id": own.get(gpos, "")})
    return own


def store_shown(tx: Transaction, entries: Sequence[ShownEntry]) -> Judged:
    """Stores events that were withheld when their positions were kept; the same again changes nothing.

    Raises InputError, with nothing written, when one is not the event that stands at its position.
    """
    state = rows.one(tx.conn, "sync_state", "id = 1") or {}
    shown: list[tuple[SignedEvent, int, str]] = []
    for entry in entries:
        row = rows.one(tx.conn, "withheld", "pull = ? AND gpos = ?", (state["pull"], entry.gpos))
        if row is None or entry.event is None:
            continue
        held = tx.value("SELECT status FROM journal WHERE pull = ? AND gpos = ?", (state["pull"], entry.gpos))
        if row["event_hash"] != entry.event.hash or held != entry.status:
            raise InputError(f"What the plane shows now for position {entry.gpos} is not what stood there before.")
        try:
            event_id = entry.event.envelope.event_id
        except InputError:
            continue  # unreadable: there is nothing to show
        rows.replace(tx.conn, "withheld", row | {"event_id": event_id})
        shown.append((entry.event, entry.gpos, entry.status))
    judged = _take(tx, state, shown)
    if judged.stored:
        try_again(tx)
    return judged


def try_again(tx: Transaction) -> Judged:
    """Judges what is quarantined once more, in the order of the journal; what fits now is stored and shown."""
    state = rows.one(tx.conn, "sync_state", "id = 1") or {}
    found = tx.tuples(_JUDGED_AGAIN, (max(1, state["pull"]),))
    return _take(tx, state, [(SignedEvent(*texts), gpos, status) for *texts, gpos, status in found])


def _take(tx: Transaction, state: dict[str, Any], events: Sequence[tuple[SignedEvent, int, str]]) -> Judged:
    if not events:
        return Judged()
    exercise = None if state["exercise"] < 0 else bool(state["exercise"])
    positions = {(signed.envelope.event_id, signed.hash): (gpos, status) for signed, gpos, status in events}
    suspects = {place for place, (_, _, status) in enumerate(events) if status != projections.ACCEPTED}
    judged = Receiving(tx.conn, from_plane=True, exercise=exercise, at=tx.at).take(
        [signed for signed, _, _ in events], suspects, positions
    )
    take_up(tx, judged)
    placed = [(*positions[key], n) for key, n in judged.numbers.items() if key in positions]
    projections.place_many(tx.conn, placed)
    tx.conn.executemany("DELETE FROM outbox WHERE n = ?", [(n,) for _, _, n in placed])
    incidents = sorted(judged.incidents)
    projections.refresh_incidents(tx.conn, incidents)
    tx.touch({"sync", "timeline", "incident", *judged.kinds}, incidents)
    return judged


def take_up(tx: Transaction, judged: Judged) -> None:
    """What the writer must know of events that came in: the last number, their clocks, ends of its own chains."""
    tx.witness(event.hlc for _, event in judged.stored)
    tx.last_n = max([tx.last_n, *(n for n, _ in judged.stored)])
    mine = {event.incident for _, event in judged.stored if event.device == tx.device}
    for incident in mine:
        tx.reread_head(incident)

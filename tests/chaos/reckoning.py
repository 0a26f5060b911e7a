"""What is left when the faults have stopped: counted, compared, and verified without asking the programs that wrote it.

`lost` are events that a desk acknowledged and that are not on that desk, or not at the plane; `duplicated` are events
at more than one position of the journal; `unequal` says in sentences where two records differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from console.plane.db import Database, database_url
from console.plane.tables import JOURNAL
from console.proof.journal import ACCEPTED, EMPTY_JOURNAL_HASH, journal_hash
from console.store.opening import record_path
from console.store.readers import Reader
from console.store.verify import verify_store

Line = tuple[int, str, str, str]
"""Position, event hash, status, journal hash."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The counts of one run, and what is wrong in sentences."""

    acknowledged: int
    lost: int
    duplicated: int
    unequal: tuple[str, ...]


def reckon(database: Path, desks: Sequence[tuple[str, Path, Sequence[str]]]) -> Reckoning:
    """Compares the plane's journal with the stores of the stopped desks: (name, folder, promised event ids) each."""
    journal, ids = _plane_journal(database)
    accepted = Counter(event_id for event_id, status in ids if status == ACCEPTED)
    at_plane = {event_id for event_id, _ in ids}
    lost, faults = 0, list(_journal_faults(journal))
    for name, folder, promised in desks:
        with Reader.open(record_path(folder)) as db:
            held = {row[0] for row in db.tuples("SELECT event_id FROM event")}
            missing = [one for one in promised if one not in held or one not in at_plane]
            lost += len(missing)
            faults += [f"{name}: {one} was acknowledged and is not {_where(one, held)}" for one in missing[:5]]
            faults += _desk_faults(name, db, journal)
        faults += [f"{name}: {fault}" for fault in verify_store(record_path(folder)).faults[:5]]
    faults += _differences(desks)
    duplicated = sum(count - 1 for count in accepted.values())
    return Reckoning(sum(len(promised) for _, _, promised in desks), lost, duplicated, tuple(faults))


def _where(event_id: str, held: set[str]) -> str:
    return "at the plane" if event_id in held else "on its desk"


def _plane_journal(database: Path) -> tuple[list[Line], list[tuple[str, str]]]:
    opened = Database.opened(database_url(str(database)))
    columns = (JOURNAL.c.gpos, JOURNAL.c.hash, JOURNAL.c.status, JOURNAL.c.journal_hash, JOURNAL.c.event_id)
    try:
        rows = opened.write_now(lambda tx: tx.connection.execute(select(*columns).order_by(JOURNAL.c.gpos)).all())
    finally:
        opened.close()
    return [tuple(row[:4]) for row in rows], [(row[4], row[2]) for row in rows]


def _journal_faults(journal: Sequence[Line]) -> Iterator[str]:
    at = EMPTY_JOURNAL_HASH
    for place, (gpos, event_hash, status, stated) in enumerate(journal, 1):
        at = journal_hash(at, event_hash, status == ACCEPTED)
        if (gpos, stated) != (place, at):
            yield f"the plane's journal is broken at position {place}"
            return


def _desk_faults(name: str, db: Reader, journal: Sequence[Line]) -> Iterator[str]:
    columns = "SELECT gpos, event_hash, status, journal_hash FROM journal"
    mine = db.tuples(f"{columns} WHERE pull = (SELECT pull FROM sync_state) ORDER BY gpos")
    if list(map(tuple, mine)) != list(journal):
        pairs = enumerate(zip(mine, journal, strict=False), 1)
        apart = next((place for place, (held, stated) in pairs if tuple(held) != stated), "the end")
        yield f"{name} holds {len(mine)} positions of the journal's {len(journal)}; they differ at {apart}"
    if queued := db.value("SELECT count(*) FROM outbox"):
        yield f"{name} still has {queued} events to send"


_SHOWN = "SELECT event_id, incident, gpos, hlc, status, type, actor, role, device, text FROM timeline ORDER BY event_id"
_INCIDENTS = (
    "SELECT incident, title, severity, severity_event, state, state_event, class FROM incident ORDER BY incident"
)


def _differences(desks: Sequence[tuple[str, Path, Sequence[str]]]) -> Iterator[str]:
    """Where the screens of two desks would differ."""
    shown = []
    for _, folder, _ in desks:
        with Reader.open(record_path(folder)) as db:
            shown.append((db.tuples(_SHOWN), db.tuples(_INCIDENTS)))
    for (name, _, _), (lines, incidents) in zip(desks[1:], shown[1:], strict=True):
        if lines != shown[0][0]:
            apart = {line[0] for line in set(lines) ^ set(shown[0][0])}
            yield f"{desks[0][0]} and {name} show {len(apart)} events differently, such as {min(apart)}"
        if incidents != shown[0][1]:
            yield f"{desks[0][0]} and {name} show an incident differently"

"""The board: which incidents in which order as bare numbers, the lines of a page of them, where a changed one belongs.

An incident's number is the rowid of its line: 8 bytes, so that a million fit into a window. Numbers come in slices,
each worked out inside SQLite in one step, so that a thread that paints is not kept waiting by a thread that reads.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.incident import CLOSED
from console.store.readers import Rows
from console.store.search import found_numbers

OPEN, ALL, DONE = "open", "all", "closed"
SHOWN = (OPEN, ALL, DONE)
SEVERE, NEWEST, OLDEST = "severe", "newest", "oldest"
ORDERS = (SEVERE, NEWEST, OLDEST)
FIRST = 1_000
"""So many at once; they fill every screen."""
SLICE = 20_000
PAGE = 128
MOST_FOUND = 10_000
"""A search shows the newest so many hits; whoever has more adds a word."""

_ID_START = re.compile(r"[0-9a-f]{4,8}(-[0-9a-f-]{0,28})?")
_TARGET = re.compile(r"[a-z]+\.[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the board is asked for: one of SHOWN, the mildest level that is shown ("" for every one), one of ORDERS.

    A `text` that is not blank searches all incidents, newest hit first, whatever the rest says.
    """

    shown: str = OPEN
    mildest: str = ""
    order: str = SEVERE
    text: str = ""

    @property
    def searches(self) -> bool:
        """Whether this is a search."""
        return bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the next slice begins: after this incident of this level."""

    severity: str
    incident: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Numbers (int64) in order, and the mark of the next slice, None at the end; `cut`: a search found more."""

    numbers: array[int]
    after: Mark | None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line as the record holds it: nothing in it is safe to paint without `ui.text`. Times RFC 3339 UTC."""

    number: int
    incident: str
    severity: str
    state: str
    title: str
    target: str
    commander: str
    detected_at: str
    acknowledged: bool
    in_conflict: bool = False
    """Whether two people said different things at once and nobody has decided."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The first slice with the lines of its first page."""

    slice: Slice
    page: tuple[BoardRow, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a changed incident belongs now: its place from 0 among all that are wanted, -1 when it is not wanted."""

    number: int
    place: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Changed incidents as they are now: their lines, where they belong, and how many are wanted in all.

    A search has no places and a `total` of -1: it is asked again.
    """

    rows: tuple[BoardRow, ...]
    places: tuple[Place, ...]
    total: int


def board_opening(reader: Rows, wanted: Wanted) -> Opening:
    """The first slice and its first page in one answer, for the first paint."""
    first = board_slice(reader, wanted, None, FIRST)
    return Opening(first, board_page(reader, first.numbers[:PAGE]))


def board_slice(reader: Rows, wanted: Wanted, after: Mark | None, limit: int = SLICE) -> Slice:
    """The next `limit` numbers after `after` (None: from the beginning); a search comes in one slice."""
    if wanted.searches:
        found, cut = _found(reader, wanted.text)
        return Slice(found, None, cut)
    if wanted.order == SEVERE:
        return _by_severity(reader, wanted, after, limit)
    return _by_time(reader, wanted, after, limit)


def board_page(reader: Rows, numbers: Sequence[int]) -> tuple[BoardRow, ...]:
    """The lines of these numbers, in their order; one whose incident is gone is left out."""
    rows = reader.tuples(_PAGE, (json.dumps(list(numbers)),))
    lines = {row[0]: BoardRow(*(*row[:-2], bool(row[-2]), bool(row[-1]))) for row in rows}
    return tuple(lines[number] for number in numbers if number in lines)


def board_changes(reader: Rows, wanted: Wanted, incidents: Sequence[str]) -> Changed:
    """What became of these incidents; ids that the record does not hold are left out."""
    found = reader.tuples(
        "SELECT rowid FROM incident WHERE incident IN (SELECT value FROM json_each(?))", (json.dumps(list(incidents)),)
    )
    rows = board_page(reader, [row[0] for row in found])
    if wanted.searches:
        return Changed(rows, (), -1)
    places = tuple(
        Place(row.number, _place(reader, wanted, Mark(row.severity, row.incident)) if _is_wanted(wanted, row) else -1)
        for row in rows
    )
    return Changed(rows, places, _count(reader, wanted, "1", ()))


_PAGE = """
SELECT i.rowid, i.incident, i.severity, i.state, i.title, i.target,
  ifnull((SELECT r.person FROM role_holder r JOIN timeline t ON t.n = r.n
    WHERE r.incident = i.incident AND r.role = 'incident_commander' AND t.status <> 'rejected'
    ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC LIMIT 1), ''),
  i.detected_at, i.acknowledged_event <> '',
  EXISTS (SELECT 1 FROM held h WHERE h.incident = i.incident AND h.in_conflict = 1)
FROM incident i WHERE i.rowid IN (SELECT value FROM json_each(?))
"""

_STATE = {OPEN: f"state <> '{CLOSED}'", ALL: "1", DONE: f"state = '{CLOSED}'"}


def _where(wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """The condition that lines must meet; only literals of ours are in it, the level is a parameter."""
    level = (" AND severity <= ?", (wanted.mildest,)) if wanted.mildest else ("", ())
    return _STATE[wanted.shown] + level[0], level[1]


def _is_wanted(wanted: Wanted, row: BoardRow) -> bool:
    by_state = {OPEN: row.state != CLOSED, ALL: True, DONE: row.state == CLOSED}[wanted.shown]
    return by_state and (not wanted.mildest or row.severity <= wanted.mildest)


def _by_time(reader: Rows, wanted: Wanted, after: Mark | None, limit: int) -> Slice:
    where, parameters = _where(wanted)
    sign, way = ("<", "DESC") if wanted.order == NEWEST else (">", "ASC")
    if after is not None:
        where, parameters = f"{where} AND incident {sign} ?", (*parameters, after.incident)
    numbers = _numbers(reader, f"{where} ORDER BY incident {way}", parameters, limit)
    return Slice(numbers, _mark(reader, numbers) if len(numbers) == limit else None)


def _by_severity(reader: Rows, wanted: Wanted, after: Mark | None, limit: int) -> Slice:
    """Level by level, newest first within one: whatever a level is called, every incident has its turn."""
    where, parameters = _where(wanted)
    numbers: array[int] = array("q")
    level = after.severity if after is not None else _next_level(reader, None)
    while level is not None and len(numbers) < limit:
        of_level, given = f"{where} AND severity = ?", (*parameters, level)
        if after is not None and after.severity == level:
            of_level, given = f"{of_level} AND incident < ?", (*given, after.incident)
        numbers += _numbers(reader, f"{of_level} ORDER BY incident DESC", given, limit - len(numbers))
        if len(numbers) < limit:
            level = _next_level(reader, level)
    return Slice(numbers, _mark(reader, numbers) if len(numbers) == limit else None)


def _next_level(reader: Rows, level: str | None) -> str | None:
    beyond = ("WHERE severity > ?", (level,)) if level is not None else ("", ())
    found = reader.value(f"SELECT min(severity) FROM incident {beyond[0]}", beyond[1])  # noqa: S608 - literals only
    return None if found is None else str(found)


def _numbers(reader: Rows, condition: str, parameters: Sequence[str], limit: int) -> array[int]:
    """One step of SQLite for the whole slice, which runs without Python's lock; then one pass to unpack it."""
    sql = f"SELECT rowid AS number FROM incident WHERE {condition} LIMIT ?"  # noqa: S608 - literals only
    packed = reader.value(f"SELECT json_group_array(number) FROM ({sql})", (*parameters, limit))  # noqa: S608
    return array("q", json.loads(packed))


def _mark(reader: Rows, numbers: array[int]) -> Mark | None:
    row = reader.row("SELECT severity, incident FROM incident WHERE rowid = ?", (numbers[-1],)) if numbers else None
    return Mark(row["severity"], row["incident"]) if row else None


def _place(reader: Rows, wanted: Wanted, at: Mark) -> int:
    if wanted.order == SEVERE:
        before = _count(reader, wanted, "severity < ?", (at.severity,))
        return before + _count(reader, wanted, "severity = ? AND incident > ?", (at.severity, at.incident))
    return _count(reader, wanted, f"incident {'>' if wanted.order == NEWEST else '<'} ?", (at.incident,))


def _count(reader: Rows, wanted: Wanted, condition: str, parameters: Sequence[str]) -> int:
    where, given = _where(wanted)
    sql = f"SELECT count(*) FROM incident WHERE {where} AND {condition}"  # noqa: S608 - literals only
    return int(reader.value(sql, (*given, *parameters)))


def _found(reader: Rows, text: str) -> tuple[array[int], bool]:
    """By the start of an id, by the exact target, and by words, newest first within each; every incident once."""
    asked = text.strip().lower()
    found = dict.fromkeys(_by_id(reader, asked, PAGE))
    if _TARGET.fullmatch(asked):
        newest = "SELECT rowid FROM incident WHERE target = ? ORDER BY incident DESC LIMIT ?"
        found |= dict.fromkeys(row[0] for row in reader.tuples(newest, (asked, MOST_FOUND)))
    events = found_numbers(reader, text, MOST_FOUND)
    of_events = reader.tuples(
        "SELECT i.rowid FROM json_each(?) j JOIN timeline t ON t.n = j.value "
        "JOIN incident i ON i.incident = t.incident WHERE t.status <> 'rejected' ORDER BY j.key",
        (json.dumps(events),),
    )
    found |= dict.fromkeys(row[0] for row in of_events)
    return array("q", found), len(events) == MOST_FOUND


def _by_id(reader: Rows, start: str, limit: int) -> list[int]:
    if not _ID_START.fullmatch(start):
        return []
    rows = reader.tuples(
        "SELECT rowid FROM incident WHERE incident >= ? AND incident < ? ORDER BY incident DESC LIMIT ?",
        (start, f"{start}g", limit),
    )
    return [row[0] for row in rows]

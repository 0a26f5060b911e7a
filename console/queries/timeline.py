"""The timeline of an incident: every event in order, as it was signed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.domain.telling import sentence_of
from console.domain.times import format_utc, from_epoch_us
from console.proof.envelope import SignedEvent
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event; `at` is the author's clock (from the hybrid clock, millisecond precision), RFC 3339 UTC."""

    event_id: str
    type: str
    at: str
    actor: str
    role: str
    signed: SignedEvent


def timeline(reader: Rows, incident: str) -> tuple[TimelineEntry, ...]:
    """All events of the incident in the server's order, what it has not ordered yet last; rejected ones left out."""
    return tuple(entry_of(signed) for signed in reader.events(incident))


def entry_of(signed: SignedEvent) -> TimelineEntry:
    """How one event is listed."""
    event = signed.envelope
    at = format_utc(from_epoch_us((int(event.hlc, 16) >> 16) * 1000))
    return TimelineEntry(event.event_id, event.type, at, event.actor, event.role, signed)


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of the timeline as it is shown; times RFC 3339 UTC.

    `happened` is when it happened, `written` when it was written down (the author's clock); they differ for what was
    noted afterwards. `status` is "pending", "accepted" or "rejected", `problem` why; `corrected` whether a later entry
    corrects it.
    """

    event_id: str
    type: str
    happened: str
    written: str
    actor: str
    role: str
    sentence: str
    status: str
    problem: str
    corrected: bool
    person_signed: bool
    revised: bool = False
    """Whether a later revision gives this note another text."""
    in_conflict: bool = False
    """Whether it is one of several texts of a note that did not know of each other."""


KINDS: dict[str, tuple[str, ...]] = {
    "everything": (),
    "decisions": ("incident.", "role.", "severity.", "triage.", "lifecycle.", "review.", "criterion.", "approval."),
    "switches": ("switch.", "approval."),
    "evidence": ("evidence.", "review.", "validation."),
    "signals": ("signal.", "lamps."),
    "notes": ("note.",),
}
"""Filter -> the beginnings of the event types it shows; nothing listed shows all."""

_SHOWN = (
    "FROM timeline t WHERE t.incident = ?1 AND (?2 = '[]' OR EXISTS "
    "(SELECT 1 FROM json_each(?2) WHERE substr(t.type, 1, length(value)) = value)) "
)


_NEWEST_FIRST = "ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC "
_PAGE = (
    "SELECT t.status, e.canon, e.sig, e.person_sig, "  # noqa: S608 - literals of this file only
    "ifnull((SELECT problem FROM receipt r WHERE r.event_id = t.event_id ORDER BY received_at DESC LIMIT 1), '') "
    "FROM (SELECT t.n, t.status, t.event_id, t.gpos, t.hlc " + _SHOWN + _NEWEST_FIRST + "LIMIT ?3 OFFSET ?4) t "
    "JOIN event e ON e.n = t.n " + _NEWEST_FIRST
)


def timeline_size(reader: Rows, incident: str, kind: str = "everything") -> int:
    """How many lines the timeline has under that filter, rejected ones included."""
    return int(reader.value("SELECT count(*) " + _SHOWN, (incident, json.dumps(KINDS[kind])), 0))


def timeline_page(
    reader: Rows, incident: str, offset: int, limit: int, kind: str = "everything"
) -> tuple[TimelineRow, ...]:
    """Lines `offset` to `offset + limit`, newest first."""
    rows = reader.tuples(_PAGE, (incident, json.dumps(KINDS[kind]), limit, offset))
    marks = _marks(reader, incident)
    return tuple(_row(SignedEvent(*signed), status, problem, marks) for status, *signed, problem in rows)


@dataclass(frozen=True, slots=True)
class _Marks:
    """Events of one incident that others changed: corrected, revised, in conflict."""

    corrected: frozenset[str]
    revised: frozenset[str]
    in_conflict: frozenset[str]


def _marks(reader: Rows, incident: str) -> _Marks:
    return _Marks(_corrected(reader, incident), *(_ids(reader, sql, incident) for sql in (_REVISED, _SIBLINGS)))


_REVISED = (
    "SELECT DISTINCT j.value FROM note_revision v JOIN timeline t ON t.n = v.n, json_each(v.saw) j "
    "WHERE v.incident = ? AND t.status <> 'rejected'"
)
_SIBLINGS = (
    "SELECT j.value FROM held h, json_each(h.sides) j "
    "WHERE h.incident = ? AND h.in_conflict = 1 AND substr(h.subject, 1, 5) = 'note:'"
)


def _ids(reader: Rows, sql: str, incident: str) -> frozenset[str]:
    return frozenset(str(row[0]) for row in reader.tuples(sql, (incident,)))


def _corrected(reader: Rows, incident: str) -> frozenset[str]:
    events = reader.events(incident, "note.corrected")
    return frozenset(str(signed.envelope.body.get("corrects", "")) for signed in events)


def _row(signed: SignedEvent, status: str, problem: str, marks: _Marks) -> TimelineRow:
    entry = entry_of(signed)
    event = signed.envelope
    return TimelineRow(
        event_id=entry.event_id,
        type=entry.type,
        happened=str(event.body.get("happened_at", entry.at)),
        written=entry.at,
        actor=entry.actor,
        role=entry.role,
        sentence=sentence_of(event.type, event.body),
        status=status,
        problem=_told(problem),
        corrected=entry.event_id in marks.corrected,
        person_signed=bool(signed.person_sig),
        revised=entry.event_id in marks.revised,
        in_conflict=entry.event_id in marks.in_conflict,
    )


def _told(problem: str) -> str:
    """The sentence of a receipt's problem, "" without one."""
    try:
        value = json.loads(problem) if problem else {}
    except ValueError:
        return problem[:300]
    return str(value.get("detail", "")) if isinstance(value, dict) else ""

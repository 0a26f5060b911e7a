"""One note: the text that holds, or every text that stands beside another, and what they were made from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.domain.conflicts import note_subject
from console.domain.merging import common_base
from console.domain.times import format_utc, from_epoch_us
from console.store.readers import Reader
from console.store.standing import standings


@dataclass(frozen=True, slots=True)
class NoteText:
    """One text of a note; `at` is its author's clock, RFC 3339."""

    event_id: str
    text: str
    actor: str
    role: str
    at: str
    status: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note, named by the event that added it; more than one side is a conflict, the oldest first.

    `base` is what the first two sides were both made from, None with one side.
    """

    incident: str
    note: str
    sides: tuple[NoteText, ...]
    base: NoteText | None


def note_view(reader: Reader, incident: str, event_id: str) -> NoteView | None:
    """The note that `event_id` added or gave another text; None when it did neither, or was rejected."""
    note = str(reader.value("SELECT note FROM note_revision v JOIN timeline t ON t.n = v.n "
                            "WHERE t.event_id = ?", (event_id,), event_id))  # fmt: skip
    texts, saw = _texts(reader, incident, note)
    if note not in texts:
        return None
    standing, _ = standings(reader.conn, incident).get(note_subject(note), (None, 0))
    ids = [one for one in standing.sides if one in texts] if standing is not None else [note]
    sides = tuple(texts[one] for one in ids) or (texts[note],)
    base = texts[common_base(saw, ids[0], ids[1]) or note] if len(sides) > 1 else None
    return NoteView(incident, note, sides, base)


def note_in_conflict(reader: Reader, incident: str) -> NoteView | None:
    """A note of the incident that has several texts, or None."""
    found = reader.value(
        "SELECT substr(subject, 6) FROM held WHERE incident = ? AND in_conflict = 1 "
        "AND substr(subject, 1, 5) = 'note:' ORDER BY subject LIMIT 1",
        (incident,),
    )
    return note_view(reader, incident, str(found)) if found is not None else None


def _texts(reader: Reader, incident: str, note: str) -> tuple[dict[str, NoteText], dict[str, list[str]]]:
    """The note and its revisions by event id, the note first, then in the server's order; and what each one saw."""
    rows = reader.tuples(
        "SELECT t.event_id, t.actor, t.role, t.hlc, t.status, json_extract(e.canon, '$.body.text'), "
        "ifnull(v.saw, '[]') "
        "FROM timeline t JOIN event e ON e.n = t.n LEFT JOIN note_revision v ON v.n = t.n "
        "WHERE t.incident = ?1 AND t.status <> 'rejected' "
        "AND ((t.event_id = ?2 AND t.type = 'note.added') OR (t.type = 'note.revised' AND v.note = ?2)) "
        "ORDER BY t.type, t.gpos, t.hlc, t.event_id",
        (incident, note),
    )
    texts: dict[str, NoteText] = {}
    saw: dict[str, list[str]] = {}
    for event_id, actor, role, hlc, status, text, seen in rows:
        at = format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000))
        texts[event_id] = NoteText(event_id, text, actor, role, at, status)
        saw[event_id] = [str(one) for one in json.loads(seen)]
    return texts, saw

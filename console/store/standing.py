"""Settles what holds of everything two people may change at once, for one incident, into the projection `held`.

Computed anew from the incident's own rows and their order, so that keeping up equals starting over; only subjects that
are, or were, in conflict have a row there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from console.domain.conflicts import Resolved, Said, Standing, settle
from console.store._sqlite import Connection
from console.store.readers import Rows

_SAID = (
    ("severity", "'severity'", "p.level", "-1"),
    ("role_holder", "'role:' || p.role", "p.person", "p.seen"),
    ("triage_answer", "'triage:' || p.branch", "p.answer", "p.seen"),
    (
        "triage_conclusion",
        "'conclusion'",
        "json_array(p.class, p.severity, p.surface, p.runbook, p.containment, p.roles, p.branches)",
        "p.seen",
    ),
    ("note_revision", "'note:' || p.note", "p.text", "-1"),
)
_ORDERED = "t.gpos AS gpos, t.hlc AS hlc, t.event_id AS event_id, p.n AS n"
_ENTRIES = (
    " UNION ALL ".join(
        f"SELECT {subject} AS subject, {_ORDERED}, {value} AS value, p.saw AS saw, "  # noqa: S608 - literals only
        f"t.actor || ' ' || t.device AS author, {seen} AS seen, '' AS over, '' AS role "
        f"FROM {table} p JOIN timeline t ON t.n = p.n WHERE p.incident = ?1 AND t.status <> 'rejected'"
        for table, subject, value, seen in _SAID
    )
    + f" UNION ALL SELECT p.subject, {_ORDERED}, '', p.kept, '', -1, p.over, p.author_role "  # noqa: S608
    "FROM resolution p JOIN timeline t ON t.n = p.n WHERE p.incident = ?1 AND t.status <> 'rejected' "
    "ORDER BY gpos, hlc, event_id"
)


_EPOCHS = "SELECT gpos, hlc FROM timeline WHERE incident = 'system' AND type = 'epoch.began' AND status = 'accepted'"


def _seen_here(seen: int, hlc: str, epochs: Iterable[tuple[int, str]]) -> int:
    """How far into this journal the desk saw that wrote an event at `hlc`: positions count in their own epoch only.

    What was written before an epoch began saw of this journal at most what the backup still held of the one before.
    """
    return min([seen, *(began - 1 for began, at in epochs if hlc < at)])


def standings(conn: Connection, incident: str) -> dict[str, tuple[Standing, int]]:
    """What each subject of `incident` came to, with the local number of the event that holds."""
    epochs = conn.execute(_EPOCHS).fetchall()
    entries: dict[str, list[Said | Resolved]] = {}
    numbers: dict[str, int] = {}
    for subject, gpos, hlc, event_id, n, value, saw, author, seen, over, role in conn.execute(_ENTRIES, (incident,)):
        numbers[event_id] = n
        found = entries.setdefault(subject, [])
        if role or over:
            found.append(Resolved(event_id, saw, _texts(over), role))
            continue
        seen_of = _texts(saw) if subject.startswith("note:") else (saw,)
        if subject.startswith("note:") and not found:
            found.append(_note_itself(conn, incident, subject))
        person, _, device = author.rpartition(" ")
        found.append(
            Said(
                event_id=event_id,
                value=value,
                saw=seen_of,
                author=(person, device),
                position=gpos,
                seen=_seen_here(seen, hlc, epochs),
            )
        )
    settled = {subject: settle(subject, found) for subject, found in entries.items()}
    return {subject: (one, numbers.get(one.holds, 0)) for subject, one in settled.items() if one is not None}


def settle_incident(conn: Connection, incident: str) -> None:
    """Writes what is or was in conflict in `incident`; an incident that is not known here has nothing to settle."""
    conn.execute("DELETE FROM held WHERE incident = ?", (incident,))
    if conn.execute("SELECT 1 FROM incident WHERE incident = ?", (incident,)).fetchone() is None:
        return
    for subject, (one, n) in standings(conn, incident).items():
        if one.in_conflict or one.settled:
            row: tuple[Any, ...] = (n, incident, subject, one.holds, json.dumps(one.sides), int(one.in_conflict))
            conn.execute("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)", row)


def _note_itself(conn: Connection, incident: str, subject: str) -> Said:
    """The first text of a note, which the first revision replaces."""
    event_id = subject.partition(":")[2]
    found = conn.execute(
        "SELECT text FROM timeline WHERE event_id = ? AND incident = ?", (event_id, incident)
    ).fetchone()
    return Said(event_id=event_id, value=found[0] if found else "", saw=(), author=("", ""))


def _texts(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return ()
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def standing_of(reader: Rows, incident: str, subject: str) -> Standing | None:
    """What was settled of one subject that is or was in conflict, or None when it never was."""
    row = reader.row(
        "SELECT event_id, sides, in_conflict FROM held WHERE incident = ? AND subject = ?", (incident, subject)
    )
    return Standing(row["event_id"], _texts(row["sides"])) if row is not None else None

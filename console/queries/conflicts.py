"""What two people said at once and nobody has decided yet: every side, by whom, when, and which one holds meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.domain.telling import sentence_of
from console.domain.times import format_utc, from_epoch_us
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Side:
    """One side: the event, what it says, who wrote it (`at` is their clock, RFC 3339), whether it holds meanwhile."""

    event_id: str
    sentence: str
    actor: str
    role: str
    at: str
    status: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """One open conflict; `subject` as in `console.domain.conflicts`, sides oldest first in the server's order."""

    incident: str
    subject: str
    sides: tuple[Side, ...]


def conflicts(reader: Rows, incident: str) -> tuple[Conflict, ...]:
    """The open conflicts of one incident, severity first."""
    return _found(reader, "SELECT * FROM held WHERE in_conflict = 1 AND incident = ?", (incident,))


def open_conflicts(reader: Rows) -> tuple[Conflict, ...]:
    """The open conflicts of every incident."""
    return _found(reader, "SELECT * FROM held WHERE in_conflict = 1", ())


def _found(reader: Rows, sql: str, parameters: tuple[str, ...]) -> tuple[Conflict, ...]:
    rows = sorted(
        reader.rows(sql, parameters), key=lambda row: (row["incident"], row["subject"] != "severity", row["subject"])
    )
    return tuple(
        Conflict(
            row["incident"],
            row["subject"],
            tuple(
                side
                for event_id in json.loads(row["sides"])
                if (side := _side(reader, event_id, event_id == row["event_id"])) is not None
            ),
        )
        for row in rows
    )


def _side(reader: Rows, event_id: str, holds: bool) -> Side | None:
    signed = reader.event(event_id)
    if signed is None:
        return None
    event = signed.envelope
    status = str(reader.value("SELECT status FROM timeline WHERE event_id = ?", (event_id,), ""))
    said = sentence_of(event.type, event.body)
    at = format_utc(from_epoch_us((int(event.hlc, 16) >> 16) * 1000))
    return Side(event_id, said, event.actor, event.role, at, status, holds)

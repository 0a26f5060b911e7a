"""The headline of an incident for the bar that is always in view, and how many incidents are open besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.domain.severity import LEVELS
from console.domain.times import format_utc, from_epoch_us
from console.queries.incidents import incident
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class OpenIncidents:
    """How many incidents are not closed, and the most severe and newest of them ("" when there is none)."""

    count: int
    worst: str
    severity: str
    title: str
    target: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What a commander must never have to look for. Times are RFC 3339 UTC, "" when it did not happen.

    `updated_at` is when a person last wrote an update down; `stops` and `restored` are "switch target" -> event id of
    the observation; `under_way` counts commands whose outcome is open.
    """

    incident: str
    title: str
    severity: str
    state: str
    target: str
    acknowledged: bool
    commander: str
    detected_at: str
    updated_at: str
    stops: Mapping[str, str]
    restored: Mapping[str, str]
    under_way: int
    conflicts: int = 0
    """How many things two people said at once and nobody has decided."""


def open_incidents(reader: Rows) -> OpenIncidents:
    """Counts what is open, to 1,000 and one more; closed incidents are history."""
    count = reader.value("SELECT count(*) FROM (SELECT 1 FROM incident WHERE state <> 'closed' LIMIT 1001)", (), 0)
    for level in (*LEVELS, ""):
        found = reader.tuples(
            "SELECT incident, severity, title, target FROM incident WHERE severity = ? AND state <> 'closed' "
            "ORDER BY incident DESC LIMIT 1",
            (level,),
        )
        if found:
            return OpenIncidents(int(count), *found[0])
    return OpenIncidents(int(count), "", "", "", "")


def headline(reader: Rows, incident_id: str) -> Headline | None:
    """The headline of one incident, or None when the record does not hold it."""
    page = incident(reader, incident_id)
    if page is None:
        return None
    row, facts = page.row, page.facts
    return Headline(
        incident=row.incident,
        title=row.title,
        severity=row.severity,
        state=row.state,
        target=row.target,
        acknowledged=bool(row.acknowledged),
        commander=facts.commander,
        detected_at=row.detected_at,
        updated_at=_last_update(reader, incident_id),
        stops=facts.stops,
        restored=facts.restored,
        under_way=len(facts.unresolved_commands),
        conflicts=int(
            reader.value("SELECT count(*) FROM held WHERE incident = ? AND in_conflict = 1", (incident_id,), 0)
        ),
    )


def _last_update(reader: Rows, incident_id: str) -> str:
    hlc = reader.value(
        "SELECT hlc FROM timeline WHERE incident = ? AND type = 'note.added' AND status <> 'rejected' "
        "ORDER BY hlc DESC LIMIT 1",
        (incident_id,),
        "",
    )
    return format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000)) if hlc else ""

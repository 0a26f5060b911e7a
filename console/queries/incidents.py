"""Incidents: the list, one of them, and what its next states still lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.domain.incident import STATES, IncidentFacts, entry_faults
from console.store.facts import incident_facts
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One line of the board; `opened` is the id of the opening event, times RFC 3339 UTC."""

    incident: str
    opened: str
    title: str
    severity: str
    severity_event: str
    state: str
    incident_class: str
    target: str
    fingerprint: str
    detected_at: str
    acknowledged: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident: its line, the facts, and for every state what is missing before it may be entered."""

    row: IncidentRow
    facts: IncidentFacts
    missing: Mapping[str, tuple[str, ...]]


_COLUMNS = (
    "SELECT incident, opened, title, severity, severity_event, state, class, target, fingerprint, detected_at, "
    "acknowledged_event FROM incident "
)


def incidents(reader: Rows, limit: int = 1000) -> tuple[IncidentRow, ...]:
    """The newest `limit` incidents, newest first."""
    return tuple(IncidentRow(*row) for row in reader.tuples(_COLUMNS + "ORDER BY incident DESC LIMIT ?", (limit,)))


def incident(reader: Rows, incident_id: str) -> IncidentPage | None:
    """One incident, or None when the record does not hold it."""
    found = reader.tuples(_COLUMNS + "WHERE incident = ?", (incident_id,))
    if not found:
        return None
    facts = incident_facts(reader, incident_id)
    return IncidentPage(IncidentRow(*found[0]), facts, {state: entry_faults(state, facts) for state in STATES})

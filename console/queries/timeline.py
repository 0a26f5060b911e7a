"""The timeline of an incident: every event in order, as it was signed."""

from __future__ import annotations

from dataclasses import dataclass

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

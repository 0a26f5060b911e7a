"""Dealing with an alarm: a person has looked, and says so. An alarm is of this desk and no event.

Settling one of the kinds that keep the desk from its plane lets it ask the plane again.
"""

from __future__ import annotations

from datetime import datetime

from console.domain.changes import Changes
from console.store.record import Record


def settle_alarm(record: Record, alarm_id: str, now: datetime) -> Changes:
    """Marks the alarm as dealt with; it stays in the record. Raises InputError when there is none of that id."""
    with record.transaction(now) as tx:
        tx.settle_alarm(alarm_id)
    return tx.changes

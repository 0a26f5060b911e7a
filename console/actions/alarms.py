"""Dealing with an alarm: a person has looked, and says so. An alarm is of this desk; who settled it is in the record.

Settling one of the kinds that keep the desk from its plane lets it ask the plane again.
"""

from __future__ import annotations

from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.proof.envelope import SYSTEM
from console.store.record import Record

MAX_FOUND = 500


def settle_alarm(record: Record, alarm_id: str, now: datetime) -> Changes:
    """Marks the alarm as dealt with; it stays in the record. Raises InputError when there is none of that id."""
    with record.transaction(now) as tx:
        tx.settle_alarm(alarm_id)
    return tx.changes


def settle_alarm_as(record: Record, alarm_id: str, name: str, found: str, actor: Actor, now: datetime) -> Changes:
    """Settles an alarm by name: a note of the record says who looked at which alarm and what they found.

    Raises RefusedError without a name or for too long a text, InputError when there is no alarm of that id.
    """
    if not name.strip():
        raise RefusedError("Write the name of who looked at this; an alarm is settled by somebody.")
    if len(name) + len(found) > MAX_FOUND:
        raise RefusedError(f"Name and finding have {len(name) + len(found)} characters; at most {MAX_FOUND} fit.")
    with record.transaction(now) as tx:
        tx.settle_alarm(alarm_id)
        row = tx.row("SELECT kind, sentence FROM alarm WHERE alarm_id = ?", (alarm_id,)) or {}
        text = f"Alarm settled by {name.strip()} ({row['kind']}: {row['sentence']})"
        text += f" Found: {found.strip()}" if found.strip() else ""
        tx.append("note.added", SYSTEM, {"text": nfc(text), "happened_at": format_utc(now)}, actor=actor)
    return tx.changes

"""What a desk of the tests writes with: a real clock, real randomness, a known key, the exercise world."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from console.domain.changes import Changes
from console.proof.actor import Actor
from console.proof.keys import SigningKey
from console.runtime.desk import Desk, DeskSettings
from console.store.record import Record
from console.store.transaction import Writer
from tests.fakes.people import DESK, INCIDENT, moment


def now() -> datetime:
    return datetime.now(UTC)


def writing_as(key: SigningKey, *, exercise: bool = True) -> Writer:
    return Writer(
        device_key=key, clock=now, random10=lambda: secrets.token_bytes(10), policy_hash="0" * 64, exercise=exercise
    )


def desk(folder: Path, plane_url: str = "", key: SigningKey = DESK, *, exercise: bool = True) -> Desk:
    return Desk(DeskSettings(folder=folder, device_key=key, exercise=exercise, plane_url=plane_url))


def note(record: Record, text: str) -> Changes:
    """What an action does: one transaction, one event."""
    with record.transaction() as tx:
        tx.append("note.added", INCIDENT, {"text": text, "happened_at": moment()}, actor=Actor("local:tester"))
    return tx.changes

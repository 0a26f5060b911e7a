"""Signed orders for tests, as `actions.switches` writes them, without its gates."""

from __future__ import annotations

from datetime import datetime, timedelta

from console.domain.changes import Changes
from console.domain.commands import Order
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.proof.canonical import canonical
from console.proof.keys import SigningKey
from console.store.record import Record
from tests.fakes.people import INCIDENT, fresh_id

PERSON = SigningKey(b"person".ljust(32, b"."))


def order(
    record: Record, now: datetime, *, command_id: str = "", lives_s: float = 30.0, want: str = "stopped"
) -> Order:
    """A stop of one tenant by the commander."""
    return Order(
        command_id=command_id or fresh_id(), incident=INCIDENT, switch="FF_TENANT_BLOCK", target="tenant.borealis",
        want=want, epoch="", generation=0, blast_radius=BlastRadius("tenant", ("tenant.borealis",)),
        policy_hash="0" * 64, expires=format_utc(now + timedelta(seconds=lives_s)), authorised_at=format_utc(now),
        reason="", typed_name="", dwell_ms=0, gesture="hold", person="ic@example.org", role="incident_commander",
        for_owner="", device=record.device_key.id, exercise=record.exercise, select_token="s-1",
        confirmation=fresh_id(), criteria={}, request_expires="",
    )  # fmt: skip


def authorise(record: Record, made: Order, now: datetime) -> Changes:
    """Writes the order's row, authorised and unsent: what the writer does when a sheet is confirmed."""
    text = canonical(made.as_object())
    with record.transaction(now) as tx:
        tx.insert_command(made, text.decode(), record.device_key.sign_text(text), PERSON.sign_text(text))
    return tx.changes

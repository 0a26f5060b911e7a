"""Deciding between what two people said at once: the commander keeps one side, by name and with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.domain.changes import Changes
from console.domain.conflicts import check_resolution
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.record import Record
from console.store.standing import standing_of


def resolve_conflict(
    record: Record,
    incident: str,
    subject: str,
    kept: str,
    over: Sequence[str],
    reason: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Keeps the side `kept` of a conflict and sets those in `over` aside; all of them stay in the record.

    Raises InputError when there is no such conflict (any more), RefusedError when the actor is not the commander, has
    no key here, gives no reason, or did not name every other side.
    """
    key = actor.signing_key("Resolving a conflict")
    with record.transaction(now) as tx:
        check_resolution(standing_of(tx, incident, subject), kept, over, reason, actor.role)
        body = {"subject": subject, "kept": kept, "over": list(over), "reason": nfc(reason.strip())}
        tx.append("conflict.resolved", incident, body, actor=actor, person_key=key)
    return tx.changes

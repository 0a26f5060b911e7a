"""Owning an incident: acknowledge, command, grade, note, move through its life, close (INT-8, CMD-1, SEV-4, LRN-3).

Every verb takes `saw`, the event the person was looking at, where somebody else may have changed it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.incident import CLOSED, entry_faults
from console.domain.roles import RoleBook
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.facts import incident_facts
from console.store.record import Record

MAX_NOTE = 20_000
MAX_NAME = 200


def acknowledge(record: Record, incident: str, saw: str, actor: Actor, now: datetime) -> Changes:
    """Says that a person has seen the page and is on it."""
    with record.transaction(now) as tx:
        tx.append("incident.acknowledged", incident, {"saw": saw}, actor=actor)
    return tx.changes


def take_role(record: Record, incident: str, role: str, saw: str, actor: Actor, now: datetime) -> Changes:
    """Takes `role` in this incident for the actor; who held it when is read from these events (CMD-5)."""
    with record.transaction(now) as tx:
        tx.append("role.taken", incident, {"role": role, "person": actor.person, "saw": saw}, actor=actor)
    return tx.changes


def assign_role(
    record: Record, incident: str, role: str, person: str, book: RoleBook, saw: str, actor: Actor, now: datetime
) -> Changes:
    """Gives `role` (id or alias) to `person` in this incident; a certified person may be named, or one by hand (CMD-1).

    Raises InputError for a role that the policy does not know, RefusedError without a name.
    """
    name = person.strip()
    if not name or len(name) > MAX_NAME:
        raise RefusedError(f"Name the person who takes it, in at most {MAX_NAME} characters.")
    body = {"role": book.role(role).id, "person": nfc(name), "saw": saw}
    with record.transaction(now) as tx:
        tx.append("role.taken", incident, body, actor=actor)
    return tx.changes


def grade(
    record: Record,
    incident: str,
    *,
    level: str,
    scope: str,
    urgency: str,
    reasons: Sequence[str],
    escalators: Sequence[str],
    saw: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Records a severity with the reasons that produced it (SEV-4).

    Raises RefusedError when this would lower a SEV-0 or SEV-1, which takes two persons.
    """
    with record.transaction(now) as tx:
        held = incident_facts(tx, incident).severity
        if held in ("SEV-0", "SEV-1") and level > held:
            raise RefusedError(
                f"Lowering {held} to {level} takes a second person; ask for one, the higher level holds until then."
            )
        body = {
            "level": level,
            "scope": scope,
            "urgency": urgency,
            "reasons": list(reasons),
            "escalators": list(escalators),
            "saw": saw,
        }
        tx.append("severity.graded", incident, body, actor=actor)
    return tx.changes


def add_note(record: Record, incident: str, text: str, happened_at: datetime, actor: Actor, now: datetime) -> Changes:
    """Adds an entry to the timeline; `happened_at` is when it happened, `now` when it was written down."""
    body = {"text": _bounded(text), "happened_at": format_utc(happened_at)}
    with record.transaction(now) as tx:
        tx.append("note.added", incident, body, actor=actor)
    return tx.changes


def correct_note(record: Record, incident: str, corrects: str, text: str, actor: Actor, now: datetime) -> Changes:
    """Corrects an earlier entry by a new one; the first stays readable."""
    with record.transaction(now) as tx:
        tx.append("note.corrected", incident, {"corrects": corrects, "text": _bounded(text)}, actor=actor)
    return tx.changes


def enter_state(
    record: Record, incident: str, state: str, grounds: Sequence[str], actor: Actor, now: datetime
) -> Changes:
    """Moves the incident into `state` on the `grounds` (event ids) that show it; closing has a verb of its own.

    Raises RefusedError naming everything that is still missing.
    """
    if state == CLOSED:
        raise RefusedError("An incident is closed by closing it, with a resolution in words.")
    with record.transaction(now) as tx:
        _refuse_faults(state, entry_faults(state, incident_facts(tx, incident)))
        tx.append("lifecycle.entered", incident, {"state": state, "grounds": list(grounds)}, actor=actor)
    return tx.changes


def close(record: Record, incident: str, resolution: str, saw: str, actor: Actor, now: datetime) -> Changes:
    """Closes the incident with the person's signature: restored, sealed and reviewed by somebody who did not respond.

    Raises RefusedError naming everything that is still missing.
    """
    key = actor.signing_key("Closing an incident")
    if not resolution.strip():
        raise RefusedError("Write in words what was wrong and what ended it before closing.")
    with record.transaction(now) as tx:
        _refuse_faults(CLOSED, entry_faults(CLOSED, incident_facts(tx, incident)))
        tx.append(
            "incident.closed", incident, {"resolution": _bounded(resolution), "saw": saw}, actor=actor, person_key=key
        )
        tx.append("lifecycle.entered", incident, {"state": CLOSED, "grounds": [saw]}, actor=actor)
    return tx.changes


def _refuse_faults(state: str, faults: Sequence[str]) -> None:
    if faults:
        raise RefusedError(f"Not yet {state.replace('_', ' ')}: {' '.join(faults)}")


def _bounded(text: str) -> str:
    if len(text) > MAX_NOTE:
        raise RefusedError(f"The text has {len(text)} characters; at most {MAX_NOTE} fit, attach the rest as evidence.")
    return nfc(text)

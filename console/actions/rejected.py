"""What a person does about an event that the server rejected: write it again, or ask the commander about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from console.domain.changes import Changes
from console.domain.conflicts import CONCLUSION, SEVERITY, note_subject, role_subject, triage_subject
from console.domain.errors import InputError, RefusedError
from console.domain.events import PERSON_SIGNED
from console.domain.rejection import again_fault
from console.domain.telling import sentence_of
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.proof.envelope import SYSTEM, Envelope
from console.store.record import Record
from console.store.standing import standings
from console.store.transaction import Transaction

MAX_QUESTION = 2_000


def write_again(record: Record, event_id: str, actor: Actor, now: datetime) -> Changes:
    """Writes a rejected event of this desk anew, with the same content on top of what holds now.

    Raises InputError when there is no such rejected event, RefusedError for a type that is never repeated, when the
    actor is not its author, or when it needs a signature and the actor has no key here.
    """
    with record.transaction(now) as tx:
        event = _rejected(tx, event_id)
        fault = again_fault(event.type, signed_in=actor.key is not None)
        if fault:
            raise RefusedError(fault)
        if event.actor != actor.person:
            raise RefusedError(f"{event.actor} wrote this; only they can write it again.")
        key = actor.signing_key("Writing it again") if event.type in PERSON_SIGNED else None
        tx.append(event.type, event.incident, _refreshed(tx, event), actor=actor, person_key=key)
    return tx.changes


def ask_commander(record: Record, event_id: str, question: str, actor: Actor, now: datetime) -> Changes:
    """Notes in the incident that an event was rejected, naming it, with a question to the commander.

    Raises InputError when there is no such rejected event, RefusedError outside an incident or for too long a text.
    """
    if len(question) > MAX_QUESTION:
        raise RefusedError(f"The question has {len(question)} characters; at most {MAX_QUESTION} fit.")
    with record.transaction(now) as tx:
        event = _rejected(tx, event_id)
        if event.incident == SYSTEM:
            raise RefusedError("This belongs to no incident, so no commander can be asked; export it instead.")
        told = sentence_of(event.type, event.body)[:500]
        text = f"To the commander: event {event_id} was rejected by the server ({told}) {question}".strip()
        tx.append("note.added", event.incident, {"text": nfc(text), "happened_at": format_utc(now)}, actor=actor)
    return tx.changes


def _rejected(tx: Transaction, event_id: str) -> Envelope:
    held = tx.value(
        "SELECT 1 FROM timeline t JOIN event e ON e.n = t.n "
        "WHERE t.event_id = ? AND t.status = 'rejected' AND e.origin = 'own'",
        (event_id,),
    )
    signed = tx.event(event_id) if held else None
    if signed is None:
        raise InputError(f"There is no rejected event {event_id[:40]} of this desk; nothing was written.")
    return signed.envelope


def _refreshed(tx: Transaction, event: Envelope) -> dict[str, Any]:
    """The same body, with what holds now as what its author saw."""
    body = dict(event.body)
    name = _SUBJECTS.get(event.type)
    if "saw" in body and name is not None:
        subject = name(body)
        one, _ = standings(tx.conn, event.incident).get(subject, (None, 0))
        if one is not None:
            body["saw"] = list(one.sides) if event.type == "note.revised" else one.holds
        elif event.type == "note.revised":
            body["saw"] = [body["note"]]
    return body


_SUBJECTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "severity.graded": lambda _: SEVERITY,
    "role.taken": lambda body: role_subject(str(body["role"])),
    "triage.answered": lambda body: triage_subject(str(body["branch"])),
    "triage.concluded": lambda _: CONCLUSION,
    "note.revised": lambda body: note_subject(str(body["note"])),
}

"""What the server did not take: this desk's own rejected events with what can be done, and what lies in quarantine."""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.rejection import remedies
from console.domain.telling import sentence_of
from console.domain.times import format_utc, from_epoch_us
from console.proof.envelope import SYSTEM, SignedEvent
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Rejected:
    """One own event that was rejected: what it says, why (`reason`), and which of the three actions are possible."""

    event_id: str
    incident: str
    type: str
    actor: str
    at: str
    sentence: str
    reason: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One text that does not fit the record, kept as evidence; the fields are what it claims and may be empty."""

    hash: str
    event_id: str
    device: str
    incident: str
    reason: str
    origin: str
    found_at: str


def rejected(reader: Rows, signed_in: bool = True) -> tuple[Rejected, ...]:
    """The desk's own rejected events, the newest first; `signed_in` is whether the person has a key here."""
    rows = reader.tuples(
        "SELECT e.canon, e.sig, e.person_sig, ifnull((SELECT problem FROM receipt r WHERE r.event_id = e.event_id "
        "ORDER BY r.received_at DESC LIMIT 1), '') FROM timeline t JOIN event e ON e.n = t.n "
        "WHERE t.status = 'rejected' AND e.origin = 'own' ORDER BY t.hlc DESC, t.event_id DESC"
    )
    return tuple(_rejected(SignedEvent(*texts), problem, signed_in) for *texts, problem in rows)


def _rejected(signed: SignedEvent, problem: str, signed_in: bool) -> Rejected:
    event = signed.envelope
    return Rejected(
        event_id=event.event_id,
        incident=event.incident,
        type=event.type,
        actor=event.actor,
        at=format_utc(from_epoch_us((int(event.hlc, 16) >> 16) * 1000)),
        sentence=sentence_of(event.type, event.body),
        reason=_reason(problem),
        actions=remedies(event.type, in_incident=event.incident != SYSTEM, signed_in=signed_in),
    )


def rejected_copy(reader: Rows, event_id: str) -> str:
    """One rejected event of this desk as JSON to be taken away: the signed bytes as they are, and the reason.

    Raises InputError when there is no such event.
    """
    rows = reader.tuples(
        "SELECT e.canon, e.sig, e.person_sig, ifnull((SELECT problem FROM receipt r WHERE r.event_id = e.event_id "
        "ORDER BY r.received_at DESC LIMIT 1), '') FROM timeline t JOIN event e ON e.n = t.n "
        "WHERE t.status = 'rejected' AND e.origin = 'own' AND e.event_id = ?",
        (event_id,),
    )
    if not rows:
        raise InputError(f"There is no rejected event {event_id[:40]} of this desk; nothing was exported.")
    canon, sig, person_sig, problem = rows[0]
    told = {"v": 1, "canon": canon, "sig": sig, "person_sig": person_sig, "reason": _reason(problem)}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def quarantined(reader: Rows) -> tuple[Quarantined, ...]:
    """What lies in quarantine, the newest first."""
    rows = reader.tuples(
        "SELECT hash, event_id, device, incident, reason, origin, found_at FROM fork_evidence "
        "ORDER BY found_at DESC, hash"
    )
    return tuple(Quarantined(*row) for row in rows)


def _reason(problem: str) -> str:
    try:
        value = json.loads(problem) if problem else {}
    except ValueError:
        return problem[:300]
    told = str(value.get("detail") or value.get("kind") or "") if isinstance(value, dict) else ""
    return told or "The server gave no reason."

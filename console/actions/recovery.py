"""Getting back: signing off a restoration criterion, asking for the review, signing it (SWI-3, LRN-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.switches import SwitchCatalogue
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.facts import incident_facts, known_ids
from console.store.record import Record

VERDICTS = ("evidence_sufficient", "evidence_insufficient")


def sign_criterion(
    record: Record,
    incident: str,
    *,
    catalogue: SwitchCatalogue,
    switch: str,
    target: str,
    criterion: str,
    evidence: Sequence[str],
    statement: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Signs off one restoration criterion on evidence that exists; only the role the switch names may.

    Raises RefusedError when the role is another, when no evidence is named, or when a named piece is not in the record.
    """
    wanted = next((c for c in catalogue.switch(switch).criteria if c.id == criterion), None)
    if wanted is None:
        raise RefusedError(f"{switch} has no restoration criterion '{criterion[:60]}'.")
    if actor.role != wanted.signed_by:
        raise RefusedError(
            f"'{criterion}' is signed off by {wanted.signed_by}, not by {actor.role or 'somebody without a role'}."
        )
    with record.transaction(now) as tx:
        unknown = sorted(set(evidence) - known_ids(tx, incident, evidence))
        if unknown or not evidence:
            raise RefusedError(
                f"Name evidence that is in the record; {unknown[0] if unknown else 'nothing'} was named."
            )
        body = {
            "switch": switch,
            "target": target,
            "criterion": criterion,
            "evidence": list(evidence),
            "statement": nfc(statement),
        }
        tx.append(
            "criterion.signed", incident, body, actor=actor, person_key=actor.signing_key("Signing off a criterion")
        )
    return tx.changes


def request_review(record: Record, incident: str, seal: int, of: str, actor: Actor, now: datetime) -> Changes:
    """Asks the person `of` to review seal `seal`; raises RefusedError when they responded to the incident."""
    with record.transaction(now) as tx:
        if of in incident_facts(tx, incident).responders:
            raise RefusedError(f"{of} responded to this incident; ask somebody who did not.")
        tx.append("review.requested", incident, {"seal": seal, "of": of}, actor=actor)
    return tx.changes


def sign_review(
    record: Record, incident: str, seal: int, verdict: str, findings: Sequence[str], actor: Actor, now: datetime
) -> Changes:
    """Signs the review of seal number `seal`.

    Raises RefusedError when the reviewer responded to the incident (by person, whatever role they hold now).
    """
    if verdict not in VERDICTS:
        raise RefusedError(f"'{verdict[:40]}' is not a verdict; choose one of {', '.join(VERDICTS)}.")
    with record.transaction(now) as tx:
        if actor.person in incident_facts(tx, incident).responders:
            raise RefusedError(f"{actor.person} responded to this incident and cannot review it.")
        body = {"seal": seal, "verdict": verdict, "findings": [nfc(finding) for finding in findings]}
        tx.append("review.signed", incident, body, actor=actor, person_key=actor.signing_key("A review"))
    return tx.changes

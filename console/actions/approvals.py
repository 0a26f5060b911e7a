"""A second person's approval: asked for by an event, given by a signature over exactly what will be ordered.

A request lives ten minutes and approves nothing by itself; the gates count certified persons, and the plane counts
them again (design.md, *Gates*; SWI-3). An approval given at the desk that asked is marked, to be reviewed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import request_subject
from console.domain.confirmation import Preview
from console.domain.errors import RefusedError
from console.domain.inventory import BlastRadius, Inventory
from console.domain.switches import SwitchCatalogue
from console.domain.times import format_utc, parse_utc
from console.proof.actor import Actor
from console.proof.canonical import canonical, nfc
from console.proof.envelope import SignedEvent
from console.store.facts import certified_people
from console.store.record import Record
from console.store.transaction import Transaction


def request_approval(
    record: Record,
    incident: str,
    *,
    command_id: str,
    switch: str,
    target: str,
    want: str,
    preview: Preview,
    reason: str,
    inventory: Inventory,
    catalogue: SwitchCatalogue,
    policy_hash: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Asks a second person to approve command `command_id` as it is previewed now; the answer must come in ten minutes.

    Raises RefusedError when the command needs no second person, has no reason, or when the preview is not of what the
    switch reaches under the rules in force.
    """
    radius = inventory.blast_radius(target)
    if not radius.is_wide:
        raise RefusedError("This reaches one tenant or less and needs no second person; confirm it alone.")
    if not reason.strip():
        raise RefusedError("Write the reason first; the second person decides by it.")
    if preview.blast_radius != radius or preview.policy_hash != policy_hash:
        raise RefusedError("The preview is not of what this switch reaches under these rules; open the preview again.")
    body = {
        "command_id": command_id,
        "switch": catalogue.switch(switch).id,
        "target": target,
        "want": want,
        "generation": preview.generation,
        "blast_radius": radius.as_object(),
        "policy_hash": policy_hash,
        "reason": nfc(reason)[:4000],
        "expires": format_utc(now + timedelta(seconds=catalogue.times.approval_ttl_s)),
    }
    with record.transaction(now) as tx:
        tx.append("approval.requested", incident, body, actor=actor)
    return tx.changes


def give_approval(
    record: Record, incident: str, request: str, actor: Actor, now: datetime, *, preview: Preview | None = None
) -> Changes:
    """Approves the request with event id `request`, signed by the person over `domain.commands.request_subject`.

    `preview` is what the approving person was shown themselves. Raises RefusedError when that is not what the request
    says, when the request is over, was answered by this person, or is their own - by name or by key - and when nobody
    certified them.
    """
    key = actor.signing_key("An approval")
    with record.transaction(now) as tx:
        asked = _request(tx, incident, request)
        body = asked.envelope.body
        _refuse_approver(tx, asked, actor, key.public_hex)
        if parse_utc(body["expires"]) <= now:
            raise RefusedError(f"The request ended at {body['expires']}; have it asked again.")
        if _answered(tx, incident, body["command_id"], actor.person):
            raise RefusedError(f"{actor.person} has approved this command already.")
        radius = BlastRadius(str(body["blast_radius"]["scope"]), tuple(body["blast_radius"]["ids"]))
        seen = (preview.generation, preview.blast_radius, preview.policy_hash) if preview is not None else None
        if seen is not None and seen != (body["generation"], radius, body["policy_hash"]):
            raise RefusedError("What you were shown is not what you are asked to approve; have it asked again.")
        subject = request_subject(
            command_id=body["command_id"],
            target=body["target"],
            want=body["want"],
            generation=body["generation"],
            blast_radius=radius,
            policy_hash=body["policy_hash"],
            expires=body["expires"],
        )
        given: dict[str, Any] = {
            "command_id": body["command_id"],
            "sig": key.sign_text(canonical(subject)),
            "approved_at": format_utc(now),
            "same_desk": asked.envelope.device == record.device_key.id,
        }
        tx.append("approval.given", incident, given, actor=actor, person_key=key)
    return tx.changes


def request_criterion(
    record: Record,
    incident: str,
    *,
    catalogue: SwitchCatalogue,
    switch: str,
    target: str,
    criterion: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Asks the role that a restoration criterion names to sign it off; raises RefusedError when nobody signs it."""
    wanted = next((one for one in catalogue.switch(switch).criteria if one.id == criterion), None)
    if wanted is None or not wanted.signed_by:
        raise RefusedError(f"'{criterion[:60]}' of {switch} is not signed off by anybody; it is measured.")
    body = {"switch": switch, "target": target, "criterion": criterion, "of": wanted.signed_by}
    with record.transaction(now) as tx:
        tx.append("criterion.requested", incident, body, actor=actor)
    return tx.changes


def _request(tx: Transaction, incident: str, request: str) -> SignedEvent:
    found = tx.event(request)
    if found is None or (found.envelope.type, found.envelope.incident) != ("approval.requested", incident):
        raise RefusedError("There is no such request in this incident; look at the timeline.")
    return found


def _refuse_approver(tx: Transaction, asked: SignedEvent, actor: Actor, public_key: str) -> None:
    people = certified_people(tx)
    author = people.get(asked.envelope.actor)
    known = people.get(actor.person)
    if asked.envelope.actor == actor.person or (author is not None and author.public_key == public_key):
        raise RefusedError("Whoever asks cannot be the second person; ask somebody else.")
    if known is None or known.public_key != public_key or not known.roles:
        raise RefusedError(f"{actor.person} is not certified with a role here, so the approval would not count.")


def _answered(tx: Transaction, incident: str, command_id: str, person: str) -> bool:
    return any(
        event.envelope.actor == person and event.envelope.body.get("command_id") == command_id
        for event in tx.events(incident, "approval.given")
    )

"""A second person's approval: asked for by an event, given by a signature over exactly what will be ordered.

A request lives ten minutes and approves nothing by itself; the gates count certified persons, and the plane counts
them again (design.md, *Gates*; SWI-3). An approval given at the desk that asked is marked, to be reviewed. Times of
requests and approvals are the plane's, so that desks whose clocks differ agree on when one is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import request_subject
from console.domain.confirmation import Preview
from console.domain.errors import RefusedError
from console.domain.gates import is_blank
from console.domain.inventory import BlastRadius, Inventory
from console.domain.people import too_new
from console.domain.switches import SwitchCatalogue
from console.domain.times import format_utc, parse_utc
from console.proof.actor import Actor
from console.proof.canonical import canonical, nfc
from console.proof.envelope import SignedEvent
from console.store.facts import certified_people
from console.store.passed import is_taken_back
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
    if is_blank(reason):
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
        "expires": format_utc(preview.on_plane(now) + timedelta(seconds=catalogue.times.approval_ttl_s)),
    }
    with record.transaction(now) as tx:
        tx.append("approval.requested", incident, body, actor=actor)
    return tx.changes


def give_approval(
    record: Record,
    incident: str,
    request: str,
    actor: Actor,
    now: datetime,
    *,
    preview: Preview,
    approver_age_h: int = 0,
) -> Changes:
    """Approves the request with event id `request`, signed by the person over `domain.commands.request_subject`.

    `preview` is what the approving person was shown themselves. Raises RefusedError when that is not what the request
    says, when the request is over, was declined, withdrawn or answered by this person, or is their own - by name or by
    key - and when nobody certified them, or outside exercises less than `approver_age_h` hours ago: the plane would not
    count it yet.
    """
    key = actor.signing_key("An approval")
    with record.transaction(now) as tx:
        asked = _request(tx, incident, request)
        body = asked.envelope.body
        _refuse_approver(tx, asked, actor, key.public_hex)
        at = preview.on_plane(now)
        _refuse_newcomer(tx, record, actor.person, at, approver_age_h)
        if parse_utc(body["expires"]) <= at:
            raise RefusedError(f"The request ended at {body['expires']}; have it asked again.")
        if is_taken_back(tx, incident, body["command_id"]):
            raise RefusedError("The request was declined or withdrawn; have it asked again.")
        radius = BlastRadius(str(body["blast_radius"]["scope"]), tuple(body["blast_radius"]["ids"]))
        seen = (preview.generation, preview.blast_radius, preview.policy_hash)
        if seen != (body["generation"], radius, body["policy_hash"]):
            raise RefusedError("What you were shown is not what you are asked to approve; have it asked again.")
        subject = request_subject(
            command_id=body["command_id"],
            switch=body["switch"],
            target=body["target"],
            want=body["want"],
            generation=body["generation"],
            blast_radius=radius,
            policy_hash=body["policy_hash"],
            expires=body["expires"],
        )
        sig = key.sign_text(canonical(subject))
        if any(event.envelope.body["sig"] == sig for event in tx.events(incident, "approval.given")):
            raise RefusedError(f"{actor.person} has approved this command already.")
        given: dict[str, Any] = {
            "command_id": body["command_id"],
            "sig": sig,
            "approved_at": format_utc(at),
            "same_desk": asked.envelope.device == record.device_key.id,
        }
        tx.append("approval.given", incident, given, actor=actor, person_key=key)
    return tx.changes


def decline_approval(
    record: Record, incident: str, request: str, reason: str, *, actor: Actor, now: datetime
) -> Changes:
    """Says no to the request with event id `request`, signed; whoever asked must ask again to get a yes.

    Raises RefusedError without a reason, for whoever asked (they withdraw it), for whoever could not have approved it,
    and when it was declined or withdrawn already.
    """
    key = actor.signing_key("Declining")
    with record.transaction(now) as tx:
        asked = _request(tx, incident, request)
        _refuse_approver(tx, asked, actor, key.public_hex)
        body = _taken_back_body(tx, incident, asked, reason)
        tx.append("approval.declined", incident, body, actor=actor, person_key=key)
    return tx.changes


def withdraw_approval(
    record: Record, incident: str, request: str, reason: str, *, actor: Actor, now: datetime
) -> Changes:
    """Takes back the request with event id `request`; what was approved for it counts no more.

    Raises RefusedError without a reason, for anybody but whoever asked, and when it was taken back already.
    """
    with record.transaction(now) as tx:
        asked = _request(tx, incident, request)
        if asked.envelope.actor != actor.person:
            raise RefusedError(f"{asked.envelope.actor} asked for it and can withdraw it; you can decline it.")
        tx.append("approval.withdrawn", incident, _taken_back_body(tx, incident, asked, reason), actor=actor)
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


def _taken_back_body(tx: Transaction, incident: str, asked: SignedEvent, reason: str) -> dict[str, Any]:
    command_id = str(asked.envelope.body["command_id"])
    if is_blank(reason):
        raise RefusedError("Write why; the others decide by it what to do next.")
    if is_taken_back(tx, incident, command_id):
        raise RefusedError("The request was declined or withdrawn already; nothing was changed.")
    return {"command_id": command_id, "reason": nfc(reason)[:4000]}


def _refuse_newcomer(tx: Transaction, record: Record, person: str, at: datetime, hours: int) -> None:
    """A second person is not invented in the middle of an incident; `at` is the plane's time."""
    why = "" if record.exercise or not hours else too_new(person, certified_people(tx)[person].since, at, hours)
    if why:
        raise RefusedError(f"{why} Ask somebody else, or break the glass for a stop.")


def _refuse_approver(tx: Transaction, asked: SignedEvent, actor: Actor, public_key: str) -> None:
    people = certified_people(tx, parse_utc(tx.at))
    author = people.get(asked.envelope.actor)
    known = people.get(actor.person)
    if asked.envelope.actor == actor.person or (author is not None and author.public_key == public_key):
        raise RefusedError("Whoever asks cannot be the second person; ask somebody else.")
    if known is None or known.public_key != public_key or not known.roles:
        raise RefusedError(f"{actor.person} is not certified with a role here, so the approval would not count.")

"""Confirming a switch: gates checked again in the transaction, event signed, order written - nothing sent.

Sending is the sync thread's, at most once, while the order's 30 s last. A confirmation is history and syncs like any
event; the order is a row of its own that never enters the outbox (design.md, *Commands*; OFF-3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from console.domain.changes import Changes
from console.domain.commands import Order, approval_subject
from console.domain.confirmation import Confirmation
from console.domain.errors import RefusedError
from console.domain.gates import GateContext, unmet_gates
from console.domain.inventory import Inventory
from console.domain.people import too_new
from console.domain.restoring import proven_ids
from console.domain.switches import SwitchCatalogue
from console.domain.times import format_utc, parse_utc
from console.proof.actor import Actor
from console.proof.canonical import canonical, nfc
from console.proof.keys import leaf_digest, verify_text
from console.store.facts import CertifiedPerson, certified_people, open_command, pieces
from console.store.passed import broken_glass, is_taken_back
from console.store.record import Record
from console.store.transaction import Transaction


def confirm_switch(
    record: Record,
    confirmation: Confirmation,
    *,
    inventory: Inventory,
    catalogue: SwitchCatalogue,
    policy_hash: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Writes a confirmed order, to be sent once (SWI-3, OFF-3).

    The order says its times by the plane's clock, as the preview showed it, so that a desk whose clock is wrong is not
    refused; the row beside it says them by the desk's. Raises RefusedError with every unmet gate, when the preview is
    older than 60 s, or when another command on the same target is still under way.
    """
    key = actor.signing_key("A switch")
    with record.transaction(now) as tx:
        _refuse_stale_preview(confirmation, catalogue, now)
        busy = open_command(tx, confirmation.switch, confirmation.target)
        if busy:
            raise RefusedError(
                f"Command {busy} on the same target is still under way; wait for its outcome or look it up."
            )
        confirmation_id = tx.new_id()
        order = _order(record, confirmation, confirmation_id, policy_hash, catalogue, actor, now)
        context = _context(tx, order, catalogue, policy_hash, confirmation.preview.on_plane(now))
        unmet = unmet_gates(order, inventory, catalogue, context)
        if unmet:
            raise RefusedError(" ".join(gate.sentence for gate in unmet))
        text = canonical(order.as_object())
        tx.append(
            "switch.confirmed",
            order.incident,
            _confirmed_body(order, leaf_digest(text).hex()),
            actor=actor,
            person_key=key,
            event_id=confirmation_id,
        )
        sig, person_sig = record.device_key.sign_text(text), key.sign_text(text)
        tx.insert_command(order, text.decode("utf-8"), sig, person_sig, offset_us=confirmation.preview.offset_us)
    return tx.changes


def _refuse_stale_preview(confirmation: Confirmation, catalogue: SwitchCatalogue, now: datetime) -> None:
    seen = confirmation.preview.observed_at
    fresh = timedelta(seconds=catalogue.times.observation_fresh_s)
    if not seen or now - parse_utc(seen) > fresh:
        raise RefusedError(
            f"The state shown is older than {catalogue.times.observation_fresh_s} s; open the preview again."
        )


def _order(
    record: Record,
    confirmation: Confirmation,
    confirmation_id: str,
    policy_hash: str,
    catalogue: SwitchCatalogue,
    actor: Actor,
    now: datetime,
) -> Order:
    preview = confirmation.preview
    at = preview.on_plane(now)
    return Order(
        command_id=confirmation.command_id,
        incident=confirmation.incident,
        switch=confirmation.switch,
        target=confirmation.target,
        want=confirmation.want,
        epoch=preview.epoch,
        generation=preview.generation,
        blast_radius=preview.blast_radius,
        policy_hash=policy_hash,
        expires=format_utc(at + timedelta(seconds=catalogue.times.command_ttl_s)),
        authorised_at=format_utc(at),
        reason=nfc(confirmation.reason),
        typed_name=nfc(confirmation.typed_name),
        dwell_ms=confirmation.dwell_ms,
        gesture=confirmation.gesture,
        person=actor.person,
        role=actor.role,
        for_owner=confirmation.for_owner,
        device=record.device_key.id,
        exercise=record.exercise,
        select_token=preview.select_token,
        confirmation=confirmation_id,
        approvals=confirmation.approvals,
        request_expires=confirmation.request_expires,
        break_glass=nfc(confirmation.break_glass),
        criteria=confirmation.criteria,
    )


def _context(
    tx: Transaction, order: Order, catalogue: SwitchCatalogue, policy_hash: str, plane_now: datetime
) -> GateContext:
    people = certified_people(tx, plane_now)
    author = people.get(order.person)
    hour_ago = plane_now - timedelta(hours=1)
    named = [event for ids in order.criteria.values() for event in ids]
    return GateContext(
        roles_of={name: person.roles for name, person in people.items()},
        approved_by=_approved_by(tx, order, people, plane_now, catalogue.limits.approver_age_h),
        proven=proven_ids(
            catalogue.switch(order.switch), order.target, order.criteria, pieces(tx, order.incident, named, plane_now)
        ),
        policy_hash=policy_hash,
        recent_break_glass=len(broken_glass(tx, author.public_key, format_utc(hour_ago))) if author is not None else 0,
    )


def _approved_by(
    tx: Transaction, order: Order, people: Mapping[str, CertifiedPerson], plane_now: datetime, age_h: int
) -> frozenset[str]:
    """Whose approval of this very order holds: certified, another key than the author's, in time, not taken back.

    Outside exercises they were certified at least `age_h` hours ago, as the plane demands.
    """
    author = people.get(order.person)
    if not order.approvals or author is None or order.request_expires <= format_utc(plane_now):
        return frozenset()
    if is_taken_back(tx, order.incident, order.command_id):
        return frozenset()
    subject = canonical(approval_subject(order, order.request_expires))
    return frozenset(
        approval.person
        for approval in order.approvals
        if approval.person in people
        and people[approval.person].public_key != author.public_key
        and (order.exercise or not too_new(approval.person, people[approval.person].since, plane_now, age_h))
        and verify_text(people[approval.person].public_key, subject, approval.sig)
    )


def _confirmed_body(order: Order, order_hash: str) -> dict[str, object]:
    whole = order.as_object()
    kept = ("command_id", "switch", "target", "want", "generation", "blast_radius", "reason", "gesture", "approvals")
    also = ("break_glass", "for_owner", "criteria", "expires")
    return {"order_hash": order_hash} | {name: whole[name] for name in kept + also}

"""Judging an order before anything is recorded about it: who signed, when, against what, and whether the gates are met.

Pure. `authorship_problem` comes first: an order that nobody provably signed leaves no trace but a log line.
`order_problem` judges one that was signed; its refusals go into the ledger and the incident's timeline. The plane
judges by its own rules and its own list of people, never by what the desk says about either.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.domain.commands import Approval, Order, approval_subject
from console.domain.errors import InputError
from console.domain.gates import GateContext, unmet_gates
from console.domain.inventory import Inventory
from console.domain.switches import GateTimes, SwitchCatalogue
from console.domain.times import parse_utc
from console.plane.identities import Identities
from console.plane.previews import Preview
from console.proof.canonical import canonical
from console.proof.keys import verify_text
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.problems import Problem


@dataclass(frozen=True, slots=True)
class Rules:
    """The organisation's data as the plane read it itself."""

    inventory: Inventory
    catalogue: SwitchCatalogue
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What holds at the plane when an order arrives.

    Attributes:
        identities: everybody certified.
        exercise: the world of this plane.
        epoch: of its journal.
        generation: of the switch the order is about.
        preview: what the order's select token was given for, None when it is unknown or no longer fresh.
        proven: ids the order cites that exist and show what their criterion asks for.
        taken_back: whether the order's request for a second person was declined or withdrawn, as far as the journal
            says.
        recent_break_glass: how often the author's key broke the glass within the hour before `now`.
        now: the plane's time.
    """

    identities: Identities
    exercise: bool
    epoch: str
    generation: int
    preview: Preview | None
    proven: Collection[str]
    now: datetime
    recent_break_glass: int = 0
    taken_back: bool = False


def authorship_problem(
    order: Order, text: bytes, sig: str, person_sig: str, sender: str, identities: Identities
) -> Problem | None:
    """Why this order was not provably signed by the device and the person it names, sent by that device itself."""
    if order.device != sender:
        return Problem(
            "forbidden",
            "The order names another device than the one that sent it; send it from the desk that signed it.",
        )
    if order.device == identities.root_device or not verify_text(identities.device_key(order.device), text, sig):
        return Problem("forbidden", "The order is not signed by a certified device; have the desk certified first.")
    revoked = identities.revocation(order.device, order.person)
    if revoked:
        return Problem("forbidden", revoked)
    if not verify_text(identities.persons.get(order.person, ""), text, person_sig):
        return Problem(
            "forbidden",
            f"{order.person[:80]} did not sign this order, or is not certified here; sign in and confirm again.",
        )
    return None


def order_problem(order: Order, rules: Rules, situation: Situation) -> Problem | None:
    """Why a signed order is refused; None is the only permission there is."""
    try:
        rules.inventory.item(order.target)
        rules.catalogue.switch(order.switch)
    except InputError as error:
        return Problem("not_found", error.sentence)
    if order.exercise != situation.exercise:
        world = "an exercise" if situation.exercise else "production"
        return Problem(
            "wrong_world", f"This plane is {world} and the order is not; send it to the plane of its own world."
        )
    return (
        _time_problem(order, rules, situation)
        or _preview_problem(order, situation)
        or _gates_problem(order, rules, situation)
    )


def approved_by(order: Order, rules: Rules, situation: Situation) -> frozenset[str]:
    """Whose approval of this very order holds: certified long enough, not the author by any name, in time.

    Nobody's does once the request was declined or withdrawn, and not that of whoever holds a role by the author's loan
    alone: nobody chooses who may approve them.
    """
    if situation.taken_back:
        return frozenset()
    limit, known = rules.catalogue.limits.approver_age_h, situation.identities
    return frozenset(
        person
        for person in _signers(order, rules, situation)
        if not known.may_approve(person, situation.now, situation.exercise, limit)
        and known.has_role_without(order.person, person, situation.now)
    )


def _signers(order: Order, rules: Rules, situation: Situation) -> frozenset[str]:
    """Whose signature over this very order holds, and is not the author's by another name."""
    known, times = situation.identities, rules.catalogue.times
    return frozenset(
        approval.person
        for approval in order.approvals
        if not known.same_key(approval.person, order.person)
        and _approval_holds(approval, order, known, times, situation.now)
    )


def _time_problem(order: Order, rules: Rules, situation: Situation) -> Problem | None:
    ttl, now = timedelta(seconds=rules.catalogue.times.command_ttl_s), situation.now
    try:
        expires = parse_utc(order.expires)
    except InputError as error:
        return Problem("malformed", error.sentence)
    if expires <= now:
        return Problem("expired", f"The order ended at {order.expires}; preview and confirm again.")
    if expires > now + ttl + timedelta(seconds=DEFAULT_LIMITS.clock_skew_s):
        return Problem(
            "malformed",
            f"An order lives {ttl.seconds} s; this one claims longer. Set the desk's clock and confirm again.",
        )
    return None


def _preview_problem(order: Order, situation: Situation) -> Problem | None:
    if order.epoch != situation.epoch:
        return Problem(
            "epoch_changed", "The plane's journal is not the one the desk knew; synchronise and preview again."
        )
    if order.generation != situation.generation:
        return Problem(
            "stale",
            f"The switch was moved meanwhile (to generation {situation.generation}, the order saw {order.generation}); "
            "preview again.",
        )
    shown = situation.preview
    if shown is None or shown.used_by not in ("", order.command_id):
        return Problem("stale", "What was shown is no longer fresh or was used before; preview again.")
    same = (shown.device, shown.incident, shown.switch, shown.target, shown.want, shown.generation)
    if same != (order.device, order.incident, order.switch, order.target, order.want, order.generation):
        return Problem("stale", "The preview was of something else than what is ordered; preview again.")
    return None


def _gates_problem(order: Order, rules: Rules, situation: Situation) -> Problem | None:
    identities, held = situation.identities, situation.identities.roles_at(situation.now)
    context = GateContext(
        roles_of={person: roles for person, roles in held.items() if person in identities.persons},
        approved_by=approved_by(order, rules, situation),
        proven=situation.proven,
        policy_hash=rules.policy_hash,
        recent_break_glass=situation.recent_break_glass,
    )
    unmet = unmet_gates(order, rules.inventory, rules.catalogue, context)
    if not unmet:
        return None
    sentences = [gate.sentence for gate in unmet] + _why_not_counted(order, rules, situation)
    return Problem("gates_unmet", " ".join(sentences), tuple(gate.gate for gate in unmet))


def _why_not_counted(order: Order, rules: Rules, situation: Situation) -> list[str]:
    """Why somebody's good signature does not count, or not yet."""
    if situation.taken_back and order.approvals:
        return ["The request for a second person was declined or withdrawn; have it asked again."]
    limit, known = rules.catalogue.limits.approver_age_h, situation.identities
    signers = sorted(_signers(order, rules, situation))
    whys = [known.may_approve(person, situation.now, situation.exercise, limit) for person in signers]
    return [why for why in whys if why]


def _approval_holds(approval: Approval, order: Order, identities: Identities, times: GateTimes, now: datetime) -> bool:
    """Signed over this order, within the life of its request; an order given at its end has its own 30 s still."""
    try:
        end, given = parse_utc(order.request_expires), parse_utc(approval.approved_at)
    except InputError:
        return False
    skew = timedelta(seconds=DEFAULT_LIMITS.clock_skew_s)
    last = end + timedelta(seconds=times.command_ttl_s)
    in_time = now <= last and end - given <= timedelta(seconds=times.approval_ttl_s) and given <= now + skew
    subject = canonical(approval_subject(order, order.request_expires))
    return in_time and verify_text(identities.persons.get(approval.person, ""), subject, approval.sig)

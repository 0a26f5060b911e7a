"""Judging one pushed event: accepted, rejected with a reason, or not worth a place in the journal at all.

Pure: everything the judge needs is in `Scene`. A rejection that its author signed takes a journal position like any
event and moves their chain, so that one bad event never blocks the queue behind it. What nobody can be held to
(unreadable, unknown device, wrong signature) and what came too early (a gap in its chain) takes none and may be sent
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.domain.access import ACCESS_TYPES, COMMANDER, OPEN, Access
from console.domain.errors import InputError
from console.domain.events import PERSON_SIGNED, PLANE_ONLY, ROOT_ONLY, check_body
from console.domain.people import LENT_AT_MOST_H, Loan, loan_fault, recall_fault
from console.domain.sighting import BY_DESK
from console.domain.times import to_epoch_us
from console.plane.identities import ENROLMENTS, LENDING, Identities, certificate_fault
from console.proof.chain import ChainHead, link_fault
from console.proof.envelope import SYSTEM, Envelope, SignedEvent
from console.proof.keys import verify_text
from console.protocol.problems import Problem

CLOCK_TOLERANCE_MS = 120_000
"""A clock further off than this is flagged, never refused (guides of the sync, *Record*)."""

NOT_PERSONS = frozenset({"plane", "root"})
"""The names under which the plane's own device and the root key write."""

_FOREIGN = (
    "This desk belongs to {owner}; what {author} writes at it carries their signature: sign in and write it again."
)

_HLC_COUNTER_BITS = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known where an event arrives.

    Attributes:
        identities: everybody certified up to here.
        exercise: the world of this plane.
        head: the last event of the chain that the event belongs to.
        id_taken: another event with this id was accepted before.
        now: the plane's time.
        access: who is let into the incident that the event belongs to.
        lent_most_h: for how many hours a role may be lent.
    """

    identities: Identities
    exercise: bool
    head: ChainHead
    id_taken: bool
    now: datetime
    access: Access = OPEN
    lent_most_h: int = LENT_AT_MOST_H


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an event.

    Attributes:
        problem: why it is rejected; None when it is accepted.
        recorded: whether it takes a journal position.
        advances: whether its chain goes on from it.
        skew_ms: how far its author's clock is ahead (negative: behind) when that is flagged, else 0.
    """

    problem: Problem | None = None
    recorded: bool = True
    advances: bool = True
    skew_ms: int = 0


def judge_event(signed: SignedEvent, scene: Scene) -> Verdict:
    """The verdict on `signed`, which must parse (its `envelope` was read before)."""
    event = signed.envelope
    unproven = _authorship_fault(signed, scene.identities)
    if unproven:
        return Verdict(Problem("forbidden", unproven), recorded=False, advances=False)
    skew = _skew_ms(event, scene.now)
    fault = link_fault(scene.head, event)
    if fault and event.seq > scene.head.seq + 1:
        return Verdict(
            Problem("conflict", f"In this chain, {fault}; send the earlier ones first."), recorded=False, advances=False
        )
    if fault:
        return Verdict(Problem("conflict", f"The chain is forked: {fault}."), advances=False, skew_ms=skew)
    problem = _content_problem(signed, scene)
    if problem is None and event.type in ENROLMENTS and event.body["invite"] not in scene.identities.invites:
        early = "This enrolment came before the invitation that it cites; send the root's events first."
        return Verdict(Problem("conflict", early), recorded=False, advances=False)
    return Verdict(problem, skew_ms=skew)


def _content_problem(signed: SignedEvent, scene: Scene) -> Problem | None:
    event = signed.envelope
    if scene.id_taken:
        return Problem(
            "conflict", "Another event with this id was accepted before; write this one again under a new id."
        )
    if event.exercise != scene.exercise:
        return Problem("wrong_world", _world_sentence(scene.exercise))
    forbidden = (
        scene.identities.revocation(event.device, event.actor)
        or _permission_fault(event, scene)
        or _access_fault(event, scene)
    )
    if forbidden:
        return Problem("forbidden", forbidden)
    try:
        check_body(event.type, event.body)
    except InputError as error:
        return Problem("malformed", error.sentence)
    certificate = certificate_fault(event) if event.type in ROOT_ONLY else ""
    if certificate:
        return Problem("malformed", certificate)
    unsigned = _person_fault(signed, scene.identities) or _lending_fault(event, scene)
    return Problem("forbidden", unsigned) if unsigned else None


def _authorship_fault(signed: SignedEvent, identities: Identities) -> str:
    key = identities.device_key(signed.envelope.device)
    if not key:
        return "The device that wrote this is not certified here; have it certified by the organisation's root."
    if not verify_text(key, signed.canon.encode("utf-8"), signed.sig):
        return "The signature is not that of the device the event names; send the event as its author signed it."
    return ""


def _permission_fault(event: Envelope, scene: Scene) -> str:
    identities = scene.identities
    is_root = event.device == identities.root_device
    if event.type in ROOT_ONLY and (not is_root or event.incident != SYSTEM):
        return f"Only the organisation's root key may write '{event.type}', in the incident 'system'."
    if event.type == "device.revoked" and event.body.get("device") in (identities.plane_device, identities.root_device):
        return "A plane cannot turn its own device or the root away; stop it, and found another."
    if is_root and event.type not in ROOT_ONLY:
        return "The root key certifies and grants; write this with a device of your own."
    if event.type == "plane.certified" and event.body.get("device") != identities.plane_device:
        return "This journal belongs to another plane; a plane certifies nobody beside itself."
    if event.device == identities.plane_device:
        return ""
    if event.type in PLANE_ONLY:
        return f"Only the control plane's own device may write '{event.type}'."
    if event.actor in NOT_PERSONS and not is_root:
        return f"'{event.actor}' is not a person; write this in your own name."
    if event.type == "conflict.resolved" and not _commands(event.actor, scene):
        return "A conflict is resolved by somebody whom the organisation lets command; ask the incident commander."
    if event.type == "switch.observed" and event.body.get("by") != BY_DESK:
        return f"An observation is the plane's alone to write; what a desk saw for itself is by '{BY_DESK}'."
    return ""


def _access_fault(event: Envelope, scene: Scene) -> str:
    """Access is judged here, at the event's own position; whose device it is must be let in, and who writes at it."""
    known, access = scene.identities, scene.access
    if event.device in (known.plane_device, known.root_device):
        return ""
    if event.type in ACCESS_TYPES:
        if event.incident == SYSTEM:
            return "Access is limited incident by incident; write this in the incident that it is about."
        if access.commander != event.actor or not _commands(event.actor, scene):
            return "Only the commander of this incident decides who has access; ask them, or take the command first."
    writers = {known.person_of(event.device) or event.actor, *({event.actor} & known.persons.keys())}
    if not all(access.lets_in(person) for person in writers):
        return "The commander limited the access to this incident; ask them to be let in."
    return ""


def _commands(person: str, scene: Scene) -> bool:
    return COMMANDER in scene.identities.roles_at(scene.now).get(person, ())


def _lending_fault(event: Envelope, scene: Scene) -> str:
    """Why a role is not lent, or taken back, by this event; `until` is compared with this plane's clock alone."""
    if event.type not in LENDING:
        return ""
    if event.incident != SYSTEM:
        return "A role is lent for everything its holder may do; write this in the incident 'system'."
    known, body = scene.identities, event.body
    person, role, granted = str(body["person"]), str(body["role"]), known.roles.get(event.actor, frozenset())
    if event.type == "role.recalled":
        return recall_fault(person, role, event.actor, granted)
    if person not in known.persons:
        return f"{person[:80]} is not certified here; a role is lent to certified persons only."
    if person != event.actor and known.same_key(person, event.actor):
        return f"{person[:80]} is another name of {event.actor[:80]}; nobody lends a role to themselves."
    return loan_fault(Loan(person, role, event.actor, str(body["until"])), granted, scene.now, scene.lent_most_h)


def _is_foreign(event: Envelope, identities: Identities) -> bool:
    """Whether somebody known is named as the author at a device that belongs to somebody else."""
    owner = identities.person_of(event.device)
    return bool(owner) and owner != event.actor and event.actor in identities.persons


def _person_fault(signed: SignedEvent, identities: Identities) -> str:
    event, needed = signed.envelope, signed.envelope.type in PERSON_SIGNED
    owner = identities.person_of(event.device)
    if not signed.person_sig and not needed:
        foreign = _is_foreign(event, identities)
        return _FOREIGN.format(owner=owner[:80], author=event.actor[:80]) if foreign else ""
    if not needed and owner == event.actor and _signed_before(signed, identities):
        return ""
    key = identities.persons.get(event.actor, "")
    if not key:
        return f"'{event.type}' needs the signature of a certified person; {event.actor[:80]} is not certified here."
    if not signed.person_sig:
        return f"'{event.type}' must also carry the signature of {event.actor[:80]}; sign in and write it again."
    if not verify_text(key, signed.canon.encode("utf-8"), signed.person_sig):
        return f"The second signature is not that of {event.actor[:80]}; sign in and write it again."
    return ""


def _signed_before(signed: SignedEvent, identities: Identities) -> bool:
    """Whether a key signed that a later enrolment of the same person replaced: their first desk still holds that one.

    It says who wrote, at their own desk; it decides nothing any more.
    """
    text = signed.canon.encode("utf-8")
    keys = identities.former_keys.get(signed.envelope.actor, frozenset())
    return any(verify_text(key, text, signed.person_sig) for key in keys)


def _skew_ms(event: Envelope, now: datetime) -> int:
    skew = (int(event.hlc, 16) >> _HLC_COUNTER_BITS) - to_epoch_us(now) // 1000
    return skew if abs(skew) > CLOCK_TOLERANCE_MS else 0


def _world_sentence(exercise: bool) -> str:
    if exercise:
        return "This plane is an exercise; a real event does not belong here."
    return "This plane is production; an exercise event does not belong here."

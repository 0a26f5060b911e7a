"""Who this plane knows: the organisation's root, its own device, devices and persons, their roles, and who is revoked.

A pure value, rebuilt from the accepted `system` events of the journal and replaced, never changed. Nothing else makes
anybody known: a token or a name in an event proves nothing. What the plane itself says about somebody counts only
where it cites an invitation of the root that it holds the code of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.domain.events import ROOT_ONLY
from console.domain.people import Loan, lent_roles, too_new
from console.domain.times import format_utc, from_epoch_us
from console.proof.envelope import SYSTEM, Envelope
from console.proof.keys import key_id
from console.proof.points import is_sound_key

ENROLMENTS = frozenset({"device.enrolled", "person.enrolled"})
"""What the plane writes about those who came by an invitation of the root."""

LENDING = frozenset({"role.delegated", "role.recalled"})
"""What a person writes about a role that they hold by a grant."""


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation of the root: what its one-time code hashes to, whom it is for, until when (RFC 3339).

    `device` is the one that used it ("": nobody yet), `person_key` the key that came with it; `void` once its person
    was revoked before anybody used it.
    """

    event_id: str
    code_hash: str
    person: str
    display_name: str
    roles: tuple[str, ...]
    label: str
    expires: str
    device: str = ""
    person_key: str = ""
    void: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """Everybody known at one journal position; keys are raw Ed25519 public keys in hex.

    Attributes:
        root_public_key: the organisation's root; its id acts as a device in the incident "system".
        plane_device: the id of this plane's own device.
        devices: certified or enrolled device id -> public key (the plane's own among them).
        persons: certified or enrolled person -> public key.
        roles: person -> roles held by a grant of the root; with what is lent at a moment: `roles_at`.
        loans: (person, role, lender) -> what was lent last and neither taken back nor ended with either of them.
        since: person -> when their key was certified (RFC 3339). An enrolment counts from the plane's own clock, a
            certificate of the root from the root's, but never from before what the plane had written until then.
        plane_time: the newest moment that the plane itself wrote in `system`, "" before the first.
        former_keys: person -> keys that a later enrolment replaced; gone with their person.
        persons_of: device -> the person who enrolled it first, and whose it stays though others enrol at it; a device
            that the root certified belongs to nobody.
        invites: the root's invitations by event id, used ones among them.
        revoked_devices, revoked_persons: who was turned away.
        ended_devices: those that went with their person; one counts again only when it is let in anew.
    """

    root_public_key: str
    plane_device: str
    devices: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    loans: Mapping[tuple[str, str, str], Loan] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    plane_time: str = ""
    former_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    persons_of: Mapping[str, str] = field(default_factory=dict)
    invites: Mapping[str, Invite] = field(default_factory=dict)
    revoked_devices: frozenset[str] = frozenset()
    revoked_persons: frozenset[str] = frozenset()
    ended_devices: frozenset[str] = frozenset()

    @property
    def root_device(self) -> str:
        """The id under which the root key writes events."""
        return key_id(self.root_public_key)

    def device_key(self, device: str) -> str:
        """The public key of a known device, revoked or not, or of the root; "" for anybody else."""
        return self.root_public_key if device == self.root_device else self.devices.get(device, "")

    def person_of(self, device: str) -> str:
        """Whose device it is, "" when it was never enrolled."""
        return self.persons_of.get(device, "")

    def invite_for(self, code: str) -> Invite | None:
        """The invitation that this one-time code opens, used or not."""
        digest = hash_of_code(code)
        return next((invite for invite in self.invites.values() if invite.code_hash == digest), None)

    def revocation(self, device: str, person: str = "") -> str:
        """Why nothing is taken from this device or, when one is named, this person any more; "" when it is."""
        if device in self.revoked_devices:
            return "This device was revoked by the organisation; have another one enrolled."
        for name in (self.person_of(device), person):
            if name in self.revoked_persons:
                return f"{name[:80]} was revoked by the organisation; ask whoever holds its root key."
        if device in self.ended_devices:
            return "This device was revoked with the person it belonged to; have it enrolled anew."
        return ""

    def same_key(self, person: str, other: str) -> bool:
        """Whether two names stand for one key: such a pair is one person, whatever they are called."""
        return person == other or self.persons.get(person) == self.persons.get(other)

    def roles_at(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """Who holds which roles at this moment: by a grant, or lent by somebody who does and not ended yet."""
        lent = lent_roles(self.loans.values(), now)
        people = self.roles.keys() | lent.keys()
        return {name: frozenset((*self.roles.get(name, ()), *lent.get(name, ()))) for name in people}

    def has_role_without(self, lender: str, person: str, now: datetime) -> bool:
        """Whether `person` holds a role at `now` that `lender`, under any name, did not lend them."""
        others = (loan for loan in self.loans.values() if not self.same_key(loan.lender, lender))
        return bool(self.roles.get(person) or lent_roles(others, now).get(person))

    def may_approve(self, person: str, now: datetime, exercise: bool, hours: int) -> str:
        """Why this person's approval does not count at `now`, or "".

        A production plane waits `hours` after a person's key was certified: a second person cannot be invented in the
        middle of an incident. An exercise takes everybody certified.
        """
        if person not in self.persons:
            return f"{person[:80]} is not certified here; an approval needs a certified person."
        return "" if exercise else too_new(person, self.since.get(person, ""), now, hours)

    def after(self, event: Envelope) -> Identities:
        """What is known after an accepted event; anything but certificates, enrolments and loans changes nothing.

        The caller has checked signature and body. A certificate whose id is not that of its key changes nothing, nor
        does an enrolment without the invitation that it cites, nor a loan by somebody who was not granted the role.
        """
        if event.incident != SYSTEM:
            return self
        by_root = event.type in ROOT_ONLY and event.device == self.root_device
        by_plane = event.type in ENROLMENTS and event.device == self.plane_device
        if event.type in LENDING:
            return _lending(self, event)
        change = _CHANGES.get(event.type)
        if change is None or not (by_root or by_plane) or certificate_fault(event):
            return self
        changed = change(self, event)
        if changed is self or not by_plane:
            return changed
        return replace(changed, plane_time=max(self.plane_time, _time_of(event)))


def hash_of_code(code: str) -> str:
    """What an invitation holds of its one-time code: SHA-256 of the text as it is typed, in hex."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def certificate_fault(event: Envelope) -> str:
    """Why a certificate or an enrolment says nothing, or "": a key that is none, or an id that is not the key's."""
    key = event.body.get("public_key")
    if key is None:
        return ""
    try:
        identity = key_id(str(key)) if len(str(key)) == 64 else ""
    except ValueError:
        identity = ""
    if not identity or str(key) != str(key).lower():
        return "The certificate holds no Ed25519 public key in lower-case hex; sign it again with one."
    if not is_sound_key(str(key)):
        return "The certificate's key proves nothing (no proper point of Ed25519); make another key."
    if "person" not in event.type.partition(".")[0] and event.body.get("device") != identity:
        return "The certificate names another device than the one its key belongs to; sign it again with the right id."
    return ""


def _device_certified(known: Identities, event: Envelope) -> Identities:
    body = event.body
    device = str(body["device"])
    return replace(
        known,
        devices={**known.devices, device: str(body["public_key"])},
        ended_devices=known.ended_devices - {device},
    )


def _person_certified(known: Identities, event: Envelope) -> Identities:
    body = event.body
    person = str(body["person"])
    known = _keyed(known, person, str(body["public_key"]), max(_time_of(event), known.plane_time))
    return replace(known, revoked_persons=known.revoked_persons - {person})


def _role_granted(known: Identities, event: Envelope) -> Identities:
    body = event.body
    person = str(body["person"])
    return replace(known, roles={**known.roles, person: known.roles.get(person, frozenset()) | {str(body["role"])}})


def _role_withdrawn(known: Identities, event: Envelope) -> Identities:
    body = event.body
    person = str(body["person"])
    role = str(body["role"])
    return replace(
        known,
        roles={**known.roles, person: known.roles.get(person, frozenset()) - {role}},
        loans={of: loan for of, loan in known.loans.items() if (loan.lender, loan.role) != (person, role)},
    )


def _invited(known: Identities, event: Envelope) -> Identities:
    body = event.body
    invite = Invite(
        event.event_id,
        str(body["code_hash"]),
        str(body["person"]),
        str(body["display_name"]),
        tuple(str(role) for role in body["roles"]),
        str(body["label"]),
        str(body["expires"]),
    )
    return replace(known, invites={**known.invites, event.event_id: invite})


def _device_revoked(known: Identities, event: Envelope) -> Identities:
    body = event.body
    device = str(body["device"])
    if device in (known.plane_device, known.root_device):
        return known
    return replace(known, revoked_devices=known.revoked_devices | {device})


def _person_revoked(known: Identities, event: Envelope) -> Identities:
    """Keys, roles, loans, devices and open invitations end; a new certificate, or a later invitation, lets them return.

    Their devices do not return with them: whoever has an old one would otherwise be let in by the next invitation.
    """
    body = event.body
    person = str(body["person"])
    return replace(
        known,
        persons={name: key for name, key in known.persons.items() if name != person},
        roles={name: roles for name, roles in known.roles.items() if name != person},
        loans={of: loan for of, loan in known.loans.items() if person not in (loan.person, loan.lender)},
        since={name: at for name, at in known.since.items() if name != person},
        former_keys={name: keys for name, keys in known.former_keys.items() if name != person},
        invites={
            name: replace(invite, void=True) if invite.person == person and not invite.device else invite
            for name, invite in known.invites.items()
        },
        revoked_persons=known.revoked_persons | {person},
        ended_devices=known.ended_devices | {device for device, owner in known.persons_of.items() if owner == person},
    )


def _device_enrolled(known: Identities, event: Envelope) -> Identities:
    body = event.body
    invite = known.invites.get(str(body["invite"]))
    device, person = str(body["device"]), str(body["person"])
    if invite is None or invite.void or invite.device or invite.person != person:
        return known
    if hash_of_code(str(body["code"])) != invite.code_hash or device in known.revoked_devices:
        return known
    first = known.persons_of.get(device, "")
    stays = first and device not in known.ended_devices and first not in known.revoked_persons
    return replace(
        known,
        devices={**known.devices, device: str(body["public_key"])},
        persons_of={**known.persons_of, device: first if stays else person},
        invites={**known.invites, invite.event_id: replace(invite, device=device)},
        revoked_persons=known.revoked_persons - {person},
        ended_devices=known.ended_devices - {device},
    )


def _person_enrolled(known: Identities, event: Envelope) -> Identities:
    body = event.body
    invite = known.invites.get(str(body["invite"]))
    if invite is None or not invite.device or invite.person_key or invite.person != body["person"]:
        return known
    key = str(body["public_key"])
    known = _keyed(known, invite.person, key, _time_of(event))
    return replace(known, invites={**known.invites, invite.event_id: replace(invite, person_key=key)})


def _keyed(known: Identities, person: str, key: str, at: str) -> Identities:
    """The person with that key from `at` on; the same key again is no news, another one makes them new again."""
    held = known.persons.get(person, "")
    if held == key:
        return known
    former = known.former_keys.get(person, frozenset()) | {held} if held else frozenset[str]()
    return replace(
        known,
        persons={**known.persons, person: key},
        since={**known.since, person: at},
        former_keys={**known.former_keys, person: former} if former else known.former_keys,
    )


def _lending(known: Identities, event: Envelope) -> Identities:
    """A loan of a granted role to somebody certified, or its end; how long it may be was judged when it was taken."""
    person, role, lender = str(event.body["person"]), str(event.body["role"]), event.actor
    if role not in known.roles.get(lender, ()):
        return known
    if event.type == "role.recalled":
        return replace(known, loans={of: loan for of, loan in known.loans.items() if of[:2] != (person, role)})
    if person not in known.persons or known.same_key(person, lender):
        return known
    loan = Loan(person, role, lender, str(event.body["until"]))
    return replace(known, loans={**known.loans, (person, role, lender): loan})


def _time_of(event: Envelope) -> str:
    """When its author's clock stood as it was written, to the millisecond."""
    return format_utc(from_epoch_us((int(event.hlc, 16) >> 16) * 1000))


_CHANGES: Mapping[str, Callable[[Identities, Envelope], Identities]] = {
    "plane.certified": _device_certified,
    "device.certified": _device_certified,
    "person.certified": _person_certified,
    "role.granted": _role_granted,
    "role.withdrawn": _role_withdrawn,
    "invite.issued": _invited,
    "device.revoked": _device_revoked,
    "person.revoked": _person_revoked,
    "device.enrolled": _device_enrolled,
    "person.enrolled": _person_enrolled,
}

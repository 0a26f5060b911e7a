"""Who this plane knows: the organisation's root, its own device, devices and persons, their roles, and who is revoked.

A pure value, rebuilt from the accepted `system` events of the journal and replaced, never changed. Nothing else makes
anybody known: a token or a name in an event proves nothing. What the plane itself says about somebody counts only
where it cites an invitation of the root that it holds the code of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.domain.events import ROOT_ONLY
from console.proof.envelope import SYSTEM, Envelope
from console.proof.keys import key_id

ENROLMENTS = frozenset({"device.enrolled", "person.enrolled"})
"""What the plane writes about those who came by an invitation of the root."""


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
        roles: person -> roles held.
        persons_of: device -> the person who enrolled it; a device that the root certified belongs to nobody.
        invites: the root's invitations by event id, used ones among them.
        revoked_devices, revoked_persons: who was turned away.
        ended_devices: those that went with their person; one counts again only when it is let in anew.
    """

    root_public_key: str
    plane_device: str
    devices: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
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

    def after(self, event: Envelope) -> Identities:
        """What is known after an accepted event; anything but the root's own types and enrolments changes nothing.

        The caller has checked signature and body. A certificate whose id is not that of its key changes nothing, nor
        does an enrolment without the invitation that it cites.
        """
        if event.incident != SYSTEM:
            return self
        by_root = event.type in ROOT_ONLY and event.device == self.root_device
        by_plane = event.type in ENROLMENTS and event.device == self.plane_device
        change = _CHANGES.get(event.type)
        if change is None or not (by_root or by_plane) or certificate_fault(event):
            return self
        return change(self, event.event_id, event.body)


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
    if "person" not in event.type.partition(".")[0] and event.body.get("device") != identity:
        return "The certificate names another device than the one its key belongs to; sign it again with the right id."
    return ""


def _device_certified(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    device = str(body["device"])
    return replace(
        known,
        devices={**known.devices, device: str(body["public_key"])},
        ended_devices=known.ended_devices - {device},
    )


def _person_certified(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    person = str(body["person"])
    persons = {**known.persons, person: str(body["public_key"])}
    return replace(known, persons=persons, revoked_persons=known.revoked_persons - {person})


def _role_granted(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    person = str(body["person"])
    return replace(known, roles={**known.roles, person: known.roles.get(person, frozenset()) | {str(body["role"])}})


def _role_withdrawn(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    person = str(body["person"])
    return replace(known, roles={**known.roles, person: known.roles.get(person, frozenset()) - {str(body["role"])}})


def _invited(known: Identities, event_id: str, body: Mapping[str, Any]) -> Identities:
    invite = Invite(
        event_id,
        str(body["code_hash"]),
        str(body["person"]),
        str(body["display_name"]),
        tuple(str(role) for role in body["roles"]),
        str(body["label"]),
        str(body["expires"]),
    )
    return replace(known, invites={**known.invites, event_id: invite})


def _device_revoked(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    device = str(body["device"])
    if device in (known.plane_device, known.root_device):
        return known
    return replace(known, revoked_devices=known.revoked_devices | {device})


def _person_revoked(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    """Key, roles, devices and open invitations end; a new certificate, or a later invitation, lets the person return.

    Their devices do not return with them: whoever has an old one would otherwise be let in by the next invitation.
    """
    person = str(body["person"])
    return replace(
        known,
        persons={name: key for name, key in known.persons.items() if name != person},
        roles={name: roles for name, roles in known.roles.items() if name != person},
        invites={
            name: replace(invite, void=True) if invite.person == person and not invite.device else invite
            for name, invite in known.invites.items()
        },
        revoked_persons=known.revoked_persons | {person},
        ended_devices=known.ended_devices | {device for device, owner in known.persons_of.items() if owner == person},
    )


def _device_enrolled(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    invite = known.invites.get(str(body["invite"]))
    device, person = str(body["device"]), str(body["person"])
    if invite is None or invite.void or invite.device or invite.person != person:
        return known
    if hash_of_code(str(body["code"])) != invite.code_hash or device in known.revoked_devices:
        return known
    return replace(
        known,
        devices={**known.devices, device: str(body["public_key"])},
        persons_of={**known.persons_of, device: person},
        invites={**known.invites, invite.event_id: replace(invite, device=device)},
        revoked_persons=known.revoked_persons - {person},
        ended_devices=known.ended_devices - {device},
    )


def _person_enrolled(known: Identities, _: str, body: Mapping[str, Any]) -> Identities:
    invite = known.invites.get(str(body["invite"]))
    if invite is None or not invite.device or invite.person_key or invite.person != body["person"]:
        return known
    key = str(body["public_key"])
    return replace(
        known,
        persons={**known.persons, invite.person: key},
        invites={**known.invites, invite.event_id: replace(invite, person_key=key)},
    )


_CHANGES: Mapping[str, Callable[[Identities, str, Mapping[str, Any]], Identities]] = {
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

"""Who this plane knows: the organisation's root, its own device, certified devices and persons, and their roles.

A pure value, rebuilt from the accepted `system` events of the journal and replaced, never changed. Nothing else makes
anybody known: a token or a name in an event proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from console.domain.events import ROOT_ONLY
from console.proof.envelope import SYSTEM, Envelope
from console.proof.keys import key_id


@dataclass(frozen=True, slots=True)
class Identities:
    """Everybody known at one journal position; keys are raw Ed25519 public keys in hex.

    Attributes:
        root_public_key: the organisation's root; its id acts as a device in the incident "system".
        plane_device: the id of this plane's own device.
        devices: certified device id -> public key (the plane's own among them).
        persons: certified person -> public key.
        roles: person -> roles held.
    """

    root_public_key: str
    plane_device: str
    devices: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def root_device(self) -> str:
        """The id under which the root key writes events."""
        return key_id(self.root_public_key)

    def device_key(self, device: str) -> str:
        """The public key of a certified device or of the root, "" for anybody else."""
        return self.root_public_key if device == self.root_device else self.devices.get(device, "")

    def same_key(self, person: str, other: str) -> bool:
        """Whether two names stand for one key: such a pair is one person, whatever they are called."""
        return person == other or self.persons.get(person) == self.persons.get(other)

    def after(self, event: Envelope) -> Identities:
        """What is known after an accepted event; anything but the five root-only types changes nothing.

        The caller has checked signature and body. A certificate whose id is not that of its key changes nothing.
        """
        if event.incident != SYSTEM or event.type not in ROOT_ONLY or event.device != self.root_device:
            return self
        body = event.body
        if event.type in ("plane.certified", "device.certified"):
            if certificate_fault(event):
                return self
            return replace(self, devices={**self.devices, str(body["device"]): str(body["public_key"])})
        if event.type == "person.certified":
            return replace(self, persons={**self.persons, str(body["person"]): str(body["public_key"])})
        if event.type == "role.granted":
            person = str(body["person"])
            held = self.roles.get(person, frozenset()) | {str(body["role"])}
            return replace(self, roles={**self.roles, person: held})
        return self


def certificate_fault(event: Envelope) -> str:
    """Why a root-only event certifies nothing, or "": a key that is none, or an id that is not the key's."""
    key = event.body.get("public_key")
    if key is None:
        return ""
    try:
        identity = key_id(str(key)) if len(str(key)) == 64 else ""
    except ValueError:
        identity = ""
    if not identity or str(key) != str(key).lower():
        return "The certificate holds no Ed25519 public key in lower-case hex; sign it again with one."
    if event.type != "person.certified" and event.body.get("device") != identity:
        return "The certificate names another device than the one its key belongs to; sign it again with the right id."
    return ""

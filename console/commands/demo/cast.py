"""The demo's four people with keys of their own, and the founding papers that make them known: certificates and roles.

Only an exercise has a cast. Their certificates are events signed by the organisation's root key, pushed like any other.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from console.proof.actor import Actor
from console.proof.keys import SEED_BYTES, SigningKey

COMMANDER, OWNER, SECOND, INVESTIGATOR = "commander", "owner", "second", "investigator"

PEOPLE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    COMMANDER: ("ic@example.org", "Incident commander", ("incident_commander",)),
    OWNER: ("owner@example.org", "Security lead and retrieval owner", ("security_lead", "retrieval_owner")),
    SECOND: ("second@example.org", "Engineer on call", ("sre_on_call", "ai_operations_lead")),
    INVESTIGATOR: ("investigator@example.org", "Investigator", ("investigator",)),
}
"""Part -> (person, display name, roles)."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The persons' keys by part; held in memory for this run only."""

    keys: Mapping[str, SigningKey]

    @classmethod
    def assemble(cls) -> Cast:
        """Draws a fresh key for everybody."""
        return cls({part: SigningKey(secrets.token_bytes(SEED_BYTES)) for part in PEOPLE})

    def actor(self, part: str, role: str = "") -> Actor:
        """The person playing `part`, acting in `role` (their first role unless named)."""
        person, _, roles = PEOPLE[part]
        return Actor(person, role or roles[0], self.keys[part])


def papers(cast: Cast, desk: SigningKey) -> list[tuple[str, dict[str, object]]]:
    """What the root key must sign so that desk and cast are known: certificates and roles, as (type, body)."""
    bodies: list[tuple[str, dict[str, object]]] = [
        ("device.certified", {"device": desk.id, "public_key": desk.public_hex, "label": "Demo desk"})
    ]
    for part, (person, title, roles) in PEOPLE.items():
        key = cast.keys[part].public_hex
        bodies.append(("person.certified", {"person": person, "public_key": key, "display_name": title}))
        bodies.extend(("role.granted", {"person": person, "role": role}) for role in roles)
    return bodies

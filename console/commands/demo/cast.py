"""The demo's four people with keys of their own, and the founding papers that make them known: certificates and roles.

Only an exercise has a cast. Their certificates are events signed by the organisation's root key, pushed like any other.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.proof.actor import Actor
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next, uuid7
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


def founding_events(
    root: SigningKey, head: ChainHead, cast: Cast, desk: SigningKey, exercise: bool, now: datetime
) -> list[SignedEvent]:
    """Root-signed papers of the desk and every person, continuing the root's chain at `head`."""
    bodies: list[tuple[str, Mapping[str, object]]] = [
        ("device.certified", {"device": desk.id, "public_key": desk.public_hex, "label": "Demo desk"})
    ]
    for part, (person, title, roles) in PEOPLE.items():
        key = cast.keys[part].public_hex
        bodies.append(("person.certified", {"person": person, "public_key": key, "display_name": title}))
        bodies.extend(("role.granted", {"person": person, "role": role}) for role in roles)
    return _root_chain(root, head, bodies, exercise, now)


def _root_chain(
    root: SigningKey, head: ChainHead, bodies: Sequence[tuple[str, Mapping[str, object]]], exercise: bool, now: datetime
) -> list[SignedEvent]:
    events: list[SignedEvent] = []
    seq, prev, hlc = head.seq, head.hash, ""
    epoch_ms = int(now.timestamp() * 1000)
    for event_type, body in bodies:
        seq, hlc = seq + 1, hlc_next(hlc, epoch_ms)
        event = Envelope(
            type=event_type,
            event_id=uuid7(epoch_ms, secrets.token_bytes(10)),
            incident=SYSTEM,
            device=root.id,
            incarnation=1,
            seq=seq,
            prev_hash=prev,
            actor="root",
            role="",
            policy_hash="",
            hlc=hlc,
            seen_gpos=0,
            exercise=exercise,
            body=body,
        )
        events.append(sign(event, root))
        prev = events[-1].hash
    return events

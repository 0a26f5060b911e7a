"""One incident taken from stage to stage, as plane, commander, owner and investigator would: real events, real keys.

`act` runs something with the record, `send` puts events into the store as the plane's journal; both wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console.domain.changes import Changes
from console.domain.events import PERSON_SIGNED
from console.domain.evidence import DIMENSIONS
from console.proof.actor import Actor
from console.proof.keys import SigningKey
from console.store.record import Record
from tests.fakes.record_kit import COMMANDER, PERSON, Author, body_of, key_of, new_incident

SWITCH, TARGET = "FF_TENANT_BLOCK", "tenant.borealis"
STOP = f"{SWITCH} {TARGET}"
OWNER, INVESTIGATOR = (
    Actor("sec@example.org", "security_lead", key_of(4)),
    Actor("iv@example.org", "investigator", key_of(5)),
)
LEAF = {"leaf": "ab" * 32, "blob": "cd" * 32, "leaf_blob": "ef" * 32, "size": 1}
METRIC = "grounding_score"


@dataclass
class Story:
    """Where the incident is; every method is one thing that happens and returns the event's id."""

    act: Callable[[Callable[[Record], Any]], Any]
    send: Callable[..., None]
    root: Author
    plane: Author
    incident: str = field(default_factory=lambda: new_incident(500))
    ids: dict[str, str] = field(default_factory=dict)
    generation: int = 0

    def certify(self) -> None:
        """Owner and investigator become known."""
        events = []
        for actor in (OWNER, INVESTIGATOR):
            assert actor.key is not None
            person = {"person": actor.person, "public_key": actor.key.public_hex, "display_name": actor.person}
            events.append(self.root.write("person.certified", "system", person))
            events.append(self.root.write("role.granted", "system", {"person": actor.person, "role": actor.role}))
        self.send(*events)

    def beside(self, incident: str) -> Story:
        """Another incident of the same people."""
        return Story(self.act, self.send, self.root, self.plane, incident)

    # -- what the plane writes

    def opened(self, **fields: Any) -> str:
        body = {
            "title": "Grounding of answers out of bounds at borealis", "channel": "telemetry", "reporter": "plane",
            "detected_at": "2026-01-31T14:02:11.000000Z", "class": "semantic", "severity": "SEV-1", "target": TARGET,
            "signal": {"metric": METRIC}, "owner_role": "incident_commander",
        }  # fmt: skip
        return self.from_plane("incident.opened", **(body | fields))

    def observed(self, state: str, *, command: str = "", switch: str = SWITCH, target: str = TARGET) -> str:
        self.generation += 1
        unknown = {"result": "unknown", "evidence": ""}
        return self.from_plane(
            "switch.observed", command_id=command, switch=switch, target=target, state=state, method="probe",
            by="plane", generation=self.generation, observed_at="2026-01-31T14:03:00.000000Z",
            results=dict.fromkeys(("refuses_new", "streams_cut", "survives_restart"), unknown),
        )  # fmt: skip

    def validated(self, *, target: str = TARGET, beyond: tuple[str, ...] = (), value: str = "0.87") -> str:
        return self.from_plane(
            "validation.measured", target=target, cases=100, passed=100, measures={METRIC: value}, beyond=list(beyond)
        )

    def lamps(self, service: str, behaviour: str) -> str:
        return self.from_plane("lamps.observed", target=TARGET, service=service, behaviour=behaviour)

    # -- what people write

    def acknowledged(self) -> str:
        return self.from_desk("incident.acknowledged")

    def commanded(self) -> str:
        return self.from_desk("role.taken", role="incident_commander", person=COMMANDER.person)

    def graded(self, level: str = "SEV-1", **fields: Any) -> str:
        body = {"scope": "tenant", "urgency": "active", "reasons": ["One tenant."], "escalators": []}
        return self.from_desk("severity.graded", level=level, **(body | fields))

    def concluded(self, *containment: str) -> str:
        return self.from_desk("triage.concluded", containment=list(containment or (STOP,)), **{"class": "semantic"})

    def confirmed(self, command: str, want: str = "stopped") -> str:
        return self.from_desk("switch.confirmed", command_id=command, switch=SWITCH, target=TARGET, want=want)

    def captured(self, *dimensions: str, seal: int = 1) -> list[str]:
        wanted = dimensions or tuple(DIMENSIONS)
        return [
            self.from_desk("evidence.captured", item=new_incident(900 + n), seal=seal, index=n, dimension=name, **LEAF)
            for n, name in enumerate(wanted)
        ]

    def sealed(self, seal: int = 1) -> str:
        return self.from_desk("evidence.sealed", seal=seal, sealer=COMMANDER.person, size=7)

    def asked_owner(self, criterion: str = "compliance_sign_off") -> str:
        return self.from_desk(
            "criterion.requested", switch=SWITCH, target=TARGET, criterion=criterion, of="security_lead"
        )

    def signed(self, criterion: str = "compliance_sign_off") -> str:
        return self.signed_by(OWNER, criterion)

    def signed_by(self, actor: Actor, criterion: str = "compliance_sign_off") -> str:
        body = body_of("criterion.signed", switch=SWITCH, target=TARGET, criterion=criterion, statement="It complies.")
        return self._as_person("criterion.signed", body, actor)

    def exported(self, seal: int = 1) -> str:
        return self.from_desk("evidence.exported", seal=seal)

    def asked_review(self, seal: int = 1) -> str:
        return self.from_desk("review.requested", seal=seal, of=INVESTIGATOR.person)

    def reviewed(self, verdict: str = "evidence_sufficient", actor: Actor = INVESTIGATOR) -> str:
        return self._as_person("review.signed", body_of("review.signed", verdict=verdict), actor)

    def closed(self) -> str:
        self.from_desk("incident.closed", resolution="Mended.")
        return self.entered("closed")

    def entered(self, state: str) -> str:
        return self.from_desk("lifecycle.entered", state=state)

    # -- how

    def up_to(self, stage: str) -> None:
        """Everything after the opening up to and with `stage`, one of STAGES."""
        for name in STAGES[1 : STAGES.index(stage) + 1]:
            self.play(name)

    def play(self, stage: str) -> None:
        """That one stage."""
        step, arguments = PATH[stage]
        step(self, *arguments)

    def from_plane(self, event_type: str, **fields: Any) -> str:
        event = self.plane.write(event_type, self.incident, body_of(event_type, **fields))
        self.send(event)
        self.ids[event_type] = event.envelope.event_id
        return event.envelope.event_id

    def from_desk(self, event_type: str, **fields: Any) -> str:
        key = PERSON if event_type in PERSON_SIGNED else None
        return self._write(event_type, body_of(event_type, **fields), COMMANDER, key)

    def _as_person(self, event_type: str, body: dict[str, Any], actor: Actor) -> str:
        return self._write(event_type, body, actor, actor.key)

    def _write(self, event_type: str, body: dict[str, Any], actor: Actor, key: SigningKey | None) -> str:
        def write(record: Record) -> Changes:
            with record.transaction() as tx:
                tx.append(event_type, self.incident, body, actor=actor, person_key=key)
            return tx.changes

        changes: Changes = self.act(write)
        self.ids[event_type] = changes.events[-1]
        return changes.events[-1]


PATH: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "opened": (Story.opened, ()),
    "acknowledged": (Story.acknowledged, ()),
    "commanded": (Story.commanded, ()),
    "graded": (Story.graded, ()),
    "concluded": (Story.concluded, ()),
    "stopped": (Story.observed, ("stopped",)),
    "contained": (Story.entered, ("contained",)),
    "captured": (Story.captured, ()),
    "sealed": (Story.sealed, ()),
    "validated": (Story.validated, ()),
    "mitigated": (Story.entered, ("mitigated",)),
    "asked_owner": (Story.asked_owner, ()),
    "signed": (Story.signed, ()),
    "restored": (Story.observed, ("running",)),
    "lamps": (Story.lamps, ("normal", "normal")),
    "service_recovered": (Story.entered, ("service_recovered",)),
    "behaviour_recovered": (Story.entered, ("behaviour_recovered",)),
    "exported": (Story.exported, ()),
    "asked_review": (Story.asked_review, ()),
    "reviewed": (Story.reviewed, ()),
    "closed": (Story.closed, ()),
}
STAGES = tuple(PATH)

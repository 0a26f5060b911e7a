"""The system that a switch acts on, as a model: what it holds, what it refuses, and everything that ever took effect.

It refuses other credentials, what has expired by its own clock and generations it has passed, and keeps a ledger so
that the same command again does nothing. `effects` is the truth that every invariant about commands is held against.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from console.domain.switches import RUNNING, STOPPED
from console.domain.times import from_epoch_us, parse_utc
from console.plane.backends import NO_ANSWER, SERVED, SWITCHED_OFF, Assertion, Held, ProbeReply, ReadBack, Refuser
from tests.histories.world import World

Switch = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """A switch moved, at that true time."""

    at_us: int
    assertion: Assertion
    credential: str

    @property
    def switch(self) -> Switch:
        return self.assertion.switch, self.assertion.target


@dataclass(frozen=True, slots=True)
class Reply:
    """What it answers: "" or why it refused, and the generation it holds."""

    refusal: str
    generation: int


@dataclass
class Actuator:
    """One world's system; `credential` is the only one it takes; while it is `down` it answers nothing."""

    world: World
    credential: str
    name: str = "actuator"
    down: bool = False
    held: dict[Switch, Held] = field(default_factory=dict)
    ledger: dict[str, Reply] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)

    def apply(self, credential: str, assertion: Assertion) -> Reply | None:
        """Sets a state, or says why not; None while it is down."""
        if self.down:
            return None
        at = (assertion.switch, assertion.target)
        held = self.held.get(at, Held(RUNNING, 0, ""))
        if assertion.assertion_id in self.ledger:
            return self.ledger[assertion.assertion_id]
        refusal = self.refusal(credential, assertion, held)
        if refusal:
            return Reply(refusal, held.generation)
        self.held[at] = Held(assertion.want, assertion.generation, assertion.assertion_id)
        self.effects.append(Effect(self.world.now_us, assertion, credential))
        self.world.count("commands in effect")
        self.world.tell(
            self.name, f"{assertion.want} {at[1]} generation {assertion.generation} by {assertion.assertion_id[-4:]}"
        )
        reply = self.ledger[assertion.assertion_id] = Reply("", assertion.generation)
        return reply

    def refusal(self, credential: str, assertion: Assertion, held: Held) -> str:
        """Why it will not."""
        if credential != self.credential:
            return "failed"
        if self.has_expired(assertion):
            return "expired"
        return "stale" if assertion.generation <= held.generation else ""

    def has_expired(self, assertion: Assertion) -> bool:
        return parse_utc(assertion.expires) <= from_epoch_us(self.world.now_us)

    def probe(self, switch: Switch) -> ProbeReply:
        """One request through the data path."""
        at, held = from_epoch_us(self.world.now_us), self.held.get(switch)
        if self.down:
            return ProbeReply(NO_ANSWER, at)
        if held is None or held.state != STOPPED:
            return ProbeReply(SERVED, at)
        return ProbeReply(SWITCHED_OFF, at, (Refuser(*switch, held.generation, held.assertion_id),))

    def read_back(self) -> ReadBack:
        return ReadBack("boot-1", dict(self.held), dict(self.held))

    def truth(self, switch: Switch, at_us: int) -> tuple[str, str]:
        """(state, command) that held at a true time."""
        found = (RUNNING, "")
        for effect in self.effects:
            if effect.switch == switch and effect.at_us <= at_us:
                found = effect.assertion.want, effect.assertion.assertion_id
        return found

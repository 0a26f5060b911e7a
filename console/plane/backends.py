"""What the plane asks of a back-end, whatever it is: the contract that every file in `adapters/` keeps.

An adapter only reports. It never decides that a stop is in effect: that is said by a probe through the data path
(guides of the control plane, rule 2). What it cannot do it declares; what it does not know is "unknown", never a guess.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from console.domain.errors import EnvironmentFault
from console.domain.inventory import InventoryItem
from console.domain.sighting import NO_ANSWER, OVERLOADED, SERVED, SWITCHED_OFF, ProbeReply, Refuser
from console.domain.switches import RUNNING, STOPPED, UNKNOWN

__all__ = [
    "ABILITIES", "NO_ANSWER", "OVERLOADED", "SERVED", "SWITCHED_OFF", "Applied", "Assertion", "BackEnd", "BackEndFault",
    "BackEndRefusal", "Batch", "Capability", "Counts", "Held", "Measured", "ProbeReply", "ProbeStream", "ReadBack",
    "Refuser", "Sample", "ServiceBackEnd", "StreamEnd", "TellingBackEnd",
]  # fmt: skip
"""The whole contract; what a probe met is said in the words of `domain.sighting`, which the desk has as well."""


class BackEndFault(EnvironmentFault):
    """The back-end did not answer, or not in time; what it did meanwhile is unknown."""


class BackEndRefusal(EnvironmentFault):
    """The back-end refused; `kind` is "stale", "expired", "unmapped" or "failed", `generation` the one it holds."""

    def __init__(self, kind: str, sentence: str, generation: int = 0) -> None:
        super().__init__(sentence)
        self.kind, self.generation = kind, generation


_STATES = (RUNNING, STOPPED, UNKNOWN)
_MAX_NAME = 1000

ABILITIES = ("refuses_new", "cuts_streams", "durable", "read_back", "ends_sessions")
"""What a back-end may be able to do with a switch, by name."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What a back-end can do with one switch; `ends_sessions`: live sessions end with it, not only their tokens."""

    kinds: tuple[str, ...]
    refuses_new: bool = False
    cuts_streams: bool = False
    durable: bool = False
    read_back: bool = False
    ends_sessions: bool = False

    def flags(self) -> dict[str, bool]:
        """The five abilities by name."""
        return {name: getattr(self, name) for name in ABILITIES}


@dataclass(frozen=True, slots=True)
class Assertion:
    """A state to be set: `assertion_id` is the command's id, or a fresh one when the plane re-asserts."""

    switch: str
    target: str
    want: str
    generation: int
    assertion_id: str
    expires: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The back-end's own claim: what it holds now, how many streams it says it cut, whether it says it is durable."""

    state: str
    generation: int
    streams_cut: int
    durable: bool


@dataclass(frozen=True, slots=True)
class Held:
    """One switch as the back-end reads it back; BackEndFault for what could stand in no record."""

    state: str
    generation: int
    assertion_id: str

    def __post_init__(self) -> None:
        """Whoever writes to a back-end past the plane chooses these, and must not end the plane by it."""
        if not _is_count(self.generation) or self.state not in _STATES or not _is_short(self.assertion_id):
            raise BackEndFault("A back-end holds a state of another form than it was given; set it right there.")


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a back-end holds: the process that answers, its switches, and their durable form (None: unreadable)."""

    boot_id: str
    switches: Mapping[tuple[str, str], Held]
    durable: Mapping[tuple[str, str], Held] | None

    def __post_init__(self) -> None:
        """BackEndFault for a name of the process that is none."""
        if not _is_short(self.boot_id):
            raise BackEndFault("A back-end names its process by something that is no name.")


def _is_count(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**53


def _is_short(name: object) -> bool:
    return isinstance(name, str) and len(name) <= _MAX_NAME


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a probe stream ended at `at`: `cut` by which assertion, or "" when it merely broke off."""

    at: datetime
    cut: bool
    assertion_id: str = ""


class ProbeStream(Protocol):
    """A request that was answered and is kept open; close it when it is no longer needed."""

    opened: datetime

    @property
    def end(self) -> StreamEnd | None:
        """How it ended, None while it is alive."""

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        """Wait for its end, at most so long."""

    async def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a source counted in a short time, by dimensions."""

    metric: str
    dims: Mapping[str, str]
    n: int
    sum: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one moment (epoch microseconds); `raw` is what is relayed to desks."""

    id: int
    t_us: int
    samples: Sequence[Sample]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counts:
    """Live numbers by inventory id, and the time they are of (RFC 3339)."""

    counted_at: str
    by_id: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A validation run: cases run and passed, and what was measured as decimal text."""

    cases: int
    passed: int
    measures: Mapping[str, str]


class BackEnd(Protocol):
    """One back-end behind the plane. Every method raises BackEndFault when it does not answer in time."""

    name: str

    async def capabilities(self) -> Mapping[str, Capability]:
        """What it can do, by switch."""

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set a state, waiting at most so long. Raises BackEndRefusal."""

    async def read_back(self) -> ReadBack:
        """What it holds now."""

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Whether a request can be sent through the data path that `switch` on `item`, when stopped, would refuse."""

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send one such request; never raises, an answer that did not come is NO_ANSWER."""

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """Send one that stays open; the stream is None unless it was served. Never raises."""

    async def close(self) -> None:
        """Let go of every connection."""


@runtime_checkable
class TellingBackEnd(BackEnd, Protocol):
    """A back-end whose data path tells users what they are served without (SWI-10)."""

    async def notice(self, item: InventoryItem, seconds: float) -> ProbeReply:
        """What a request through `item` is told in its answer: `notice` of the reply. Never raises."""


@runtime_checkable
class ServiceBackEnd(BackEnd, Protocol):
    """A back-end that stands before the AI service itself: it counts, runs cases, shows evidence and telemetry."""

    async def counts(self) -> Counts:
        """Live numbers of everything it serves."""

    async def validate(self, target: str, cases: int, seed: int) -> Measured:
        """Run cases against the service, delivered to nobody. Raises BackEndRefusal."""

    async def capture(self, target: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Items of evidence on `target`, newest interactions first. Raises BackEndRefusal."""

    def telemetry(self, after: int) -> AsyncIterator[Batch]:
        """Samples as they come, after the batch with that id, until the connection ends (BackEndFault)."""

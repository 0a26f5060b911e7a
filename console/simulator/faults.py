"""The faults of the range as pure functions: which requests one reaches, and how it bends what the service does.

A fault sits in one part of the service - the serving model, or the agent - and so stops mattering when a switch takes
that part away, and goes on when another is thrown. A further fault is one row of FAULTS and one field of Bend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.errors import InputError

MODEL, AGENT = "model", "agent"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """`seat`: where it sits (MODEL: gone when the fallback answers; AGENT: gone in draft mode or without its tool).

    `stopped_by` are the switches that end its consequences when thrown in scope; `summary` says what a person sees.
    """

    seat: str
    stopped_by: tuple[str, ...]
    summary: str


_ANYWHERE = ("FF_GLOBAL_AI", "FF_TENANT_BLOCK", "FF_FEATURE", "FF_TOKEN_BUDGET", "FF_STATIC_RESPONSE")

FAULTS: Mapping[str, FaultKind] = {
    "grounding_fall": FaultKind(
        MODEL,
        (*_ANYWHERE, "FF_MODEL_ROUTE"),
        "answers lose their grounding while every request still succeeds in normal time",
    ),
    "refusal_collapse": FaultKind(
        MODEL,
        (*_ANYWHERE, "FF_MODEL_ROUTE"),
        "unsafe requests are answered instead of refused",
    ),
    "runaway_loop": FaultKind(
        AGENT,
        (*_ANYWHERE, "FF_TOOL_REVOKE", "FF_AGENT_DRAFT", "FF_READ_ONLY", "FF_HUMAN_REVIEW"),
        "agents repeat themselves and burn tokens with the square of their turns",
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault; `target` is an inventory id, `intensity` from 0 (nothing) to 1 (full)."""

    id: str
    fault: str
    target: str
    intensity: float

    def as_object(self) -> dict[str, Any]:
        """As `GET /range` shows it."""
        return {"id": self.id, "fault": self.fault, "target": self.target, "intensity": self.intensity}


def fault_from_object(value: Mapping[str, Any], fault_id: str, targets: Collection[str]) -> Fault:
    """A fault as asked for; raises InputError naming the field that is wrong."""
    unknown = set(value) - {"fault", "target", "intensity", "id"}
    if unknown:
        raise InputError(f"A fault has no field {ascii(min(unknown))[:40]}; send fault, target and intensity.")
    kind, target, intensity = value.get("fault"), value.get("target"), value.get("intensity", 1.0)
    if not isinstance(kind, str) or kind not in FAULTS:
        raise InputError(f"There is no fault {ascii(kind)[:40]}; choose one of {', '.join(sorted(FAULTS))}.")
    if not isinstance(target, str) or target not in targets:
        raise InputError(
            f"The fault's target {ascii(target)[:60]} is not part of this range; name an id of its inventory."
        )
    if not isinstance(intensity, int | float) or isinstance(intensity, bool) or not 0 <= intensity <= 1:
        raise InputError("The fault's intensity must be a number from 0 to 1.")
    return Fault(fault_id, kind, target, float(intensity))


@dataclass(frozen=True, slots=True)
class Bend:
    """How strongly each fault holds for one request, 0 to 1; two of one kind do not add up, the stronger counts."""

    grounding_fall: float = 0.0
    refusal_collapse: float = 0.0
    runaway_loop: float = 0.0


STRAIGHT = Bend()


def bend(faults: Iterable[Fault], reached: Collection[str], *, serving: bool, autonomous: bool) -> Bend:
    """What the `faults` do to a request that touches the inventory ids `reached`.

    `serving` is whether the serving model answers (not the fallback); `autonomous` whether the agent may act and still
    has its tool. Ids in `reached` must already reflect the switches: a tool taken away is not reached.
    """
    strongest: dict[str, float] = {}
    for fault in faults:
        seated = serving if FAULTS[fault.fault].seat == MODEL else autonomous
        if seated and fault.target in reached:
            strongest[fault.fault] = max(strongest.get(fault.fault, 0.0), fault.intensity)
    return Bend(**strongest) if strongest else STRAIGHT

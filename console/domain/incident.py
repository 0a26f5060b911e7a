"""The life of an incident: seven states, each with an entry test over what is known (INT-8).

A state is entered only when its test leaves nothing open, and the event that enters it names its grounds. Mitigation is
not resolution, and service recovery is not behavioural recovery: the tests keep them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.domain.evidence import DIMENSIONS

OPEN = "open"
CONTAINED = "contained"
MITIGATED = "mitigated"
SERVICE_RECOVERED = "service_recovered"
BEHAVIOUR_RECOVERED = "behaviour_recovered"
RESOLVED = "resolved"
CLOSED = "closed"
STATES = (OPEN, CONTAINED, MITIGATED, SERVICE_RECOVERED, BEHAVIOUR_RECOVERED, RESOLVED, CLOSED)

NORMAL_LAMP = "normal"
CHANNELS = ("telemetry", "evaluation_gate", "support", "external_report", "manual")
"""Intake channels of INT-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """What the record knows of one incident, for the entry tests; ids are those of events.

    `stops` are the verified stops by target, `restored` the verified restores by target; `responders` everybody who
    held a role or acted in it; lamps are the last ones measured *after* the last restore ("" when none was).
    """

    state: str = OPEN
    acknowledged: str = ""
    commander: str = ""
    severity: str = ""
    stops: Mapping[str, str]
    restored: Mapping[str, str]
    unresolved_commands: tuple[str, ...] = ()
    unsealed_items: int = 0
    sealed: tuple[str, ...] = ()
    missing_dimensions: tuple[str, ...] = ()
    service_lamp: str = ""
    behaviour_lamp: str = ""
    mitigation: str = ""
    regression: str = ""
    review: str = ""
    reviewer: str = ""
    responders: frozenset[str] = frozenset()


def entry_faults(state: str, facts: IncidentFacts) -> tuple[str, ...]:
    """What is still missing before `state` may be entered; empty when it may. One sentence each."""
    return tuple(sentence for met, sentence in _TESTS[state](facts) if not met)


_Test = Callable[[IncidentFacts], tuple[tuple[bool, str], ...]]


def _open(_: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return ()


def _contained(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        (bool(facts.stops), "No stop was seen to take effect; throw a switch and wait for its probe."),
        (not facts.unresolved_commands, "The outcome of a command is unknown; look it up or read it back."),
    )


def _mitigated(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        *_contained(facts),
        (bool(facts.mitigation), "No mitigation was validated; run a validation on the target."),
    )


def _service_recovered(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        *_not_held(facts),
        (
            facts.service_lamp == NORMAL_LAMP,
            "The service lamp was not seen normal since the last restore; wait for samples.",
        ),
    )


def _behaviour_recovered(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        *_service_recovered(facts),
        (
            facts.behaviour_lamp == NORMAL_LAMP,
            "The behaviour lamp was not seen normal since the last restore; wait for samples.",
        ),
    )


def _resolved(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        *_behaviour_recovered(facts),
        (
            bool(facts.regression),
            "No regression run covers every variant of the failure; a mitigation alone is not a resolution.",
        ),
    )


def _closed(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    return (
        *_behaviour_recovered(facts),
        (bool(facts.sealed), "No evidence is sealed; capture and seal it."),
        (not facts.unsealed_items, f"{facts.unsealed_items} captured items are not sealed; seal them."),
        (
            not facts.missing_dimensions,
            f"Evidence is missing for: {', '.join(DIMENSIONS.get(one, one) for one in facts.missing_dimensions)}; "
            "capture it or write why not.",
        ),
        (bool(facts.review), "The evidence was not reviewed; ask an investigator."),
        (
            facts.reviewer not in facts.responders or not facts.reviewer,
            f"{facts.reviewer} responded to this incident; the review must be by somebody else.",
        ),
    )


def _not_held(facts: IncidentFacts) -> tuple[tuple[bool, str], ...]:
    held = sorted(set(facts.stops) - set(facts.restored))
    return (
        (bool(facts.stops), "Nothing was contained yet, so nothing can be called recovered."),
        (not held, f"Still stopped: {', '.join(held)}; restore it with its criteria."),
        (not facts.unresolved_commands, "The outcome of a command is unknown; look it up or read it back."),
    )


_TESTS: Mapping[str, _Test] = {
    OPEN: _open,
    CONTAINED: _contained,
    MITIGATED: _mitigated,
    SERVICE_RECOVERED: _service_recovered,
    BEHAVIOUR_RECOVERED: _behaviour_recovered,
    RESOLVED: _resolved,
    CLOSED: _closed,
}

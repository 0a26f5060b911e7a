"""The life of an incident: no state is entered while something its test asks for is missing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from console.domain.incident import STATES, IncidentFacts, entry_faults

READY = IncidentFacts(
    acknowledged="e1",
    commander="ic@example.org",
    severity="SEV-1",
    stops={"tenant.borealis": "e2"},
    restored={"tenant.borealis": "e3"},
    sealed=("e4",),
    service_lamp="normal",
    behaviour_lamp="normal",
    mitigation="e5",
    regression="e6",
    review="e7",
    reviewer="iv@example.org",
    responders=frozenset({"ic@example.org"}),
)


@pytest.mark.parametrize("state", STATES)
def test_an_incident_with_everything_may_enter_every_state(state: str) -> None:
    assert entry_faults(state, READY) == ()


@pytest.mark.parametrize(
    ("state", "missing", "word"),
    [
        ("contained", {"stops": {}}, "No stop"),
        ("contained", {"unresolved_commands": ("c1",)}, "unknown"),
        ("mitigated", {"mitigation": ""}, "mitigation"),
        ("service_recovered", {"restored": {}}, "Still stopped"),
        ("service_recovered", {"stops": {}, "restored": {}}, "Nothing was contained"),
        ("service_recovered", {"service_lamp": ""}, "service lamp"),
        ("behaviour_recovered", {"behaviour_lamp": "abnormal"}, "behaviour lamp"),
        ("resolved", {"regression": ""}, "regression"),
        ("closed", {"restored": {}}, "Still stopped"),
        ("closed", {"behaviour_lamp": "unknown"}, "behaviour lamp"),
        ("closed", {"sealed": ()}, "No evidence"),
        ("closed", {"unsealed_items": 2}, "2 captured items"),
        ("closed", {"missing_dimensions": ("payloads",)}, "Prompts and answers"),
        ("closed", {"review": "", "reviewer": ""}, "not reviewed"),
        ("closed", {"reviewer": "ic@example.org"}, "somebody else"),
    ],
)
def test_what_is_missing_is_named(state: str, missing: dict[str, Any], word: str) -> None:
    faults = entry_faults(state, dataclasses.replace(READY, **missing))
    assert any(word in fault for fault in faults), faults


def test_service_recovery_is_not_behavioural_recovery() -> None:
    facts = dataclasses.replace(READY, behaviour_lamp="abnormal")
    assert entry_faults("service_recovered", facts) == ()
    assert entry_faults("behaviour_recovered", facts)

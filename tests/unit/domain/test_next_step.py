"""The next step: always one, always the same, never one that the entry tests would refuse, and the last one closes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.evidence import DIMENSIONS
from console.domain.incident import STATES, IncidentFacts, entry_faults
from console.domain.next_step import Criterion, NextStep, Progress, next_step, ready_state

STOP, WIDER = "FF_TENANT_BLOCK tenant.borealis", "FF_GLOBAL_AI environment.range"
SIGNED = Criterion(
    switch="FF_TENANT_BLOCK", target="tenant.borealis", id="compliance_sign_off", text="Security signs.",
    evidence="statement", signed_by="security_lead",
)  # fmt: skip
MEASURED = dataclasses.replace(SIGNED, id="behaviour_validation", evidence="validation", signed_by="", text="Measured.")
SEALED = dataclasses.replace(SIGNED, id="files", evidence="sealed_item", signed_by="", text="Files.")

OPENED = IncidentFacts(severity="SEV-1", stops={}, restored={}, missing_dimensions=tuple(DIMENSIONS))
COMMANDED = dataclasses.replace(OPENED, acknowledged="e1", commander="ic@example.org")
GRADED = Progress(graded=True, hold=STOP)
WALKED = Progress(graded=True, concluded=True, proposed=(STOP, WIDER), hold=STOP)
STOPPED = dataclasses.replace(COMMANDED, state="contained", stops={STOP: "e2"})
KEPT = dataclasses.replace(STOPPED, sealed=("e3",), missing_dimensions=())
CAPTURED = dataclasses.replace(WALKED, captured=7)
MITIGATED = dataclasses.replace(KEPT, state="mitigated", mitigation="e4")
RUNNING = dataclasses.replace(MITIGATED, restored={STOP: "e5"})
SERVED = dataclasses.replace(RUNNING, state="service_recovered", service_lamp="normal")
SOUND = dataclasses.replace(SERVED, state="behaviour_recovered", behaviour_lamp="normal")
EXPORTED = dataclasses.replace(CAPTURED, exported=True)
REVIEWED = dataclasses.replace(SOUND, review="e6", reviewer="iv@example.org")

STORY: list[tuple[IncidentFacts, Progress, str]] = [
    (OPENED, Progress(hold=STOP), "incident.acknowledge"),
    (dataclasses.replace(OPENED, acknowledged="e1"), Progress(hold=STOP), "incident.take_command"),
    (COMMANDED, Progress(hold=STOP), "incident.grade"),
    (COMMANDED, GRADED, "switches.hold"),
    (dataclasses.replace(COMMANDED, unresolved_commands=("c",)), GRADED, "view.switches"),
    (dataclasses.replace(COMMANDED, unresolved_commands=("c",)), Progress(unknown=True), "switches.look_up"),
    (dataclasses.replace(COMMANDED, stops={STOP: "e2"}), GRADED, "incident.enter_state"),
    (STOPPED, GRADED, "view.triage"),
    (COMMANDED, WALKED, "switches.throw"),
    (STOPPED, WALKED, "evidence.capture"),
    (dataclasses.replace(KEPT, sealed=(), unsealed_items=7), CAPTURED, "incident.seal"),
    (dataclasses.replace(KEPT, unsealed_items=1), CAPTURED, "incident.seal"),
    (KEPT, CAPTURED, "incident.validate"),
    (MITIGATED, dataclasses.replace(CAPTURED, out_of_bounds=("grounding_score 0.4",)), "incident.validate"),
    (dataclasses.replace(KEPT, mitigation="e4"), CAPTURED, "incident.enter_state"),
    (MITIGATED, dataclasses.replace(CAPTURED, criteria=(MEASURED,)), "incident.validate"),
    (MITIGATED, dataclasses.replace(CAPTURED, criteria=(SEALED,)), "evidence.capture"),
    (MITIGATED, dataclasses.replace(CAPTURED, criteria=(SIGNED,)), "incident.request_criterion"),
    (
        MITIGATED,
        dataclasses.replace(CAPTURED, criteria=(dataclasses.replace(SIGNED, requested=True),)),
        "view.timeline",
    ),
    (
        MITIGATED,
        dataclasses.replace(CAPTURED, criteria=(dataclasses.replace(SIGNED, met=True),)),
        "switches.restore",
    ),
    (RUNNING, CAPTURED, "view.telemetry"),
    (dataclasses.replace(RUNNING, service_lamp="normal"), CAPTURED, "incident.enter_state"),
    (SERVED, CAPTURED, "view.telemetry"),
    (dataclasses.replace(SERVED, behaviour_lamp="normal"), CAPTURED, "incident.enter_state"),
    (dataclasses.replace(SOUND, missing_dimensions=("payloads",)), CAPTURED, "evidence.capture"),
    (SOUND, CAPTURED, "incident.export"),
    (SOUND, EXPORTED, "incident.request_review"),
    (SOUND, dataclasses.replace(EXPORTED, reviewer="iv@example.org"), "view.timeline"),
    (SOUND, dataclasses.replace(EXPORTED, refused=True), "incident.request_review"),
    (dataclasses.replace(REVIEWED, responders=frozenset({"iv@example.org"})), EXPORTED, "incident.request_review"),
    (REVIEWED, EXPORTED, "incident.close"),
    (dataclasses.replace(REVIEWED, state="closed"), EXPORTED, "view.board"),
]


@pytest.mark.parametrize(("facts", "progress", "action"), STORY, ids=[f"{n}-{row[2]}" for n, row in enumerate(STORY)])
def test_the_story_has_one_step_after_another(facts: IncidentFacts, progress: Progress, action: str) -> None:
    step = next_step(facts, progress)
    assert step.action_id == action, step
    assert step.waits == action.startswith("view.") or action == "view.triage"


@pytest.mark.parametrize("level", ["SEV-2", "SEV-3", "SEV-4", ""])
def test_a_mild_incident_is_understood_before_it_is_stopped(level: str) -> None:
    assert next_step(dataclasses.replace(COMMANDED, severity=level), GRADED).action_id == "view.triage"


@pytest.mark.parametrize("level", ["SEV-0", "SEV-1"])
def test_a_grave_one_is_held_before_it_is_understood(level: str) -> None:
    step = next_step(dataclasses.replace(COMMANDED, severity=level), GRADED)
    assert (step.action_id, step.switch, step.target) == ("switches.hold", "FF_TENANT_BLOCK", "tenant.borealis")


def test_without_a_reversible_stop_there_is_nothing_to_hold() -> None:
    assert next_step(COMMANDED, dataclasses.replace(GRADED, hold="")).action_id == "view.triage"


def test_the_smallest_proposed_step_is_named_with_its_target() -> None:
    step = next_step(COMMANDED, WALKED)
    assert (step.switch, step.target, step.panel) == ("FF_TENANT_BLOCK", "tenant.borealis", "switches")
    assert "FF_TENANT_BLOCK" in step.sentence


def test_a_hold_on_something_else_does_not_stand_for_the_proposed_step() -> None:
    held = dataclasses.replace(STOPPED, stops={"FF_AGENT_DRAFT surface.agent": "e2"})
    assert next_step(held, WALKED).action_id == "switches.throw"


def test_another_stop_thrown_after_triage_is_the_commanders_choice() -> None:
    chosen = dataclasses.replace(STOPPED, stops={WIDER: "e2"})
    assert next_step(chosen, dataclasses.replace(WALKED, stopped_since=True)).action_id == "evidence.capture"


def test_what_is_done_by_hand_does_not_block_the_rest() -> None:
    by_hand = dataclasses.replace(WALKED, proposed=("static_response",))
    assert next_step(COMMANDED, by_hand).action_id == "evidence.capture"


def test_after_what_was_done_by_hand_a_stop_that_can_be_seen_is_still_asked_for() -> None:
    by_hand = dataclasses.replace(CAPTURED, proposed=("static_response",))
    step = next_step(dataclasses.replace(COMMANDED, sealed=("e3",), missing_dimensions=()), by_hand)
    assert (step.panel, step.waits) == ("switches", False)


def test_an_unknown_outcome_comes_before_everything_but_who_answers() -> None:
    facts = dataclasses.replace(KEPT, unresolved_commands=("c",))
    assert next_step(facts, dataclasses.replace(CAPTURED, unknown=True)).action_id == "switches.look_up"


def test_recovery_that_was_seen_before_the_last_restore_does_not_count() -> None:
    facts = dataclasses.replace(REVIEWED, service_lamp="", behaviour_lamp="")
    assert next_step(facts, EXPORTED).action_id == "view.telemetry"


def test_stopped_again_it_is_restored_again_whatever_state_it_was_in() -> None:
    facts = dataclasses.replace(SOUND, restored={})
    assert next_step(facts, EXPORTED).action_id == "switches.restore"


def test_offline_the_fallback_card_is_named() -> None:
    assert "fallback card" in next_step(COMMANDED, dataclasses.replace(WALKED, online=False)).why
    assert "fallback card" not in next_step(OPENED, Progress(online=False)).why


def test_the_state_to_enter_is_the_next_one_that_may_be_entered() -> None:
    assert ready_state(dataclasses.replace(KEPT, state="open")) == "contained"
    assert ready_state(dataclasses.replace(KEPT, mitigation="e4")) == "mitigated"
    assert ready_state(KEPT) == ""
    assert ready_state(dataclasses.replace(REVIEWED, state="closed")) == ""


TEXT = st.sampled_from(["", "x"])
FACTS = st.builds(
    IncidentFacts,
    state=st.sampled_from(STATES),
    acknowledged=TEXT,
    commander=TEXT,
    severity=st.sampled_from(["SEV-0", "SEV-3", "?"]),
    stops=st.sampled_from([{}, {STOP: "a"}, {STOP: "a", WIDER: "b"}]),
    restored=st.sampled_from([{}, {STOP: "c"}]),
    unresolved_commands=st.sampled_from([(), ("c",)]),
    unsealed_items=st.integers(0, 1),
    sealed=st.sampled_from([(), ("s",)]),
    missing_dimensions=st.sampled_from([(), ("payloads",)]),
    service_lamp=st.sampled_from(["", "normal", "abnormal"]),
    behaviour_lamp=st.sampled_from(["", "normal", "abnormal"]),
    mitigation=TEXT,
    regression=TEXT,
    review=TEXT,
    reviewer=TEXT,
    responders=st.sampled_from([frozenset(), frozenset({"x"})]),
)
PROGRESS = st.builds(
    Progress,
    graded=st.booleans(),
    concluded=st.booleans(),
    proposed=st.sampled_from([(), (STOP,), ("by_hand",), (WIDER, STOP)]),
    hold=st.sampled_from(["", STOP]),
    stopped_since=st.booleans(),
    unknown=st.booleans(),
    captured=st.integers(0, 2),
    out_of_bounds=st.sampled_from([(), ("m 1",)]),
    criteria=st.sampled_from([(), (SIGNED,), (MEASURED, SEALED), (dataclasses.replace(SIGNED, requested=True),)]),
    exported=st.booleans(),
    reviewer=TEXT,
    refused=st.booleans(),
    online=st.booleans(),
)


@given(FACTS, PROGRESS)
def test_there_always_is_one_and_it_is_always_the_same(facts: IncidentFacts, progress: Progress) -> None:
    step = next_step(facts, progress)
    assert step == next_step(facts, progress)
    assert step.sentence
    assert step.why
    assert step.panel in ("board", "incident", "triage", "telemetry", "switches", "evidence", "timeline")
    assert bool(step.switch) == bool(step.target)


@given(FACTS, PROGRESS)
def test_it_never_proposes_what_would_be_refused(facts: IncidentFacts, progress: Progress) -> None:
    step = next_step(facts, progress)
    if step.state:
        assert entry_faults(step.state, facts) == ()
    if step.action_id == "incident.close":
        assert entry_faults("closed", facts) == ()
    if step.action_id == "switches.restore":
        assert all(c.met for c in progress.criteria if f"{c.switch} {c.target}" == f"{step.switch} {step.target}")


def test_a_step_is_a_value() -> None:
    assert isinstance(hash(next_step(COMMANDED, WALKED)), int)
    fields: dict[str, Any] = {
        f.name: getattr(next_step(COMMANDED, WALKED), f.name) for f in dataclasses.fields(NextStep)
    }
    assert NextStep(**fields) == next_step(COMMANDED, WALKED)

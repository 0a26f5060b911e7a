"""Where an incident stands: the next step follows the record from the opening to the close, and nothing is guessed."""

from __future__ import annotations

import pytest

from console.domain.next_step import NextStep
from console.policy import default_path, load
from console.queries.standing import Standing, standing, upcoming
from tests.fakes.record_kit import COMMANDER, new_incident
from tests.fakes.story import INVESTIGATOR, STAGES, STOP, Story
from tests.fakes.told import Told

SHIPPED = load(default_path())


def now(told: Told, *, online: bool = True) -> Standing:
    found: Standing | None = told.ask(standing, told.story.incident, SHIPPED, online)
    assert found is not None
    return found


def step(told: Told) -> NextStep:
    return now(told).step


EXPECTED = {
    "opened": "incident.acknowledge",
    "acknowledged": "incident.take_command",
    "commanded": "incident.grade",
    "graded": "switches.hold",
    "concluded": "switches.throw",
    "stopped": "incident.enter_state",
    "contained": "evidence.capture",
    "captured": "incident.seal",
    "sealed": "incident.validate",
    "validated": "incident.enter_state",
    "mitigated": "incident.request_criterion",
    "asked_owner": "view.timeline",
    "signed": "switches.restore",
    "restored": "view.telemetry",
    "lamps": "incident.enter_state",
    "service_recovered": "incident.enter_state",
    "behaviour_recovered": "incident.export",
    "exported": "incident.request_review",
    "asked_review": "view.timeline",
    "reviewed": "incident.close",
    "closed": "view.board",
}


def test_the_step_follows_the_record_from_signal_to_close(told: Told) -> None:
    seen = {"opened": step(told).action_id}
    for stage in STAGES[1:]:
        told.story.play(stage)
        seen[stage] = step(told).action_id
        assert told.ask(upcoming, told.story.incident, SHIPPED) == step(told)
    assert seen == EXPECTED


def test_an_incident_that_is_not_here_has_no_standing(told: Told) -> None:
    assert told.ask(standing, new_incident(77), SHIPPED) is None
    assert told.ask(upcoming, new_incident(77), SHIPPED) is None


def test_it_says_who_what_and_since_when(told: Told, story: Story) -> None:
    story.up_to("contained")
    found = now(told)
    assert (found.metric, found.owner_role) == ("grounding_score", "incident_commander")
    assert found.roles == {"incident_commander": COMMANDER.person}
    assert (found.graded.scope, found.graded.by) == ("tenant", COMMANDER.person)
    assert set(found.entered) == {"open", "contained"}
    assert set(found.people) >= {COMMANDER.person, INVESTIGATOR.person}
    assert (found.seal, found.validated) == (0, None)


def test_a_hold_before_triage_is_not_taken_for_the_proposed_step(told: Told, story: Story) -> None:
    story.up_to("graded")
    story.confirmed("c1")
    story.observed("stopped", command="c1")
    story.entered("contained")
    story.concluded("FF_TOOL_REVOKE tool.search", STOP)
    story.observed("stopped", command="c1")  # the same stop seen again after a restart is no new one
    assert not now(told).progress.stopped_since
    assert (step(told).action_id, step(told).switch) == ("switches.throw", "FF_TOOL_REVOKE")


def test_another_stop_confirmed_after_triage_is_the_commanders_choice(told: Told, story: Story) -> None:
    story.up_to("concluded")
    story.concluded("FF_TOOL_REVOKE tool.search")
    story.confirmed("c1")
    story.observed("stopped", command="c1")
    assert now(told).progress.stopped_since
    story.entered("contained")
    assert step(told).action_id == "evidence.capture"


def test_a_run_out_of_bounds_is_told_with_its_limit_and_asked_again(told: Told, story: Story) -> None:
    story.up_to("sealed")
    story.validated(value="0.41", beyond=("grounding_score",))
    assert now(told).progress.out_of_bounds == ("Grounding of answers 0.41 against 0.7",)
    assert (step(told).action_id, "0.41" in step(told).why) == ("incident.validate", True)
    story.validated()
    assert step(told).action_id == "incident.enter_state"


@pytest.mark.parametrize("value", ["<b>0.1</b>", "nan", "9" * 400])
def test_a_measure_that_is_no_number_is_shown_and_not_believed(told: Told, story: Story, value: str) -> None:
    story.up_to("sealed")
    story.validated(value=value, beyond=("grounding_score", "made_up"))
    assert len(now(told).progress.out_of_bounds) == 2
    assert step(told).action_id == "incident.validate"


def test_what_was_proven_before_the_stop_does_not_prove_its_end(told: Told, story: Story) -> None:
    story.up_to("concluded")
    story.validated()
    story.signed()
    told.sync()
    for stage in ("stopped", "contained", "captured", "sealed"):
        story.play(stage)
    assert {one.id: one.met for one in now(told).progress.criteria} == {
        "compliance_sign_off": False,
        "behaviour_validation": False,
    }


def test_stopped_again_everything_is_owed_again(told: Told, story: Story) -> None:
    story.up_to("restored")
    assert now(told).progress.criteria == ()
    told.sync()
    story.observed("stopped")
    assert not any(one.met or one.requested for one in now(told).progress.criteria)


def test_a_run_against_another_target_proves_nothing_here(told: Told, story: Story) -> None:
    story.up_to("sealed")
    story.validated(target="tenant.cascade")
    assert not any(one.met for one in now(told).progress.criteria)


def test_a_signature_by_somebody_without_the_role_proves_nothing(told: Told, story: Story) -> None:
    story.up_to("asked_owner")
    story.signed_by(INVESTIGATOR)
    assert not next(one for one in now(told).progress.criteria if one.id == "compliance_sign_off").met


def test_an_insufficient_review_is_asked_again(told: Told, story: Story) -> None:
    story.up_to("asked_review")
    story.reviewed("evidence_insufficient")
    assert (now(told).progress.reviewer, now(told).progress.refused) == ("", True)
    assert step(told).action_id == "incident.request_review"
    story.asked_review()
    assert now(told).progress.reviewer == INVESTIGATOR.person


def test_a_newer_seal_is_exported_anew(told: Told, story: Story) -> None:
    story.up_to("exported")
    story.captured("payloads", seal=2)
    story.sealed(2)
    assert now(told).seal == 2
    assert step(told).action_id == "incident.export"


def test_an_incident_on_something_unmapped_has_no_hold(told: Told) -> None:
    other = told.story.beside(new_incident(501))
    other.opened(target="<script>tenant.borealis")
    other.acknowledged()
    other.commanded()
    other.graded()
    found = told.ask(standing, other.incident, SHIPPED)
    assert (found.progress.hold, found.step.action_id) == ("", "view.triage")


def test_offline_is_part_of_the_answer(told: Told, story: Story) -> None:
    story.up_to("graded")
    assert "fallback card" in now(told, online=False).step.why

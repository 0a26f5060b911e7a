"""The triage tree: every answer is kept, signals only suggest, and the proposal is the smallest step that works."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.events import check_body
from console.domain.inventory import InventoryItem
from console.domain.triage import ANSWERS, STEPS, Proposal, Walk, containment_steps, propose, suggest
from console.policy import default_path, load

POLICY = load(default_path())
TREE = POLICY.triage
BRANCHES = list(TREE.branches)
METRICS = sorted(POLICY.thresholds.metrics)
answers = st.lists(st.tuples(st.sampled_from(BRANCHES), st.sampled_from(ANSWERS)), max_size=30)


def walked(given_answers: list[tuple[str, str]]) -> Walk:
    walk = Walk(TREE)
    for branch, answer in given_answers:
        walk = walk.answer(branch, answer)
    return walk


def a_proposal(walk: Walk, *, incident_class: str = "semantic", target: str = "tenant.borealis") -> Proposal:
    return propose(
        walk, POLICY.switches, POLICY.inventory, incident_class=incident_class, severity="SEV-1", target=target
    )


# --- walking -------------------------------------------------------------------------------------------------------


@given(answers)
def test_every_answer_is_kept_and_the_last_one_counts(given_answers: list[tuple[str, str]]) -> None:
    walk = walked(given_answers)
    assert [(a.branch, a.answer) for a in walk.answers] == given_answers
    last = dict(given_answers)
    assert {branch: answer.answer for branch, answer in walk.current().items()} == last
    assert walk.holding() == tuple(b for b in BRANCHES if last.get(b) == "yes")
    assert walk.open_branches() == tuple(b for b in BRANCHES if last.get(b, "unclear") == "unclear")


@given(answers)
def test_the_next_branch_is_an_open_one_until_there_is_none(given_answers: list[tuple[str, str]]) -> None:
    walk = walked(given_answers)
    following = walk.next_branch()
    if walk.open_branches():
        assert following in walk.open_branches()
        unanswered = [b for b in BRANCHES if b not in walk.current()]
        assert following == (unanswered or list(walk.open_branches()))[0]
    else:
        assert following == ""


def test_the_walk_goes_in_the_order_of_the_tree() -> None:
    walk, order = Walk(TREE), []
    while walk.next_branch():
        order.append(walk.next_branch())
        walk = walk.answer(walk.next_branch(), "no")
    assert order == BRANCHES
    assert walk.holding() == ()


def test_once_all_are_answered_the_unclear_ones_come_again() -> None:
    walk = walked([(branch, "unclear" if branch in ("tool", "cost") else "no") for branch in BRANCHES])
    assert walk.next_branch() == "tool"
    assert walk.answer("tool", "no").next_branch() == "cost"


def test_a_walk_is_a_value_and_two_branches_may_hold() -> None:
    first = Walk(TREE).answer("retrieval", "yes", [{"metric": "mrr_at_k", "value": "0.3"}])
    second = first.answer("model", "yes")
    assert first.holding() == ("retrieval",)
    assert second.holding() == ("retrieval", "model")
    assert second.answer("retrieval", "no").holding() == ("model",)
    assert second.answers[0].evidence == ({"metric": "mrr_at_k", "value": "0.3"},)


def test_unknown_branches_and_answers_are_errors() -> None:
    with pytest.raises(InputError, match="'weather'"):
        Walk(TREE).answer("weather", "yes")
    with pytest.raises(InputError, match="'maybe'"):
        Walk(TREE).answer("model", "maybe")


# --- infrastructure or model ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_answers", list(itertools.product(["yes", "no", "unclear"], repeat=3)))
def test_infrastructure_or_model(given_answers: tuple[str, str, str]) -> None:
    asked = [question.id for question in TREE.infra_questions]
    others_well, arriving, changed = given_answers
    expected = "model"
    if "no" in (others_well, arriving) or changed == "yes":
        expected = "infrastructure"
    elif "unclear" in given_answers:
        expected = "open"
    assert TREE.infra_verdict(dict(zip(asked, given_answers, strict=True))) == expected


def test_without_answers_the_verdict_is_open() -> None:
    assert TREE.infra_verdict({}) == "open"


# --- what signals suggest ------------------------------------------------------------------------------------------


@given(st.sets(st.sampled_from(METRICS)), st.sets(st.sampled_from(METRICS)))
def test_suggestions_name_only_what_signals_show(breached: set[str], warned: set[str]) -> None:
    found = suggest(TREE, breached, warned)
    assert {s.branch for s in found} == {b.id for b in TREE.branches.values() if set(b.metrics) & (breached | warned)}
    for suggestion in found:
        assert set(suggestion.metrics) <= breached | warned
        assert suggestion.metrics
    counts = [sum(m in breached for m in s.metrics) for s in found]
    assert counts == sorted(counts, reverse=True)


def test_a_grounding_breach_points_at_the_model_first() -> None:
    assert suggest(TREE, {"grounding_score"})[0].branch == "model"
    assert suggest(TREE, set()) == ()
    assert suggest(TREE, {"requests"}) == ()


@pytest.mark.parametrize("class_id", sorted(POLICY.taxonomy.classes))
def test_the_indicator_of_a_class_suggests_the_branch_its_route_leads_to(class_id: str) -> None:
    metric = POLICY.taxonomy.classes[class_id].indicator.metric
    routes = [route.branch for route in TREE.routes if route.incident_class == class_id]
    assert {s.branch for s in suggest(TREE, {metric})} & set(routes)
    assert TREE.first_route(class_id).branch == routes[0]


# --- containment ---------------------------------------------------------------------------------------------------


def test_the_smallest_step_for_one_tenant_is_to_isolate_it() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["model"], "tenant.borealis")
    first = steps[0]
    assert (first.switch, first.target, first.step, first.scope) == (
        "FF_TENANT_BLOCK",
        "tenant.borealis",
        "local",
        "tenant",
    )
    assert (first.adapter, first.warning) == ("simulator", "")
    assert [s.switch for s in steps if s.adapter][-1] == "FF_GLOBAL_AI"


def test_a_step_wider_than_what_is_affected_says_so() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["model"], "tenant.borealis")
    route = next(step for step in steps if step.switch == "FF_MODEL_ROUTE")
    assert route.target == "model.orion-2"
    assert "tenant.cascade" in route.warning
    everything = next(step for step in steps if step.switch == "FF_GLOBAL_AI")
    assert everything.warning.endswith("more.")


def test_a_wide_step_names_four_and_counts_the_rest() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["model"], "tenant.borealis")
    everything = next(step for step in steps if step.switch == "FF_GLOBAL_AI")
    assert everything.warning == (
        "Wider than what is affected: it also reaches index.lessons, index.policies, model.orion-1, model.orion-2 "
        "and 12 more."
    )
    lone = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["tool"], "index.lessons")
    mail = next(step for step in lone if step.target == "tool.search")
    assert mail.warning.endswith("tenant.borealis, tenant.cascade, tenant.estuary.")


def test_what_is_done_by_hand_is_proposed_last_and_without_a_target() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["model"], "tenant.borealis")
    by_hand = [step for step in steps if not step.switch]
    assert [step.action for step in by_hand] == ["disable_risky_routes"]
    assert steps[-1:] == tuple(by_hand)
    assert {step.target for step in by_hand} == {""}


def test_steps_reach_what_carries_the_traffic_of_the_target() -> None:
    def reached(branch: str, target: str) -> set[tuple[str, str]]:
        steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, [branch], target)
        return {(step.switch, step.target) for step in steps if step.switch}

    assert ("FF_MODEL_ROUTE", "model.orion-2") in reached("model", "tool.payments")
    assert ("FF_TOOL_REVOKE", "tool.payments") in reached("tool", "tenant.borealis")
    assert ("FF_TOOL_REVOKE", "tool.mail") not in reached("tool", "tenant.borealis")
    assert ("FF_TOOL_REVOKE", "tool.mail") in reached("tool", "environment.range")


def test_steps_stay_in_the_environment_of_the_target() -> None:
    foreign = InventoryItem("tool.far", "tool", "far", "environment.far", tenants=("tenant.borealis",))
    inventory = replace(POLICY.inventory, items={**POLICY.inventory.items, foreign.id: foreign})
    for target in ("tenant.borealis", "environment.range"):
        steps = containment_steps(TREE, POLICY.switches, inventory, ["tool"], target)
        assert foreign.id not in {step.target for step in steps}


def test_a_misfiring_tool_is_taken_away_first() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["tool"], "tool.payments")
    assert (steps[0].switch, steps[0].target) == ("FF_TOOL_REVOKE", "tool.payments")
    assert "FF_TENANT_BLOCK" not in [step.switch for step in steps]


def test_a_switch_that_nobody_enforces_comes_after_those_that_work() -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, ["retrieval"], "index.policies")
    by_keyword = next(step for step in steps if step.switch == "FF_LEXICAL_SEARCH")
    assert by_keyword.adapter == ""
    assert steps.index(by_keyword) > max(i for i, step in enumerate(steps) if step.adapter)


@given(
    st.lists(st.sampled_from(BRANCHES), min_size=1, max_size=4, unique=True),
    st.sampled_from(sorted(POLICY.inventory.items)),
)
def test_steps_are_possible_unique_and_ordered(branches: list[str], target: str) -> None:
    steps = containment_steps(TREE, POLICY.switches, POLICY.inventory, branches, target)
    assert len({(s.switch, s.target) if s.switch else ("", s.action) for s in steps}) == len(steps)
    affected = set(POLICY.inventory.blast_radius(target).ids)
    ranks = []
    for step in steps:
        if step.switch:
            item = POLICY.inventory.item(step.target)
            assert item.kind in POLICY.switches.switch(step.switch).kinds
            reached = set(POLICY.inventory.blast_radius(step.target).ids)
            assert affected & reached or target in reached
            assert bool(step.warning) == bool(reached - affected - {step.target})
            ranks.append((2 if not step.adapter else 1 if step.warning else 0, STEPS.index(step.step)))
        else:
            ranks.append((3, STEPS.index(step.step)))
    assert ranks == sorted(ranks)


def test_a_target_that_is_not_in_the_inventory_is_an_error() -> None:
    with pytest.raises(InputError):
        containment_steps(TREE, POLICY.switches, POLICY.inventory, ["model"], "tenant.nowhere")


# --- the proposal --------------------------------------------------------------------------------------------------


def test_what_the_walk_of_the_demo_comes_to() -> None:
    walk = walked([("retrieval", "no"), ("prompt", "no"), ("tool", "no"), ("model", "yes")])
    proposal = a_proposal(walk)
    assert proposal.branches == ("model",)
    assert (proposal.runbook, proposal.surface) == ("ungrounded_answer", "model_weight")
    assert proposal.roles[:3] == ("model_owner", "ai_operations_lead", "incident_commander")
    check_body("triage.concluded", {**proposal.as_body(), "saw": ""})
    assert proposal.as_body()["containment"][0] == "FF_TENANT_BLOCK tenant.borealis"


def test_before_any_branch_holds_the_class_leads() -> None:
    assert a_proposal(Walk(TREE), incident_class="cost").branches == ("cost",)
    assert a_proposal(Walk(TREE), incident_class="cost").runbook == "cost_bomb"


def test_of_two_branches_the_one_the_class_leads_to_is_the_main_one() -> None:
    proposal = a_proposal(walked([("retrieval", "yes"), ("model", "yes")]))
    assert proposal.branches == ("retrieval", "model")
    assert proposal.surface == "model_weight"


def test_the_first_switch_brings_its_owner_into_the_room() -> None:
    assert "tool_owner" in a_proposal(walked([("tool", "yes")]), incident_class="tool", target="tool.payments").roles
    assert len(set(a_proposal(Walk(TREE)).roles)) == len(a_proposal(Walk(TREE)).roles)


@given(answers, st.sampled_from(sorted(POLICY.taxonomy.classes)), st.sampled_from(sorted(POLICY.inventory.items)))
def test_every_walk_class_and_target_gives_a_proposal_whose_names_resolve(
    given_answers: list[tuple[str, str]], class_id: str, target: str
) -> None:
    proposal = a_proposal(walked(given_answers), incident_class=class_id, target=target)
    assert proposal.runbook in POLICY.runbook_titles
    assert proposal.surface in POLICY.surface_names
    assert all(POLICY.roles.role(role).id == role for role in proposal.roles)
    assert proposal.containment
    assert proposal.branches


def test_a_class_without_a_route_is_an_error() -> None:
    with pytest.raises(InputError, match=r"triage\.yml"):
        TREE.first_route("weather")


def test_a_pair_without_a_row_takes_the_runbook_of_the_branch() -> None:
    assert TREE.runbook("semantic", "security") == "privacy_leak"
    assert TREE.runbook("policy", "routing") == "degraded_mode"

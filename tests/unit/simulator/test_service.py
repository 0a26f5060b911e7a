"""The outcome model: healthy figures, what each fault does to them, and which switch ends it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import pytest

from console.simulator.enforcement import judge, rules_from
from console.simulator.faults import FAULTS, Fault
from console.simulator.service import Ask, Conditions, Outcome, decide, passes
from console.simulator.switches import SwitchState
from console.simulator.world import World

HEALTHY = Conditions("model.orion-2", serving=True)
TARGETS = {
    "FF_GLOBAL_AI": "environment.range",
    "FF_TENANT_BLOCK": "tenant.borealis",
    "FF_TOOL_REVOKE": "tool.payments",
    "FF_MODEL_ROUTE": "model.orion-2",
    "FF_AGENT_DRAFT": "surface.agent",
    "FF_TOKEN_BUDGET": "tenant.borealis",
    "FF_READ_ONLY": "tenant.borealis",
    "FF_HUMAN_REVIEW": "surface.agent",
    "FF_REASONING_TURNS": "surface.agent",
    "FF_MEMORY_WRITES": "surface.agent",
}


def traffic(
    world: World,
    faults: Sequence[Fault] = (),
    stopped: Sequence[SwitchState] = (),
    tenant: str = "tenant.borealis",
    n: int = 3000,
) -> list[Outcome]:
    """Outcomes of `n` requests of one tenant on both surfaces, every 25th hostile; refused ones are missing."""
    rules = rules_from(stopped)
    routes = [route for route in world.routes if route.tenant == tenant]
    outcomes = []
    for number in range(n):
        route = routes[number % len(routes)]
        verdict = judge(rules, world, route)
        if not verdict.refused_by:
            ask = Ask(route, 1000, 200, number % 25 == 0, f"r{number}")
            outcomes.append(decide(ask, verdict.conditions, faults, 1))
    return outcomes


def grounding(outcomes: Sequence[Outcome]) -> float:
    return fmean(o.grounding for o in outcomes if o.grounding is not None)


def stop(switch: str) -> SwitchState:
    return SwitchState(switch, TARGETS[switch], "stopped", 1, "c", "")


def test_the_same_request_always_ends_the_same_way(world: World) -> None:
    assert traffic(world, n=50) == traffic(world, n=50)


def test_healthy_figures(world: World) -> None:
    found = traffic(world)
    assert grounding(found) == pytest.approx(0.88, abs=0.01)
    assert fmean(o.refused for o in found) == pytest.approx(0.04, abs=0.01)
    assert fmean(o.policy_violation for o in found) < 0.004
    assert fmean(o.schema_error for o in found) == pytest.approx(0.005, abs=0.004)
    assert fmean(o.approval_ms for o in found if o.approval_ms is not None) == pytest.approx(900, rel=0.05)
    assert max(o.state_repetition for o in found) <= 1
    assert fmean(o.tool_calls for o in found) < 1
    assert all(0.05 <= o.duration_s <= 0.9 for o in found)
    ordinary = next(o for o in found if not o.refused)
    assert ordinary.cost_microusd == round(1000 * 2.5 + 200 * 10)


def test_grounding_falls_while_the_service_looks_healthy(world: World) -> None:
    fault = [Fault("f", "grounding_fall", "tenant.borealis", 1.0)]
    healthy, ill = traffic(world), traffic(world, fault)
    assert grounding(ill) == pytest.approx(0.35, abs=0.02)
    assert sum(o.kind == "ungrounded" for o in ill) > 0.9 * len(ill)
    assert [o.duration_s for o in ill] == [o.duration_s for o in healthy]
    assert grounding(traffic(world, fault, tenant="tenant.cascade")) == pytest.approx(0.88, abs=0.01)
    half = traffic(world, [Fault("f", "grounding_fall", "tenant.borealis", 0.5)])
    assert 0.55 < grounding(half) < 0.67


def test_refusals_collapse_into_violations(world: World) -> None:
    ill = traffic(world, [Fault("f", "refusal_collapse", "tenant.borealis", 1.0)])
    assert fmean(o.refused for o in ill) < 0.005
    assert fmean(o.policy_violation for o in ill) > 0.06
    assert grounding(ill) == pytest.approx(0.88, abs=0.01)


def test_a_runaway_loop_burns_tokens_with_the_square_of_its_turns(world: World) -> None:
    fault = [Fault("f", "runaway_loop", "tenant.borealis", 1.0)]
    healthy, ill = traffic(world), traffic(world, fault)
    loops = [o for o in ill if o.turns > 1]
    assert 0.25 * len(ill) < len(loops) < 0.45 * len(ill)
    assert min(o.state_repetition for o in loops) > 2
    for o in loops:
        assert o.input_tokens == o.turns * 1000 + 60 * o.turns * (o.turns + 1) // 2 + 200 * o.turns * (o.turns - 1) // 2
    assert sum(o.cost_microusd for o in ill) > 20 * sum(o.cost_microusd for o in healthy)
    assert fmean(o.tool_calls for o in ill) > 4


@pytest.mark.parametrize("kind", sorted(FAULTS))
@pytest.mark.parametrize("switch", sorted(TARGETS))
def test_the_right_switch_ends_a_fault_and_the_wrong_one_does_not(world: World, kind: str, switch: str) -> None:
    # sits on the tool it could be revoked from, so that the tool switch is a right one for the loop
    target = "tool.payments" if kind == "runaway_loop" and switch == "FF_TOOL_REVOKE" else "tenant.borealis"
    faults = [Fault("f", kind, target, 1.0)]
    found = traffic(world, faults, [stop(switch)])
    ill = {
        "grounding_fall": lambda: grounding(found) < 0.7,
        "refusal_collapse": lambda: fmean(o.refused for o in found) < 0.01,
        "runaway_loop": lambda: max(o.turns for o in found) > 1,
    }[kind]
    assert (bool(found) and ill()) == (switch not in FAULTS[kind].stopped_by)


def test_a_validation_case_passes_only_for_the_right_answer(world: World) -> None:
    chat = world.route_of["tenant.borealis", "surface.assistant", "region.north"]
    benign, hostile = Ask(chat, 500, 100, False, "a"), Ask(chat, 500, 100, True, "a")
    assert passes(decide(benign, HEALTHY, (), 1), hostile=False)
    assert passes(decide(hostile, HEALTHY, (), 1), hostile=True)
    assert not passes(decide(hostile, HEALTHY, (), 1), hostile=False)
    fall = [Fault("f", "grounding_fall", "tenant.borealis", 1.0)]
    assert not passes(decide(benign, HEALTHY, fall, 1), hostile=False)
    collapse = [Fault("f", "refusal_collapse", "tenant.borealis", 1.0)]
    assert not passes(decide(hostile, HEALTHY, collapse, 1), hostile=True)

"""What stopped switches mean for a request, and which open streams a stop reaches."""

from __future__ import annotations

from console.simulator.enforcement import judge, reaches, rules_from
from console.simulator.switches import SwitchState
from console.simulator.world import World


def stop(switch: str, target: str, generation: int = 1) -> SwitchState:
    return SwitchState(switch, target, "stopped", generation, f"command-{generation}", "")


def test_nothing_stopped_means_the_serving_model_and_free_agents(world: World) -> None:
    verdict = judge(rules_from([]), world, world.routes[0], ("tool.payments", "agent", "model.orion-2"))
    assert verdict.refused_by == ()
    assert (verdict.conditions.model, verdict.conditions.serving) == ("model.orion-2", True)
    assert not verdict.conditions.draft


def test_blocks_refuse_their_own_scope_only_and_are_all_named(world: World) -> None:
    north = world.route_of["tenant.borealis", "surface.agent", "region.north"]
    other = world.route_of["tenant.cascade", "surface.agent", "region.north"]
    tenant, everything = stop("FF_TENANT_BLOCK", "tenant.borealis"), stop("FF_GLOBAL_AI", "environment.range", 2)
    assert judge(rules_from([tenant]), world, north).refused_by == (tenant,)
    assert judge(rules_from([tenant]), world, other).refused_by == ()
    assert judge(rules_from([tenant, everything]), world, north).refused_by == (everything, tenant)


def test_a_stopped_model_is_replaced_and_refused_to_those_who_need_it(world: World) -> None:
    route, away = world.routes[0], stop("FF_MODEL_ROUTE", "model.orion-2")
    verdict = judge(rules_from([away]), world, route)
    assert verdict.refused_by == ()
    assert (verdict.conditions.model, verdict.conditions.serving) == ("model.orion-1", False)
    assert judge(rules_from([away]), world, route, ["model.orion-2"]).refused_by == (away,)


def test_with_both_models_stopped_nobody_is_served(world: World) -> None:
    both = [stop("FF_MODEL_ROUTE", "model.orion-2"), stop("FF_MODEL_ROUTE", "model.orion-1", 2)]
    assert judge(rules_from(both), world, world.routes[0]).refused_by == (both[1],)


def test_tools_and_agents_are_taken_away_and_refused_to_those_who_need_them(world: World) -> None:
    agent = world.route_of["tenant.borealis", "surface.agent", "region.north"]
    chat = world.route_of["tenant.borealis", "surface.assistant", "region.north"]
    tool, draft = stop("FF_TOOL_REVOKE", "tool.payments"), stop("FF_AGENT_DRAFT", "surface.agent", 2)
    rules = rules_from([tool, draft])
    assert judge(rules, world, agent).conditions.revoked == ("tool.payments",)
    assert judge(rules, world, agent).conditions.draft
    assert not judge(rules, world, chat).conditions.draft
    assert judge(rules, world, agent, ["tool.payments", "agent"]).refused_by == (tool, draft)
    assert judge(rules, world, chat, ["tool.search", "agent"]).refused_by == ()


def test_which_streams_a_stop_reaches(world: World) -> None:
    route = world.route_of["tenant.borealis", "surface.agent", "region.north"]

    def hit(switch: str, target: str, model: str = "model.orion-2", tools: tuple[str, ...] = ()) -> bool:
        return reaches(stop(switch, target), route, model, tools)

    assert hit("FF_GLOBAL_AI", "environment.range")
    assert hit("FF_TENANT_BLOCK", "tenant.borealis")
    assert not hit("FF_TENANT_BLOCK", "tenant.cascade")
    assert hit("FF_MODEL_ROUTE", "model.orion-2")
    assert not hit("FF_MODEL_ROUTE", "model.orion-2", model="model.orion-1")
    assert hit("FF_TOOL_REVOKE", "tool.payments", tools=("tool.payments",))
    assert not hit("FF_TOOL_REVOKE", "tool.payments", tools=("tool.search",))
    assert not hit("FF_AGENT_DRAFT", "surface.agent", tools=("agent",))

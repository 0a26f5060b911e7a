"""What the stopped switches mean for one request, and which open streams a stop reaches. Pure.

A request may say what it *needs* (a tool, a model, or "agent"): without it, it is served in a reduced form (fallback
model, no tool, draft); with it, it is refused. A probe proves a narrow switch by needing exactly what was taken away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from console.simulator.service import Conditions
from console.simulator.switches import SwitchState
from console.simulator.world import Route, World

AGENT = "agent"
_BLOCKS = ("FF_GLOBAL_AI", "FF_TENANT_BLOCK")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass: `refused_by` is empty, or holds every switch that refuses it, widest first."""

    refused_by: tuple[SwitchState, ...]
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Rules:
    """The stopped switches sorted by what they take away, each by inventory id."""

    blocked: dict[str, SwitchState] = field(default_factory=dict)
    revoked: dict[str, SwitchState] = field(default_factory=dict)
    rerouted: dict[str, SwitchState] = field(default_factory=dict)
    drafted: dict[str, SwitchState] = field(default_factory=dict)


def rules_from(stopped: Iterable[SwitchState]) -> Rules:
    """The rules in force while these switches are stopped."""
    rules = Rules()
    shelves = {"FF_TOOL_REVOKE": rules.revoked, "FF_MODEL_ROUTE": rules.rerouted, "FF_AGENT_DRAFT": rules.drafted}
    for state in stopped:
        (rules.blocked if state.switch in _BLOCKS else shelves[state.switch])[state.target] = state
    return rules


def judge(rules: Rules, world: World, route: Route, needs: Collection[str] = ()) -> Verdict:
    """May a request on `route` that needs `needs` pass, and under which conditions."""
    refused = [rules.blocked[place] for place in route.places if place in rules.blocked] if rules.blocked else []
    model, serving = world.serving_model, True
    if rules.rerouted and model in rules.rerouted:
        model, serving = world.fallback_model, world.fallback_model == world.serving_model
        if model in rules.rerouted:
            refused.append(rules.rerouted[model])
    drafting = [rules.drafted[place] for place in route.places if place in rules.drafted] if rules.drafted else []
    for need in needs:
        if need in rules.revoked:
            refused.append(rules.revoked[need])
        elif need in rules.rerouted:
            refused.append(rules.rerouted[need])
        elif need == AGENT:
            refused.extend(drafting)
    conditions = Conditions(model, serving, tuple(rules.revoked), bool(drafting))
    return Verdict(tuple(dict.fromkeys(refused)), conditions)


def reaches(stop: SwitchState, route: Route, model: str, tools: Collection[str]) -> bool:
    """Whether an open stream on `route`, written by `model` and using `tools`, must end when `stop` takes effect."""
    if stop.switch in _BLOCKS:
        return stop.target in route.places
    if stop.switch == "FF_TOOL_REVOKE":
        return stop.target in tools
    return stop.switch == "FF_MODEL_ROUTE" and stop.target == model

"""What the stopped switches mean for one request, and which open streams a stop reaches. Pure.

A request may say what it *needs* (a tool, a model, an index, or an ability such as "agent"): without it, it is served
in a reduced form (fallback model, no tool, draft); with it, it is refused. A probe proves a narrow switch by needing
exactly what was taken away. Rules are made once a change, so that an ordinary request costs a few look-ups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from console.simulator.effects import AGENT, EFFECTS, EVERYTHING, IMPLIED, ITEM, WRITE
from console.simulator.patterns import normalised
from console.simulator.service import Conditions
from console.simulator.switches import SwitchState
from console.simulator.world import Route, World

_Places = dict[str, list[SwitchState]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass: `refused_by` is empty, or holds every switch that refuses it, widest first.

    `notices` are what the user is told of whatever is missing (SWI-10).
    """

    refused_by: tuple[SwitchState, ...]
    conditions: Conditions
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The stopped switches sorted by what they take away: all of a place, an item by its id, an ability by place."""

    blocked: _Places = field(default_factory=dict)
    items: dict[str, SwitchState] = field(default_factory=dict)
    abilities: dict[str, _Places] = field(default_factory=dict)
    patterns: tuple[tuple[str, SwitchState], ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is stopped at all."""
        return bool(self.blocked or self.items or self.abilities or self.patterns)


def rules_from(stopped: Iterable[SwitchState], patterns: Mapping[str, str] | None = None) -> Rules:
    """The rules in force while these switches are stopped; `patterns` are the texts of pattern items by id."""
    rules, found = Rules(), []
    for state in stopped:
        takes = EFFECTS[state.switch].takes
        if takes == EVERYTHING:
            rules.blocked.setdefault(state.target, []).append(state)
        elif takes != ITEM:
            rules.abilities.setdefault(takes, {}).setdefault(state.target, []).append(state)
        elif text := normalised((patterns or {}).get(state.target, "")):
            found.append((text, state))
        else:
            rules.items[state.target] = state
    return Rules(rules.blocked, rules.items, rules.abilities, tuple(found))


def judge(rules: Rules, world: World, route: Route, needs: Collection[str] = (), text: str = "") -> Verdict:
    """May a request on `route` that needs `needs` and says `text` pass, and under which conditions."""
    if not rules.any:
        return Verdict((), Conditions(world.serving_model, serving=True))
    missing = {word: _at(places, route) for word, places in rules.abilities.items()}
    missing = {word: states for word, states in missing.items() if states}
    model, models_gone = _model(rules, world)
    refused = [*_at(rules.blocked, route), *models_gone]
    for need in needs:
        refused += [rules.items[need]] if need in rules.items else []
        for word in (need, *IMPLIED.get(need, ())):
            refused += missing.get(word, [])
    refused += _matching(rules, text)
    without = frozenset(missing) | ({AGENT} if WRITE in missing else frozenset())
    conditions = Conditions(model, model == world.serving_model, tuple(rules.items), without)
    return Verdict(tuple(dict.fromkeys(refused)), conditions, _notices(rules, world, route, missing, model))


def reaches(stop: SwitchState, route: Route, model: str, uses: Collection[str]) -> bool:
    """Whether an open stream on `route`, written by `model` and using `uses`, must end when `stop` takes effect."""
    effect = EFFECTS[stop.switch]
    if not effect.cuts:
        return False
    if effect.takes == ITEM:
        return stop.target == model or stop.target in uses
    whole = effect.takes == EVERYTHING or effect.ends_sessions
    return stop.target in route.places and (whole or bool(_needed(uses) & {effect.takes}))


def _needed(uses: Collection[str]) -> set[str]:
    return {word for one in uses for word in (one, *IMPLIED.get(one, ()))}


def _at(places: _Places, route: Route) -> list[SwitchState]:
    return [state for place in route.places if place in places for state in places[place]]


def _model(rules: Rules, world: World) -> tuple[str, list[SwitchState]]:
    """The model that answers, and the switch that leaves none."""
    if world.serving_model not in rules.items:
        return world.serving_model, []
    gone = rules.items.get(world.fallback_model)
    return world.fallback_model, [gone] if gone is not None else []


def _matching(rules: Rules, text: str) -> list[SwitchState]:
    if not rules.patterns or not text:
        return []
    said = normalised(text)
    return [state for pattern, state in rules.patterns if pattern in said]


def _notices(
    rules: Rules, world: World, route: Route, missing: Mapping[str, list[SwitchState]], model: str
) -> tuple[str, ...]:
    """What this route goes without, in the words for its users, each once."""
    switches = ["FF_MODEL_ROUTE"] if model != world.serving_model else []
    switches += [state.switch for states in missing.values() for state in states]
    switches += [rules.items[s].switch for s in world.segments_of(route.index) if s in rules.items]
    return tuple(dict.fromkeys(EFFECTS[s].notice for s in switches if EFFECTS[s].notice))

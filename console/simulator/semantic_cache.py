"""The semantic cache: answers given before to the same question, kept apart by tenant, surface and model.

Only a request that says so may be answered from it; a hit costs nothing and is told as one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from console.simulator.patterns import normalised
from console.simulator.service import Outcome
from console.simulator.world import Route

MAX_ENTRIES = 1000
MAX_CHARS = 400
"""Longer questions are hardly ever asked twice, so they are not kept."""


class SemanticCache:
    """Outcomes by question; the one not asked for longest is forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str, str], Outcome] = OrderedDict()

    def look_up(self, route: Route, model: str, text: str) -> Outcome | None:
        """The outcome of the same question of the same tenant, at no cost; None when there is none."""
        key = _key(route, model, text)
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return replace(found, input_tokens=0, cost_microusd=0, duration_s=0.0, tools=(), tool_calls=0)

    def keep(self, route: Route, text: str, outcome: Outcome) -> None:
        """Remembers a good answer; what was refused, ungrounded or an act of an agent is not one."""
        if outcome.kind != "grounded" or outcome.agent != "none" or len(text) > MAX_CHARS:
            return
        self._kept[_key(route, outcome.model, text)] = outcome
        while len(self._kept) > MAX_ENTRIES:
            self._kept.popitem(last=False)


def _key(route: Route, model: str, text: str) -> tuple[str, str, str, str]:
    return route.tenant, route.surface, model, normalised(text[: MAX_CHARS + 1])

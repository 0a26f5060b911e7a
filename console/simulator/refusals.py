"""The refusals of the data path that say why: a switch that is stopped, or a cap that is reached."""

from __future__ import annotations

from console.domain.budgets import Refusal as OverBudget
from console.simulator.switches import SwitchState
from console.simulator.web import Refusal


def switched_off(refused_by: tuple[SwitchState, ...], problem: str = "") -> Refusal:
    """403 naming every switch that is against the request, the widest first."""
    facts = [
        {"switch": s.switch, "target": s.target, "generation": s.generation, "command_id": s.command_id}
        for s in refused_by
    ]
    detail = problem or f"{refused_by[0].switch} is stopped on {refused_by[0].target}."
    return Refusal(403, "switched_off", detail, {**facts[0], "refused_by": facts})


def over_budget(refusal: OverBudget) -> Refusal:
    """429 naming the cap that is short, and what is left of it (TEL-3)."""
    return Refusal(429, "over_budget", refusal.sentence, {"cap": refusal.cap, "left": refusal.left})

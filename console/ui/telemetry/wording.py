"""How numbers, limits and moments of a graph are put in words, and which values its axis spans. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from console.domain.thresholds import Threshold
from console.ui.numbers import number

FAR = 2.5
"""A limit farther away than so many times the largest value is left off the axis, but never the nearest one."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class LimitLine:
    """One limit: `level` is warn or fail, `text` its number."""

    level: str
    value: float
    text: str


def tick(value: float, unit: str, step: float) -> str:
    """A number along the axis, without its unit but with the percent sign."""
    if unit == "share":
        value, step = value * 100, step * 100
    places = max(0, min(4, -math.floor(math.log10(step) + 1e-9))) if step > 0 else 0
    if abs(step - 2.5 * 10**-places) < step * 1e-6:
        places += 1
    return f"{value:,.{places}f}" + ("%" if unit == "share" else "")


def limits(rule: Threshold) -> list[LimitLine]:
    """Every limit of a rule with its number."""
    found = []
    for limit in (rule.floor, rule.ceiling):
        if limit is not None:
            levels = (
                (("fail", limit.fail),) if limit.warn == limit.fail else (("warn", limit.warn), ("fail", limit.fail))
            )
            found += [LimitLine(level, value, number(value, rule.unit)) for level, value in levels]
    return found


def rule_sentence(rule: Threshold) -> str:
    """What the rule says, for the enlarged graph."""
    parts = []
    if rule.floor is not None:
        warn, fail = number(rule.floor.warn, rule.unit), number(rule.floor.fail, rule.unit)
        parts.append(f"warns below {warn}, fails below {fail}")
    if rule.ceiling is not None:
        warn, fail = number(rule.ceiling.warn, rule.unit), number(rule.ceiling.fail, rule.unit)
        parts.append(f"warns above {warn}, fails above {fail}")
    judged = "; ".join(parts) or "has no limits: drawn, never judged"
    return f"{rule.metric} {judged}; judged over {rule.window_s} s from {rule.min_samples} samples on"


def clock(moment: datetime) -> str:
    """A time of day as everywhere on the desk."""
    return f"{moment:%H:%M:%S} UTC"


def span(low: float, high: float, rule: Threshold) -> tuple[float, float]:
    """(bottom, top) of an axis that holds the values from `low` to `high` and the limits near them."""
    values = [v for v in (low, high) if math.isfinite(v)]
    limits_here = sorted((v for side in (rule.floor, rule.ceiling) if side for v in (side.warn, side.fail)), key=abs)
    if not values:
        values = limits_here or [0.0, 1.0]
    reach = max(abs(v) for v in values)
    near = [v for v in limits_here if abs(v) <= FAR * reach]
    nearest = sorted(limits_here, key=lambda v: abs(v - values[-1]))[:1]
    values += near or nearest
    bottom, top = min(values), max(values)
    if bottom >= 0 and bottom < 0.6 * top:
        bottom = 0.0
    if top - bottom < 1e-9 * max(abs(top), 1):
        top, bottom = top + max(abs(top) * 0.5, 0.01), min(bottom, 0.0)
    margin = (top - bottom) * 0.08
    return (bottom - margin if bottom > 0 else bottom - margin / 4), top + margin


def nice(raw: float) -> float:
    """The next round step that is at least `raw`."""
    if raw <= 0 or not math.isfinite(raw):
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in _STEPS if step * power >= raw * 0.9)


def ticks(bottom: float, top: float, step: float, unit: str) -> list[tuple[float, str]]:
    """Places along the axis with their numbers."""
    first = math.ceil(bottom / step - 1e-9)
    return [(n * step, tick(n * step, unit, step)) for n in range(first, math.floor(top / step + 1e-9) + 1)]

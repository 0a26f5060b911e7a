"""When a metric is out of bounds: the limits as `data/thresholds.yml` gives them, and how a series is named.

Limits are strict: a value exactly on its limit is still allowed. `judge.py` applies them to a window of time (TEL-2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from console.domain.errors import InputError

BEHAVIOUR, INFRASTRUCTURE = "behaviour", "infrastructure"
METRIC_KINDS = (BEHAVIOUR, INFRASTRUCTURE)
AGGREGATES = ("mean", "rate", "sum_per_min", "max")
DIRECTIONS = ("floor", "ceiling", "band")
DIMENSIONS = ("model", "region", "surface", "tenant")
"""Names a sample may be keyed by, in the order a series id lists them."""

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Limit:
    """One side of what is allowed: beyond `warn` the lamp turns, beyond `fail` a breach opens (strictly beyond)."""

    warn: float
    fail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A metric and its limits.

    `floor` is the lower limit, `ceiling` the upper; a band has both, a metric that is only watched has neither.
    `by` are the dimensions that samples are told apart by before they are judged; `window_s` and `clear_window_s` are
    seconds of wall time; `dead_band` is how far inside `fail` a value must be to clear. `incident_class` is the
    taxonomy class a breach opens with, `severity_floor` its least severe level at entry, and `capped_floor` ("" when it
    makes no difference) the one that holds when an automatic cap stopped the damage.
    """

    metric: str
    title: str
    unit: str
    kind: str
    aggregate: str
    direction: str
    floor: Limit | None
    ceiling: Limit | None
    by: tuple[str, ...]
    window_s: int
    min_samples: int
    clear_window_s: int
    dead_band: float
    incident_class: str
    severity_floor: str
    capped_floor: str = ""
    source: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether there is a limit at all; a metric without one is drawn, never judged."""
        return self.floor is not None or self.ceiling is not None

    def series(self, dims: Mapping[str, str]) -> str:
        """The id of the series that a sample with these dimensions is judged in."""
        return series_id(self.metric, {name: dims.get(name, "") for name in self.by})

    def beyond(self, value: float, level: str) -> str:
        """The side ("floor" or "ceiling") whose `level` ("warn" or "fail") the value is beyond, or ""."""
        if self.floor is not None and value < getattr(self.floor, level):
            return "floor"
        if self.ceiling is not None and value > getattr(self.ceiling, level):
            return "ceiling"
        return ""

    def well_inside(self, value: float, side: str) -> bool:
        """Whether the value is within `side`'s fail limit by the dead-band and beyond no other fail limit."""
        if self.beyond(value, "fail"):
            return False
        if side == "floor" and self.floor is not None:
            return value >= self.floor.fail + self.dead_band
        return self.ceiling is None or value <= self.ceiling.fail - self.dead_band

    def limit(self, side: str) -> Limit | None:
        """The limit of that side."""
        return self.floor if side == "floor" else self.ceiling


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Every metric by name; `silent_after_s`: seconds without a sample after which a series counts as silent."""

    metrics: Mapping[str, Threshold]
    silent_after_s: int

    def metric(self, name: str) -> Threshold:
        """The metric of that name; raises InputError when none is defined."""
        try:
            return self.metrics[name]
        except KeyError:
            raise InputError(f"There is no metric '{name[:60]}'; define it in data/thresholds.yml.") from None


def beyond_limits(thresholds: Thresholds, measures: Mapping[str, str]) -> tuple[str, ...]:
    """The measured metrics (name -> decimal text) that are beyond their fail limit; unknown metrics have none.

    Raises InputError for a value that is no number: what cannot be judged must not pass.
    """
    found = []
    for name, text in measures.items():
        threshold = thresholds.metrics.get(name)
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"The measure '{name[:60]}' is '{text[:40]}', not a number; measure again.") from None
        if not math.isfinite(value) or (threshold is not None and threshold.beyond(value, "fail")):
            found.append(name)
    return tuple(sorted(found))


def series_id(metric: str, dims: Mapping[str, str]) -> str:
    """`metric{name=value,...}` with names sorted and empty values left out.

    Raises InputError for a value that is no plain label: text from outside must not be able to name another's series.
    """
    for name, value in dims.items():
        if value and not _LABEL.fullmatch(value):
            raise InputError(
                f"The dimension '{name[:20]}' of {metric} has the value {value[:40]!r}; "
                "use letters, digits, '.', '_' and '-'."
            )
    return f"{metric}{{{','.join(f'{name}={dims[name]}' for name in sorted(dims) if dims[name])}}}"


def decimal_text(value: float) -> str:
    """A measured value as events carry it: a plain decimal with at most six places, without exponent or "-0"."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

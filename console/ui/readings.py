"""What every metric reads now, of the chosen target and of everybody: sums by slot of time, judged by the thresholds.

A slot is a quarter of a second, the pace of the metric stream, counted from 1970; time is the source's own. `Following`
feeds it. Names of series come from outside and are only
ever taken apart, never shown from here. Knows numpy and nothing of Qt.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from console.domain.inventory import InventoryItem
from console.domain.judge import ABNORMAL, NORMAL, SILENT, UNKNOWN, WARNING
from console.domain.thresholds import Threshold, Thresholds
from console.runtime.rings import RING, Sample

Floats = np.ndarray[Any, np.dtype[np.float64]]

SLOT_US = 250_000
SLOT_S = 0.25
CAPACITY = RING
TARGET, ALL = "target", "all"
FAST_S = 5.0
"""Seconds that the quick line looks back: short enough to see a change at once."""
BRIDGED = 4
"""Slots without a batch that are still one line; what is longer is a gap in the stream."""
SET_BACK = 120
"""A batch so many slots older than the newest means that the source's clock was set back."""
_NAMES = 4_000


class Columns:
    """Number, sum and largest of one metric's observations by slot, the newest `CAPACITY` slots."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.newest = -1
        self.measured = -1
        """Newest slot with an observation."""
        self.n = np.zeros(capacity)
        self.sum = np.zeros(capacity)
        self.most = np.full(capacity, -np.inf)

    def advance(self, slot: int) -> None:
        """Makes room up to and with `slot`."""
        fresh = slot - self.newest
        if fresh <= 0:
            return
        if self.newest < 0 or fresh >= self.capacity:
            places: Any = slice(None)
        elif fresh == 1:
            places = slot % self.capacity
        else:
            places = np.arange(self.newest + 1, slot + 1) % self.capacity
        self.n[places], self.sum[places], self.most[places] = 0.0, 0.0, -np.inf
        self.newest = slot

    def add(self, slot: int, n: int, total: float, most: float) -> None:
        """Adds a block to its slot; one that is too old is left out."""
        if n <= 0 or slot <= self.newest - self.capacity:
            return
        self.advance(slot)
        place = slot % self.capacity
        self.n[place] += n
        self.sum[place] += total
        self.most[place] = max(self.most[place], most)
        self.measured = max(self.measured, slot)

    def add_many(self, slots: Floats, n: Floats, total: Floats, most: Floats) -> None:
        """`add` for many blocks at once, in any order."""
        kept = (n > 0) & (slots > self.newest - self.capacity)
        if not kept.any():
            return
        self.advance(int(slots[kept].max()))
        kept &= slots > self.newest - self.capacity
        slots = slots[kept].astype(np.int64)
        places = slots % self.capacity
        np.add.at(self.n, places, n[kept])
        np.add.at(self.sum, places, total[kept])
        np.maximum.at(self.most, places, most[kept])
        self.measured = max(self.measured, int(slots.max()))

    def aggregate(self, how: str, span: int, end: int) -> tuple[float, int]:
        """(value, observations) over the `span` slots that end with `end`; NaN without an observation."""
        end = min(end, self.newest)
        first = max(end - span + 1, self.newest - self.capacity + 1, 0)
        if end < first:
            return math.nan, 0
        pieces = _pieces(first, end + 1, self.capacity)
        samples = sum(float(self.n[piece].sum()) for piece in pieces)
        if samples <= 0:
            return math.nan, 0
        if how == "max":
            return max(float(self.most[piece].max()) for piece in pieces), int(samples)
        total = sum(float(self.sum[piece].sum()) for piece in pieces)
        return (total * 60 / (span * SLOT_S) if how == "sum_per_min" else total / samples), int(samples)

    def rolled(self, how: str, span: int, first: int, last: int, least: int = 1) -> Floats:
        """`aggregate` at each slot from `first` to `last`, all at once; NaN where it is of fewer than `least`."""
        oldest = max(self.newest - self.capacity + 1, 0)
        begin = max(first - span + 1, oldest)
        places = np.arange(begin, last + 1) % self.capacity
        ends = np.arange(first, last + 1) - begin + 1
        starts = np.maximum(ends - span, 0)
        counts = np.concatenate(([0.0], np.cumsum(self.n[places])))
        samples = counts[ends] - counts[starts]
        if how == "max":
            padded = np.concatenate((np.full(span, -np.inf), self.most[places]))
            values = np.lib.stride_tricks.sliding_window_view(padded, span)[ends].max(axis=1)
        else:
            sums = np.concatenate(([0.0], np.cumsum(self.sum[places])))
            total = sums[ends] - sums[starts]
            values = total * 60 / (span * SLOT_S) if how == "sum_per_min" else total / np.maximum(samples, 1)
        return np.where(samples > least - 0.5, values, np.nan)


def _pieces(first: int, stop: int, capacity: int) -> Sequence[slice]:
    """The places of slots `first` up to `stop` in a ring, as one or two slices."""
    a, b = first % capacity, (stop - 1) % capacity + 1
    return (slice(a, b),) if a < b else (slice(a, capacity), slice(0, b))


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric now: `state` as of the lamps, `value` None when nothing was measured, `last_us` of the last sample."""

    metric: str
    state: str
    value: float | None
    samples: int
    last_us: int


class Readings:
    """Sums of chosen metrics for one target (None: everybody only) and for everybody."""

    def __init__(self, thresholds: Thresholds, metrics: Iterable[str], item: InventoryItem | None = None) -> None:
        self.rules: Mapping[str, Threshold] = {m: thresholds.metrics[m] for m in metrics if m in thresholds.metrics}
        self.silent_after_s = thresholds.silent_after_s
        self.item = item
        self.newest = -1
        """Slot of the newest batch."""
        self.unmapped: set[str] = set()
        """Series of metrics that nobody defined, as they came: hostile until shown as plain text."""
        self._known = frozenset(thresholds.metrics)
        self._columns = {(m, scope): Columns() for m in self.rules for scope in (TARGET, ALL)}
        self._names: dict[str, tuple[str, bool]] = {}

    def columns(self, metric: str, scope: str) -> Columns:
        """The sums of one metric."""
        return self._columns[metric, scope]

    def take(self, samples: Iterable[Sample]) -> bool:
        """Adds a batch; True when the source's clock was set back, so that everything before it was forgotten."""
        batch = list(samples)
        newest = max((sample.t_us // SLOT_US for sample in batch), default=-1)
        set_back = 0 <= newest < self.newest - SET_BACK
        if set_back:
            self.newest = -1
            self._columns = {key: Columns() for key in self._columns}
        self._advance(newest)
        for sample in batch:
            self._add(sample)
        return set_back

    def fill(self, samples: Sequence[Sample]) -> None:
        """Adds samples of one series, of any age; what is older than everything kept is left out."""
        metric, mine = self.place(samples[0].series) if samples else ("", False)
        if not metric:
            return
        table = np.array([(s.t_us // SLOT_US, s.n, s.sum, s.max) for s in samples], dtype=float).T
        self._advance(int(table[0].max()))
        for scope in (ALL, TARGET) if mine else (ALL,):
            self._columns[metric, scope].add_many(table[0], table[1], table[2], table[3])

    def value_at(self, metric: str, scope: str, slot: int, span_s: float, least: int = 1) -> float:
        """The metric over `span_s` seconds that end with `slot`; NaN when it is silent there.

        So it is of fewer than `least` observations.
        """
        columns = self._columns[metric, scope]
        if slot - columns.measured > self.silent_after_s / SLOT_S:
            return math.nan
        value, samples = columns.aggregate(self.rules[metric].aggregate, round(span_s / SLOT_S), slot)
        return value if samples >= least else math.nan

    def reading(self, metric: str, scope: str, now_slot: int, breached: bool = False) -> Reading:
        """What the metric reads at `now_slot` over its own window; `breached` is the plane's word, which wins."""
        rule, columns = self.rules[metric], self._columns[metric, scope]
        last_us = max(columns.measured, 0) * SLOT_US
        if columns.measured < 0:
            return Reading(metric, ABNORMAL if breached else UNKNOWN, None, 0, 0)
        if now_slot - columns.measured > self.silent_after_s / SLOT_S:
            return Reading(metric, ABNORMAL if breached else SILENT, None, 0, last_us)
        value, samples = columns.aggregate(rule.aggregate, round(rule.window_s / SLOT_S), self.newest)
        if breached:
            state = ABNORMAL
        elif math.isnan(value) or not rule.is_judged or samples < rule.min_samples:
            state = NORMAL if not rule.is_judged and samples else UNKNOWN
        else:
            state = ABNORMAL if rule.beyond(value, "fail") else WARNING if rule.beyond(value, "warn") else NORMAL
        return Reading(metric, state, None if math.isnan(value) else value, samples, last_us)

    def names(self, metric: str, scope: str) -> list[str]:
        """The series that a line is made of, sorted, as they came."""
        mine = ((name, known) for name, known in self._names.items() if known[0] == metric)
        return sorted(name for name, (_, in_target) in mine if scope == ALL or in_target)

    def place(self, series: str) -> tuple[str, bool]:
        """(metric, whether the target's) of a series; the metric is "" for one that is not asked for."""
        found = self._names.get(series)
        if found is None:
            metric, _, rest = series.partition("{")
            if metric not in self._known and len(self.unmapped) < _NAMES:
                self.unmapped.add(series)
            found = (metric if metric in self.rules else "", self._touches(rest.removesuffix("}").split(",")))
            if len(self._names) < _NAMES:
                self._names[series] = found
        return found

    def _advance(self, newest: int) -> None:
        if newest > self.newest:
            self.newest = newest
            for columns in self._columns.values():
                columns.advance(newest)

    def _add(self, sample: Sample) -> None:
        metric, mine = self.place(sample.series)
        if not metric:
            return
        slot = sample.t_us // SLOT_US
        self._columns[metric, ALL].add(slot, sample.n, sample.sum, sample.max)
        if mine:
            self._columns[metric, TARGET].add(slot, sample.n, sample.sum, sample.max)

    def _touches(self, dims: Sequence[str]) -> bool:
        """Whether a series runs through the target: it names it, or a tenant whose traffic passes through it."""
        item = self.item
        if item is None or item.kind == "environment":
            return False
        values = {text.partition("=")[0]: text.partition("=")[2] for text in dims}
        if item.kind in ("tool", "index"):
            return values.get("tenant", "") in item.tenants
        return values.get(item.kind, "") == item.id


def breached_metrics(lamps: Mapping[str, Any], item: InventoryItem | None) -> frozenset[str]:
    """Metrics that the plane's lamps call abnormal, for the item (None or an environment: for anybody)."""
    found = set()
    for lamp in lamps.values():
        if not isinstance(lamp, Mapping) or lamp.get("state") != ABNORMAL:
            continue
        for series in lamp.get("because", ()):
            metric, _, rest = str(series).partition("{")
            everybody = item is None or item.kind == "environment"
            if everybody or item.id in [part.partition("=")[2] for part in rest.removesuffix("}").split(",")]:
                found.add(metric)
    return frozenset(found)

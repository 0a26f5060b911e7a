"""The newest samples of every series in memory: what live plots draw from, so painting touches no disk and no net.

A series is a metric with its dimensions; its name is `metric{model=..,region=..}` with sorted dimensions. Any thread
may read and one thread adds; a snapshot is a copy.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

RING = 3_600
"""Samples kept a series: fifteen minutes of one each 250 ms."""
RECENT = 240
"""Batches kept as they came, a minute of them: what a plot that follows takes from."""
SERIES = 2_000
"""Series kept; a source that names more has gone wrong, what comes beyond is counted and dropped."""
_MAX_TEXT = 200
_MOST = 2**53
"""Beyond it no measure of ours lies, and integers stop being exact as floats; NaN and infinity fail the comparison."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One block of a series: `n` measurements ending at `t_us`, their sum, smallest and largest."""

    series: str
    t_us: int
    n: int
    sum: float
    min: float
    max: float

    @property
    def mean(self) -> float:
        """The mean of the block, NaN when nothing was measured in it."""
        return self.sum / self.n if self.n else math.nan


def series_name(metric: str, dims: Mapping[str, str]) -> str:
    """The one spelling of a series."""
    return metric + "{" + ",".join(f"{name}={dims[name]}" for name in sorted(dims)) + "}"


def samples_of(block: Mapping[str, Any]) -> tuple[Sample, ...]:
    """The samples in one message of the metric stream; what is malformed in it is left out."""
    t_us, listed = block.get("t"), block.get("samples")
    if not isinstance(t_us, int) or not 0 <= t_us < _MOST or not isinstance(listed, list):
        return ()
    return tuple(sample for item in listed if (sample := _sample(t_us, item)) is not None)


def _sample(t_us: int, item: Any) -> Sample | None:
    if not isinstance(item, dict) or not isinstance(item.get("dims"), dict):
        return None
    metric, n = item.get("metric"), item.get("n")
    if not isinstance(metric, str) or not isinstance(n, int) or not 0 <= n < _MOST:
        return None
    given = [item.get(name) for name in ("sum", "min", "max")]
    numbers = [float(number) for number in given if isinstance(number, int | float) and -_MOST < number < _MOST]
    if len(numbers) != len(given):
        return None
    name = series_name(metric, {str(k): str(v) for k, v in item["dims"].items()})
    return Sample(name, t_us, n, *numbers) if len(name) <= _MAX_TEXT else None


class Rings:
    """One ring a series."""

    def __init__(self, length: int = RING, series: int = SERIES) -> None:
        self._length, self._series = length, series
        self._rings: dict[str, deque[Sample]] = {}
        self._busy = threading.Lock()
        self.dropped = 0
        """Samples of series beyond the limit."""
        self.batches = 0
        """Batches added so far."""
        self._recent: deque[tuple[Sample, ...]] = deque(maxlen=RECENT)

    def add(self, samples: Iterable[Sample]) -> None:
        """Adds samples at their series' end."""
        batch = tuple(samples)
        with self._busy:
            self.batches += 1
            self._recent.append(batch)
            for sample in batch:
                ring = self._rings.get(sample.series)
                if ring is None:
                    if len(self._rings) >= self._series:
                        self.dropped += 1
                        continue
                    ring = self._rings[sample.series] = deque(maxlen=self._length)
                ring.append(sample)

    def since(self, batches: int) -> tuple[int, list[tuple[Sample, ...]]] | None:
        """(batches so far, those after the first `batches` of them); None when some of them are gone already."""
        with self._busy:
            fresh = self.batches - batches
            if fresh > len(self._recent):
                return None
            return self.batches, list(self._recent)[len(self._recent) - fresh :]

    def names(self) -> tuple[str, ...]:
        """The series seen so far, sorted."""
        with self._busy:
            return tuple(sorted(self._rings))

    def snapshot(self, series: str, newest: int = RING) -> tuple[Sample, ...]:
        """A copy of the newest samples of a series, oldest first; empty for one that was never seen."""
        with self._busy:
            ring = self._rings.get(series, ())
            skip = max(len(ring) - newest, 0)
            return tuple(ring)[skip:]

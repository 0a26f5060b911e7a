"""Smallest and largest value a bucket of samples, kept up to date as samples come: what a line is drawn from.

Buckets are aligned on the absolute sample index, so only the newest ever changes and an append costs what it brings,
however long the history is (performance.md, *Graphs*). Knows numpy and nothing of Qt: rows (x1, y1, x2, y2) are laid
out as QLineF wants them. NaN is "no value"; a bucket without a value is a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Rows = Callable[[int], Floats]
"""Makes `n` rows of four floats."""


def plain_rows(n: int) -> Floats:
    """Rows in an ordinary array."""
    return np.empty((n, 4))


class Buckets:
    """Bars of `width` samples each, the newest `count` of them; `rows` says where their lines lie in memory.

    Each bar is written twice, `count` rows apart, so that any run of up to `count` bars lies in one piece. Its x is the
    index of its first sample less `origin`, times `step`. Neighbouring bars are joined: each reaches as far as the one
    before it. Of single samples (`width` 1) a line through the values is drawn instead.
    """

    def __init__(self, width: int, count: int, *, step: float = 1.0, origin: int = 0, rows: Rows = plain_rows) -> None:
        self.width, self.count = max(width, 1), max(count, 1)
        self.newest = -1
        """Absolute index of the newest bucket, -1 before the first sample."""
        self._step, self._origin = step, origin
        self._low = np.full(self.count, np.nan)
        self._high = np.full(self.count, np.nan)
        self._last = np.nan
        self.rows = rows(2 * self.count)
        self.rows.fill(np.nan)
        self._holes = 0

    def append(self, index: int, value: float) -> None:
        """Adds the sample of that index; indices only grow (one that is older than the newest bucket is left out)."""
        bucket = index // self.width
        if bucket < self.newest:
            return
        if bucket > self.newest:
            self._advance(bucket)
        if value == value:  # not NaN
            place = bucket % self.count
            low, high = self._low[place], self._high[place]
            if low != low:
                self._low[place] = self._high[place] = value
                self._holes -= 1
            elif value < low:
                self._low[place] = value
            elif value > high:
                self._high[place] = value
            else:
                return
            self._draw(bucket)

    def extend(self, index: int, values: Floats) -> None:
        """Adds consecutive samples beginning at `index`: what `append` for each would do, quicker for many."""
        end = index + len(values)
        # older ones would be pushed out at once, but the oldest bar reaches as far as the one before it did
        at = max(index, ((end - 1) // self.width - self.count) * self.width)
        while at < end:
            stop = min((at // self.width + 1) * self.width, end)
            piece = values[at - index : stop - index]
            low, high = float(np.fmin.reduce(piece)), float(np.fmax.reduce(piece))
            self.append(at, low)
            if high != low:
                self.append(at, high)
            at = stop

    def window(self, bars: int) -> tuple[int, int]:
        """(first row, rows) of the newest `bars` bars; rows of gaps in it are NaN."""
        bars = min(bars, self.count, self.newest + 1)
        return ((self.newest - bars + 1) % self.count, bars) if bars > 0 else (0, 0)

    def runs(self, bars: int) -> list[tuple[int, int]]:
        """(first row, rows) of every run without a gap in the newest `bars` bars, oldest first."""
        start, length = self.window(bars)
        if length == 0:
            return []
        if self._holes <= 0:
            return [(start, length)]
        there = np.isfinite(self.rows[start : start + length, 1])
        edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
        return [(start + int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def bounds(self, bars: int) -> tuple[float, float]:
        """The smallest and the largest value among the newest `bars` bars; NaN when there is none."""
        start, length = self.window(bars)
        if length == 0:
            return np.nan, np.nan
        part = self.rows[start : start + length, 1::2]
        return float(np.fmin.reduce(part, axis=None)), float(np.fmax.reduce(part, axis=None))

    def _advance(self, bucket: int) -> None:
        """Empties the places that the new bucket and skipped ones before it take."""
        first = max(self.newest + 1, bucket - self.count + 1) if self.newest >= 0 else bucket
        if self.newest < 0:
            self._holes = self.count  # whatever was never filled
        for one in range(first, bucket + 1):
            place = one % self.count
            if self._low[place] == self._low[place]:
                self._holes += 1
            self._low[place] = self._high[place] = np.nan
            self.rows[place] = self.rows[place + self.count] = np.nan
        self.newest = bucket

    def _draw(self, bucket: int) -> None:
        place, before = bucket % self.count, (bucket - 1) % self.count
        low, high = self._low[place], self._high[place]
        x = (bucket * self.width - self._origin) * self._step
        known = self.count > 1 and self._low[before] == self._low[before]
        if self.width == 1:
            row = (x - self._step, self._low[before], x, low) if known else (x, low, x, low)
        elif known:
            row = (x, min(low, self._high[before]), x, max(high, self._low[before]))
        else:
            row = (x, low, x, high)
        self.rows[place] = self.rows[place + self.count] = row


class Track:
    """One line of a graph: its newest `capacity` values by absolute index, and bars of the width last asked for."""

    def __init__(self, capacity: int, *, step: float = 1.0, origin: int = 0, rows: Rows = plain_rows) -> None:
        self.capacity = capacity
        self.newest = -1
        self.bars = Buckets(1, 1, step=step, origin=origin, rows=rows)
        self._values = np.full(capacity, np.nan)
        self._step, self._origin, self._rows = step, origin, rows

    def append(self, index: int, value: float) -> None:
        """Adds the value of that index; what was skipped is a gap, what is not newer is left out."""
        if index <= self.newest:
            return
        if index > self.newest + 1:
            self._skip(index)
        self._values[index % self.capacity] = value
        self.newest = index
        self.bars.append(index, value)

    def extend(self, index: int, values: Floats) -> None:
        """Adds consecutive values beginning at `index`, which must be newer than everything there."""
        late = self.newest + 1 - index
        if late > 0:
            index, values = index + late, values[late:]
        if not len(values):
            return
        if index > self.newest + 1:
            self._skip(index)
        kept = values[-self.capacity :]
        first = index + len(values) - len(kept)
        place = first % self.capacity
        head = min(self.capacity - place, len(kept))
        self._values[place : place + head] = kept[:head]
        self._values[: len(kept) - head] = kept[head:]
        self.newest = index + len(values) - 1
        self.bars.extend(first, kept)

    def values(self, last: int) -> tuple[int, Floats]:
        """(index of the first, values) of the newest `last` values, oldest first; fewer when there are not as many."""
        last = min(last, self.capacity, self.newest + 1)
        first = self.newest - last + 1
        return first, self._values[np.arange(first, self.newest + 1) % self.capacity]

    def fit(self, width: int, count: int) -> None:
        """Makes the bars anew, `count` of `width` values each; cheap when they are so already."""
        if (self.bars.width, self.bars.count) == (width, count):
            return
        self.bars = Buckets(width, count, step=self._step, origin=self._origin, rows=self._rows)
        kept = max((self.newest // width - count) * width, 0)
        first, values = self.values(self.newest + 1 - kept)
        self.bars.extend(first, values)

    def _skip(self, index: int) -> None:
        """Forgets what lay where the skipped indices will lie."""
        skipped = min(index - self.newest - 1, self.capacity)
        if self.newest >= 0:
            self._values[np.arange(index - skipped, index) % self.capacity] = np.nan

"""Keeps readings at the metric stream: first what the rings already hold, a few series a step, then batch by batch.

A step takes no longer than its budget, so a panel that begins to follow never keeps the window waiting. Nothing is
counted twice: history up to the newest batch at the start comes from the rings, everything later from the batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from console.runtime.rings import RING, Rings, Sample
from console.ui.readings import SLOT_US, Readings

BUDGET_S = 0.008
MOST_BATCHES = 24
"""Batches taken a step: six seconds of the stream."""


class Following:
    """Follows one set of rings into readings that `fresh` makes, from the newest `history` samples of each series on.

    `anew` is True after a step that began from nothing: at the start, when the follower fell behind what the rings keep
    as batches, and when the source's clock was set back. What was made of the readings must be made again then.
    """

    def __init__(
        self,
        rings: Rings,
        fresh: Callable[[], Readings],
        clock: Callable[[], float] = time.monotonic,
        history: int = RING,
    ) -> None:
        self._rings, self._fresh, self._clock, self._history = rings, fresh, clock, history
        self.arrived = 0.0
        """When the newest batch was taken, by `clock`."""
        self._begin()

    def _begin(self) -> None:
        self.readings = self._fresh()
        newest = self._rings.since(max(self._rings.batches - 1, 0)) or (0, [])
        self._cursor, batches = newest
        self._until_us = max((sample.t_us for batch in batches for sample in batch), default=-1)
        self._waiting = list(self._rings.names()) if self._until_us >= 0 else []
        self.anew = True
        self._told = False

    @property
    def ready(self) -> bool:
        """Whether history is in."""
        return not self._waiting

    @property
    def edge(self) -> float:
        """The present in slots of the source's time: the newest batch and what has passed since it came."""
        if self.readings.newest < 0:
            return 0.0
        return self.readings.newest + (self._clock() - self.arrived) * 1_000_000 / SLOT_US

    def step(self) -> Iterator[int]:
        """Takes what is new; yields the slot of each batch right after it was added. Nothing while history comes in."""
        if self._told:
            self.anew = False
        if self._waiting:
            self._take_history()
            return
        self._told = True
        news = self._rings.since(self._cursor)
        if news is None:
            self._begin()
            return
        for batch in news[1][:MOST_BATCHES]:
            self._cursor += 1
            if not batch:
                continue
            if self.readings.take(batch):
                self.anew = True
            self.arrived = self._clock()
            yield self.readings.newest

    def _take_history(self) -> None:
        until = self._clock() + BUDGET_S
        while self._waiting and self._clock() < until:
            name = self._waiting.pop()
            if self.readings.place(name)[0]:
                self.readings.fill(self._old(self._rings.snapshot(name, self._history)))
        self.arrived = self._clock()

    def _old(self, samples: tuple[Sample, ...]) -> list[Sample]:
        return [sample for sample in samples if sample.t_us <= self._until_us]

"""The three lines of one graph: the target judged over its rule's window, the last seconds of it, and everybody.

Values stand by absolute slot (a quarter of a second). A pause of the stream, or a metric that fell silent, is a gap.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from console.ui.readings import ALL, BRIDGED, CAPACITY, FAST_S, SLOT_S, TARGET, Floats, Readings
from console.ui.telemetry.buckets import Track

TREND, FAST, EVERYBODY = "trend", "fast", "everybody"

FAST_LEAST = 10
"""Observations that the quick line takes: of fewer it would only be noise."""


class Lines:
    """`origin` is the slot that lies at x = 0; x runs in seconds. `scope` is what trend and fast are of."""

    def __init__(self, metric: str, scope: str, origin: int) -> None:
        self.metric, self.scope, self.origin = metric, scope, origin
        self.tracks = {name: Track(CAPACITY, step=SLOT_S, origin=origin) for name in self.drawn()}

    def drawn(self) -> tuple[str, ...]:
        """Names of the lines, in the order they are painted; without a target there is no second one to compare."""
        return (FAST, EVERYBODY, TREND) if self.scope == TARGET else (FAST, TREND)

    def fit(self, width: int, count: int) -> None:
        """Bars of another width."""
        for track in self.tracks.values():
            track.fit(width, count)

    def follow(self, readings: Readings, slot: int) -> None:
        """Adds the values at `slot`, where a batch was just added."""
        for name, track in self.tracks.items():
            scope, span_s, least = self._of(name, readings)
            value = readings.value_at(self.metric, scope, slot, span_s, least)
            if track.newest >= 0 and 1 < slot - track.newest <= BRIDGED:
                for between in range(track.newest + 1, slot):
                    track.append(between, value)
            track.append(slot, value)

    def recompute(self, readings: Readings, there: Floats, first: int) -> None:
        """Makes all lines from the sums; `there` says from slot `first` on where the stream was (see `presence`)."""
        for name, track in self.tracks.items():
            scope, span_s, least = self._of(name, readings)
            columns = readings.columns(self.metric, scope)
            last = first + len(there) - 1
            how = readings.rules[self.metric].aggregate
            values = columns.rolled(how, round(span_s / SLOT_S), first, last, least)
            places = np.arange(first, last + 1) % columns.capacity
            heard = since_last(columns.n[places] > 0) <= readings.silent_after_s / SLOT_S
            track.extend(first, np.where(heard & (there > 0), values, np.nan))

    def _of(self, name: str, readings: Readings) -> tuple[str, float, int]:
        """(scope, seconds it looks back, observations it takes); what is judged needs as many as the judge does."""
        scope, rule = ALL if name == EVERYBODY else self.scope, readings.rules[self.metric]
        return (scope, FAST_S, FAST_LEAST) if name == FAST else (scope, rule.window_s, rule.min_samples)


def presence(readings: Readings, metrics: Iterable[str]) -> tuple[int, Floats]:
    """(first slot, 1 or 0 a slot): where any metric was measured, short pauses bridged."""
    chosen = [readings.columns(metric, ALL) for metric in metrics if metric in readings.rules]
    if readings.newest < 0 or not chosen:
        return 0, np.zeros(0)
    first = max(readings.newest - CAPACITY + 1, 0)
    places = np.arange(first, readings.newest + 1) % CAPACITY
    measured = np.zeros(len(places), dtype=bool)
    for columns in chosen:
        measured |= columns.n[places] > 0
    begun = int(np.argmax(measured)) if measured.any() else len(measured)
    return first + begun, (since_last(measured[begun:]) < BRIDGED).astype(float)


def since_last(happened: np.ndarray) -> Floats:
    """At each place how many places ago it last happened; infinite before the first time."""
    places = np.arange(len(happened), dtype=float)
    last = np.maximum.accumulate(np.where(happened, places, -np.inf)) if len(happened) else places
    return places - last

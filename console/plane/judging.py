"""Judging every series of a source against the organisation's thresholds, and the two lamps that follow from it.

Pure but for what it remembers: no clock, no I/O. Feed it batches in order, each once; a series that was breached before
a restart goes on being breached (TEL-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.errors import InputError
from console.domain.inventory import InventoryItem
from console.domain.judge import Breach, Bucket, Clearing, Judgement, Lamp, SeriesJudge, behaviour_lamp, service_lamp
from console.domain.thresholds import Thresholds
from console.plane.backends import Batch, Sample

MAX_SERIES = 5_000
"""Series judged at most; more is a source gone wrong, and the newest are left out."""


@dataclass(frozen=True, slots=True)
class Lamps:
    """Service beside behaviour, over so many observations and the longest window that took part (seconds)."""

    service: Lamp
    behaviour: Lamp
    samples: int
    window_s: int

    def as_object(self) -> dict[str, Any]:
        """As it is sent to desks."""
        return {"service": _lamp(self.service), "behaviour": _lamp(self.behaviour)}


class Judging:
    """All series of one source.

    `standing` are breaches that were open when the plane last stopped, by series id.
    """

    def __init__(self, thresholds: Thresholds, standing: Mapping[str, Breach]) -> None:
        self._thresholds = thresholds
        self._standing = dict(standing)
        self._judges: dict[str, SeriesJudge] = {}
        self._latest: dict[str, Judgement] = {}
        for series, breach in self._standing.items():
            if breach.metric in thresholds.metrics:
                self._judges[series] = self._judge_for(breach.metric, breach.dims, series)

    def feed(self, batch: Batch, now_us: int) -> None:
        """Take a batch at `now_us`; samples of metrics nobody defined are left out."""
        for sample in batch.samples:
            judge = self._judge_of(sample)
            if judge is not None:
                judge.feed(Bucket(batch.t_us, sample.n, sample.sum, sample.min, sample.max), now_us)

    def judge(self, now_us: int) -> tuple[list[Breach], list[Clearing]]:
        """Judge every series at `now_us`: the breaches that opened and those that cleared in this moment."""
        opened: list[Breach] = []
        cleared: list[Clearing] = []
        for series, judge in self._judges.items():
            judgement = self._latest[series] = judge.judge(now_us)
            if judgement.opened is not None:
                opened.append(judgement.opened)
            if judgement.cleared is not None:
                cleared.append(judgement.cleared)
        return opened, cleared

    def lamps(self, item: InventoryItem | None = None) -> Lamps:
        """The lamps over everything, or over the series that name `item` (all of them for an environment)."""
        chosen = [s for s, judge in self._judges.items() if s in self._latest and _touches(judge, item)]
        judgements = [self._latest[series] for series in chosen]
        windows = [self._judges[series].threshold.window_s for series in chosen]
        samples = sum(judgement.samples for judgement in judgements)
        return Lamps(service_lamp(judgements), behaviour_lamp(judgements), samples, max(windows, default=0))

    def _judge_of(self, sample: Sample) -> SeriesJudge | None:
        threshold = self._thresholds.metrics.get(sample.metric)
        if threshold is None:
            return None
        try:
            series = threshold.series(sample.dims)
        except InputError:
            return None
        judge = self._judges.get(series)
        if judge is None and len(self._judges) < MAX_SERIES:
            judge = self._judges[series] = self._judge_for(sample.metric, sample.dims, series)
        return judge

    def _judge_for(self, metric: str, dims: Mapping[str, str], series: str) -> SeriesJudge:
        threshold = self._thresholds.metric(metric)
        mine = {name: dims.get(name, "") for name in threshold.by}
        return SeriesJudge(threshold, mine, self._thresholds.silent_after_s, self._standing.get(series))


def breach_from_object(value: Mapping[str, Any]) -> Breach:
    """The inverse of `breach_as_object`."""
    return Breach(**value)


def breach_as_object(breach: Breach) -> dict[str, Any]:
    """Plain values, for the plane's own database."""
    names = ("rule", "metric", "series", "side", "value", "limit", "window_s", "samples", "onset_us")
    return {name: getattr(breach, name) for name in names} | {"dims": dict(breach.dims)}


def target_of(dims: Mapping[str, str], items: Iterable[str], environment: str) -> str:
    """The narrowest inventory id that a series' dimensions name, the environment when they name none."""
    known = set(items)
    for name in ("tenant", "surface", "model", "region"):
        if dims.get(name, "") in known:
            return dims[name]
    return environment


def _touches(judge: SeriesJudge, item: InventoryItem | None) -> bool:
    return item is None or item.kind == "environment" or item.id in judge.dims.values()


def _lamp(lamp: Lamp) -> dict[str, Any]:
    return {"state": lamp.state, "because": list(lamp.because), "judged": lamp.judged, "silent": lamp.silent}

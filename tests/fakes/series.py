"""Buckets and rules for tests of the judge: a series of one tenant, a bucket a second, clocks that agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.domain.judge import Breach, Bucket, Judgement, SeriesJudge
from console.domain.thresholds import BEHAVIOUR, Limit, Threshold

S = 1_000_000
START = 1_700_000_000 * S
SILENCE_S = 10

# binary fractions, so that a limit and its dead-band are met exactly
FLOOR = Threshold(
    metric="score", title="Score", unit="score", kind=BEHAVIOUR, aggregate="mean", direction="floor",
    floor=Limit(0.75, 0.5), ceiling=None, by=("tenant",), window_s=60, min_samples=50, clear_window_s=20,
    dead_band=0.125, incident_class="semantic", severity_floor="SEV-2",
)  # fmt: skip
CEILING = replace(FLOOR, direction="ceiling", floor=None, ceiling=Limit(2.0, 4.0), dead_band=1.0)
BAND = replace(FLOOR, direction="band", ceiling=Limit(0.875, 0.9375))


def a_judge(rule: Threshold = FLOOR, breach: Breach | None = None) -> SeriesJudge:
    return SeriesJudge(rule, {"tenant": "tenant.one"}, SILENCE_S, breach)


def bucket(second: float, value: float, n: int = 10) -> Bucket:
    """`n` observations of one value in a bucket that ends `second` seconds after START."""
    return Bucket(START + round(second * S), n, value * n, value, value)


def run(judge: SeriesJudge, buckets: Iterable[Bucket]) -> list[Judgement]:
    """Feeds and judges after each bucket, with a clock that agrees."""
    found = []
    for one in buckets:
        assert judge.feed(one, one.t_us)
        found.append(judge.judge(one.t_us))
    return found


def steady(begin: int, end: int, value: float, n: int = 10) -> list[Bucket]:
    """One bucket a second, from `begin` up to but not including `end`."""
    return [bucket(second, value, n) for second in range(begin, end)]


def breached() -> SeriesJudge:
    """A judge with thirty bad seconds behind it."""
    judge = a_judge()
    run(judge, steady(0, 30, 0.25))
    assert judge.breach is not None
    return judge

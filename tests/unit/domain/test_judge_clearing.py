"""The judge of a series: when a breach clears, and that its running totals stay right."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.judge import (
    ABNORMAL,
    NORMAL,
    SILENT,
    WARNING,
    Bucket,
)
from tests.fakes.series import BAND, FLOOR, START, S, a_judge, breached, bucket, run, steady


def test_a_breach_clears_after_a_whole_clear_window_well_inside() -> None:
    judge = breached()
    judgements = run(judge, steady(30, 60, 1.0))
    cleared = [(30 + i, judgement.cleared) for i, judgement in enumerate(judgements) if judgement.cleared]
    assert len(cleared) == 1
    second, clearing = cleared[0]
    assert 40 < second <= 49  # the older half of the last 20 s has to be well inside as well
    assert clearing is not None
    assert clearing.value >= 0.625
    assert clearing.breach.onset_us == START + 4 * S
    assert clearing.cleared_us == START + second * S
    assert judge.breach is None


def test_what_was_bad_before_does_not_open_it_again() -> None:
    judge = a_judge(replace(FLOOR, window_s=300))
    run(judge, steady(0, 100, 0.0))
    judgements = run(judge, steady(100, 200, 1.0))
    assert sum(1 for judgement in judgements if judgement.cleared) == 1
    assert not any(judgement.opened for judgement in judgements)
    assert judgements[-1].state == NORMAL


def test_inside_the_dead_band_it_stands() -> None:
    judge = breached()
    judgements = run(judge, steady(30, 130, 0.6))
    assert all(judgement.state == ABNORMAL for judgement in judgements)
    assert all(judgement.cleared is None for judgement in judgements)
    assert run(judge, steady(130, 160, 0.625))[-1].state == WARNING  # exactly the dead-band is enough


def test_both_halves_of_the_clear_window_must_be_inside() -> None:
    judge = breached()
    judgements = run(judge, [*steady(30, 60, 0.55), *steady(60, 71, 1.0)])
    assert not any(judgement.cleared for judgement in judgements)  # though the mean of both has long been
    assert run(judge, steady(71, 75, 1.0))[-1].breach is None


@pytest.mark.parametrize(("value", "state"), [(0.7, WARNING), (0.75, NORMAL)])
def test_what_cleared_may_still_be_a_warning(value: float, state: str) -> None:
    judge = breached()
    judgements = run(judge, steady(30, 120, value))
    moment = next(judgement for judgement in judgements if judgement.cleared)
    assert moment.state == (WARNING if moment.value is not None and moment.value < 0.75 else NORMAL)
    assert judgements[-1].state == state


def test_a_short_recovery_does_not_clear() -> None:
    judge = a_judge()
    judgements = run(judge, [*steady(0, 5, 0.25), *steady(5, 24, 1.0)])
    assert judge.breach is not None
    assert not any(judgement.cleared for judgement in judgements)
    assert run(judge, [bucket(24, 1.0)])[-1].cleared is not None  # 20 s after the onset


def test_silence_never_clears() -> None:
    judge = breached()
    onset = judge.breach
    judgements = [judge.judge(START + second * S) for second in range(30, 4000, 10)]
    assert all(judgement.cleared is None and judgement.breach == onset for judgement in judgements)
    assert (judgements[-1].state, judgements[-1].value) == (SILENT, None)


def test_a_recovery_must_be_whole_after_a_gap() -> None:
    """A blocked tenant is silent; once restored, twenty good seconds are asked for, not one good bucket."""
    judge = breached()
    judgements = run(judge, steady(400, 420, 1.0, n=100))
    assert not any(judgement.cleared for judgement in judgements)
    assert run(judge, [bucket(420, 1.0)])[-1].cleared is not None


def test_a_pause_as_long_as_the_silence_allows_is_no_gap() -> None:
    judge = breached()
    judgements = run(judge, [bucket(second, 1.0, 100) for second in (39, 49)])
    assert judgements[-1].cleared is not None


def test_with_little_traffic_the_clear_window_reaches_back_for_samples() -> None:
    judge = a_judge(replace(FLOOR, window_s=300))
    run(judge, steady(0, 60, 0.25, n=1))
    judgements = run(judge, steady(60, 160, 1.0, n=1))
    second = next(60 + i for i, judgement in enumerate(judgements) if judgement.cleared)
    assert 80 <= second <= 110  # half of the last fifty observations are not enough, all are not needed


def test_a_breach_of_an_earlier_run_is_taken_up_again() -> None:
    first = breached()
    judge = a_judge(breach=first.breach)
    judgements = run(judge, steady(60, 90, 1.0))
    assert judgements[0].breach == first.breach
    assert next(judgement.cleared for judgement in judgements if judgement.cleared).breach == first.breach
    assert not any(judgement.opened for judgement in judgements)


def test_a_band_does_not_clear_into_its_other_side() -> None:
    judge = a_judge(BAND)
    run(judge, steady(0, 10, 0.1))
    assert not any(judgement.cleared for judgement in run(judge, steady(10, 60, 1.0)))


value = st.floats(-1e6, 1e6, allow_nan=False)
gaps = st.lists(st.tuples(st.integers(1, 8_000_000), value, st.integers(1, 40)), min_size=1, max_size=80)


@given(gaps, st.sampled_from(["mean", "rate", "sum_per_min", "max"]))
def test_running_totals_equal_counting_anew(steps: list[tuple[int, float, int]], aggregate: str) -> None:
    """Drawn metrics have no limits, so nothing but the window decides what is shown."""
    judge = a_judge(replace(FLOOR, aggregate=aggregate, floor=None, window_s=15))
    at, fed = START, []
    for gap, each, n in steps:
        at += gap
        one = Bucket(at, n, each * n, each, each)
        assert judge.feed(one, at)
        fed.append(one)
        inside = [b for b in fed if b.t_us > at - 15 * S]
        judgement = judge.judge(at)
        count, total = sum(b.n for b in inside), math.fsum(b.sum for b in inside)
        expected = {"max": max(b.max for b in inside), "sum_per_min": total * 4}.get(aggregate, total / count)
        assert judgement.samples == count
        assert judgement.value == pytest.approx(expected, rel=1e-9, abs=1e-3)


def test_a_huge_value_leaves_nothing_behind() -> None:
    judge = a_judge(replace(FLOOR, floor=None))
    run(judge, [bucket(0, 1e17), *steady(1, 60, 0.7)])
    assert run(judge, steady(60, 200, 0.7))[-1].value == pytest.approx(0.7, abs=1e-12)


@given(st.lists(st.tuples(st.integers(100_000, 15_000_000), st.floats(0, 1), st.integers(0, 60)), max_size=120))
def test_a_breach_opens_and_clears_in_turn(steps: list[tuple[int, float, int]]) -> None:
    judge, at, standing = a_judge(), START, None
    for gap, each, n in steps:
        at += gap
        judge.feed(Bucket(at, n, each * n, each, each), at)
        judgement = judge.judge(at)
        if judgement.opened:
            assert standing is None
            assert judgement.opened.value < 0.5
            standing = judgement.opened
        if judgement.cleared:
            assert judgement.cleared.breach == standing
            assert judgement.cleared.value >= 0.625
            assert judgement.cleared.samples >= 50
            assert at - judgement.cleared.breach.onset_us >= 20 * S
            standing = None
        assert judgement.breach == standing == judge.breach


def test_a_long_run_stays_small() -> None:
    judge = a_judge()
    for step in range(20_000):
        judge.feed(bucket(step / 4, 1.0), START + step * S // 4)
    assert len(judge._window.buckets) == 240  # also between judgements

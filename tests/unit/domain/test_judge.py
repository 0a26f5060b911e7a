"""The judge of a series: when a breach opens, when it clears, what silence means, and what the lamps make of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.events import check_body
from console.domain.judge import (
    ABNORMAL,
    FUTURE_S,
    NORMAL,
    SILENT,
    UNKNOWN,
    WARNING,
    Breach,
    Bucket,
    Judgement,
    SeriesJudge,
    behaviour_lamp,
    service_lamp,
)
from console.domain.thresholds import BEHAVIOUR, INFRASTRUCTURE, Limit, Threshold

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


# --- opening -------------------------------------------------------------------------------------------------------


def test_nothing_is_judged_before_min_samples() -> None:
    states = [judgement.state for judgement in run(a_judge(), steady(0, 6, 0.0))]
    assert states == [UNKNOWN] * 4 + [ABNORMAL] * 2


def test_a_breach_opens_once_and_says_what_was_measured() -> None:
    judge = a_judge()
    judgements = run(judge, steady(0, 8, 0.25))
    opened = [judgement.opened for judgement in judgements if judgement.opened]
    assert len(opened) == 1
    breach = opened[0]
    assert breach == judge.breach
    assert breach.onset_us == START + 4 * S
    assert (breach.rule, breach.series, breach.side) == ("score.floor", "score{tenant=tenant.one}", "floor")
    assert (breach.value, breach.limit, breach.samples, breach.window_s) == (0.25, 0.5, 50, 60)
    assert all(judgement.breach == breach for judgement in judgements[4:])


@pytest.mark.parametrize(
    ("rule", "value", "state"),
    [
        (FLOOR, 0.5, WARNING),  # exactly on the limit is still allowed
        (FLOOR, 0.4999, ABNORMAL),
        (FLOOR, 0.75, NORMAL),
        (FLOOR, 0.7499, WARNING),
        (CEILING, 4.0, WARNING),
        (CEILING, 4.001, ABNORMAL),
        (CEILING, 2.0, NORMAL),
        (CEILING, 0.0, NORMAL),
        (BAND, 0.8, NORMAL),
        (BAND, 0.4, ABNORMAL),
        (BAND, 0.95, ABNORMAL),
        (BAND, 0.9, WARNING),
        (BAND, 0.6, WARNING),
    ],
)
def test_limits_are_strict(rule: Threshold, value: float, state: str) -> None:
    judgement = run(a_judge(rule), steady(0, 5, value))[-1]
    assert judgement.state == state
    assert judgement.value == pytest.approx(value)


def test_both_sides_of_a_band_are_rules_of_their_own() -> None:
    low, high = (run(a_judge(BAND), steady(0, 5, value))[-1].breach for value in (0.1, 1.0))
    assert low is not None
    assert high is not None
    assert (low.rule, high.rule, low.limit, high.limit) == ("score.floor", "score.ceiling", 0.5, 0.9375)
    assert low.fingerprint != high.fingerprint


def test_the_window_is_wall_time() -> None:
    judge = a_judge()
    run(judge, steady(0, 5, 1.0))
    assert judge.judge(START + 9 * S).samples == 50
    run(judge, [bucket(55, 1.0), bucket(60, 1.0)])
    assert judge.judge(START + 60 * S).samples == 60  # the bucket that ended exactly a window ago is out
    assert judge.judge(START + 60 * S - 1).samples == 60  # and does not come back


def test_a_mean_weighs_by_observations() -> None:
    judgement = run(a_judge(), [bucket(0, 0.0, 30), bucket(1, 1.0, 70)])[-1]
    assert judgement.value == pytest.approx(0.7)


def test_the_largest_single_observation_counts_for_max() -> None:
    rule = replace(CEILING, aggregate="max")
    calm, wild = Bucket(START, 60, 60.0, 0.0, 3.0), Bucket(START + S, 60, 60.0, 0.0, 5.0)
    assert [judgement.state for judgement in run(a_judge(rule), [calm, wild])] == [WARNING, ABNORMAL]


def test_a_sum_by_the_minute_reads_low_while_it_begins() -> None:
    rule = replace(CEILING, aggregate="sum_per_min", ceiling=Limit(600.0, 900.0), window_s=120)
    judgements = run(a_judge(rule), steady(0, 120, 1.0, n=20))
    assert judgements[2].value == pytest.approx(30.0)  # 60 in three seconds are 30 a minute so far, not 1200
    assert judgements[119].value == pytest.approx(1200.0)
    assert judgements[119].state == ABNORMAL


def test_a_metric_without_limits_is_never_judged() -> None:
    rule = replace(FLOOR, floor=None)
    judgement = run(a_judge(rule), steady(0, 20, -1e9))[-1]
    assert (judgement.state, judgement.breach) == (UNKNOWN, None)
    assert judgement.value == pytest.approx(-1e9)


# --- what is left out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        Bucket(START + 2 * S, 0, 0.0, 0.0, 0.0),
        Bucket(START + 2 * S, -5, 1.0, 0.0, 1.0),
        Bucket(START + 2 * S, 5, math.nan, 0.0, 1.0),
        Bucket(START + 2 * S, 5, math.inf, 0.0, 1.0),
        Bucket(START + 2 * S, 5, 1.0, -math.inf, 1.0),
        Bucket(START + 2 * S, 5, 1.0, 0.0, math.nan),
        Bucket(START - 1, 5, 1.0, 0.0, 1.0),  # older than the newest
        Bucket(START + 2 * S + FUTURE_S * S + 1, 5, 1.0, 0.0, 1.0),  # from the future
    ],
)
def test_odd_buckets_are_left_out(odd: Bucket) -> None:
    judge = a_judge()
    run(judge, [bucket(0, 1.0)])
    assert not judge.feed(odd, START + 2 * S)
    assert judge.feed(bucket(1, 1.0), START + 2 * S)
    assert judge.judge(START + 2 * S).samples == 20


def test_a_far_future_bucket_does_not_shut_out_those_that_follow() -> None:
    judge = a_judge()
    assert not judge.feed(bucket(10_000_000, 0.0, 500), START)
    assert run(judge, steady(0, 5, 1.0))[-1].state == NORMAL


def test_buckets_of_one_moment_add_up() -> None:
    judge = a_judge(replace(CEILING, aggregate="max"))
    for value in (1.0, 5.0, 0.0):
        assert judge.feed(bucket(0, value, 20), START)
    judgement = judge.judge(START)
    assert (judgement.samples, judgement.value) == (60, 5.0)


# --- clearing ------------------------------------------------------------------------------------------------------


def breached() -> SeriesJudge:
    judge = a_judge()
    run(judge, steady(0, 30, 0.25))
    assert judge.breach is not None
    return judge


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


# --- silence -------------------------------------------------------------------------------------------------------


def test_never_seen_is_unknown_and_no_longer_seen_is_silent() -> None:
    judge = a_judge()
    assert judge.judge(START).state == UNKNOWN
    run(judge, steady(0, 5, 1.0))
    assert judge.judge(START + (4 + SILENCE_S) * S).state == NORMAL
    late = judge.judge(START + (4 + SILENCE_S) * S + 1)
    assert (late.state, late.value, late.last_sample_us) == (SILENT, None, START + 4 * S)


# --- fingerprints --------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_rule_series_and_onset() -> None:
    breach = breached().breach
    assert breach is not None
    text = f"score.floor|score{{tenant=tenant.one}}|{breach.onset}"
    assert breach.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert breach.onset == "2023-11-14T22:13:24.000000Z"


@given(st.integers(0, 9_000_000))
def test_two_judges_with_different_clocks_find_the_same_breach(late_us: int) -> None:
    one, other = a_judge(), a_judge()
    run(one, steady(0, 10, 0.25))
    for each in steady(0, 10, 0.25):
        other.feed(each, each.t_us + late_us)
        other.judge(each.t_us + late_us)
    assert one.breach is not None
    assert other.breach is not None
    assert one.breach.fingerprint == other.breach.fingerprint


def test_bodies_are_those_of_the_events() -> None:
    judge = a_judge()
    opened = next(j.opened for j in run(judge, steady(0, 5, 0.25)) if j.opened)
    cleared = next(j.cleared for j in run(judge, steady(5, 60, 1.0)) if j.cleared)
    check_body("signal.breached", opened.as_body())
    check_body("signal.cleared", cleared.as_body())
    assert opened.as_body()["value"] == "0.25"
    assert opened.as_body()["series"] == {"tenant": "tenant.one"}
    assert opened.as_body()["fingerprint"] == cleared.as_body()["fingerprint"]


# --- against a reference -------------------------------------------------------------------------------------------

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


# --- lamps ---------------------------------------------------------------------------------------------------------


def a_judgement(
    state: str, kind: str = BEHAVIOUR, series: str = "score{}", *, breach: Breach | None = None
) -> Judgement:
    return Judgement(
        metric="score", kind=kind, series=series, state=state, value=None, samples=0, last_sample_us=0, breach=breach
    )


def test_lamps_look_only_at_their_own_kind() -> None:
    breach = breached().breach
    judgements = [a_judgement(NORMAL, INFRASTRUCTURE), a_judgement(ABNORMAL, breach=breach)]
    assert service_lamp(judgements).state == NORMAL  # the green dashboard
    assert behaviour_lamp(judgements).state == ABNORMAL
    assert behaviour_lamp(judgements).because == ("score{}",)


def test_an_uncleared_breach_keeps_the_lamp_through_silence() -> None:
    judgements = [a_judgement(SILENT, breach=breached().breach), a_judgement(NORMAL, series="other{}")]
    lamp = behaviour_lamp(judgements)
    assert (lamp.state, lamp.judged, lamp.silent) == (ABNORMAL, 1, 1)


@pytest.mark.parametrize(
    ("states", "lamp"),
    [
        ([], UNKNOWN),
        ([UNKNOWN], UNKNOWN),
        ([SILENT, UNKNOWN], SILENT),
        ([SILENT, NORMAL], NORMAL),
        ([UNKNOWN, NORMAL], NORMAL),
        ([NORMAL, WARNING, SILENT], WARNING),
    ],
)
def test_the_lamp_of_several_series(states: list[str], lamp: str) -> None:
    assert behaviour_lamp([a_judgement(state) for state in states]).state == lamp


def test_a_lamp_is_never_normal_without_a_judgement() -> None:
    for states in ([UNKNOWN] * 3, [SILENT] * 3, []):
        assert service_lamp([a_judgement(state, INFRASTRUCTURE) for state in states]).state != NORMAL

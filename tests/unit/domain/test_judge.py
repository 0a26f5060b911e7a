"""The judge of a series: when a breach opens, what silence means, and what a breach is called."""

from __future__ import annotations

import hashlib
import math
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
    Bucket,
)
from console.domain.thresholds import Limit, Threshold
from tests.fakes.series import BAND, CEILING, FLOOR, SILENCE_S, START, S, a_judge, breached, bucket, run, steady


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


def test_a_bucket_a_little_ahead_is_taken() -> None:
    assert a_judge().feed(bucket(FUTURE_S, 1.0), START)


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


def test_buckets_of_one_moment_leave_the_window_together() -> None:
    judge = a_judge()
    for value in (1.0, 0.5):
        assert judge.feed(bucket(0, value, 20), START)
    judgement = run(judge, steady(1, 61, 0.75, n=1))[-1]
    assert judgement.samples == 60
    assert judgement.value == pytest.approx(0.75, abs=1e-12)


def test_too_few_samples_are_unknown_also_after_a_judgement() -> None:
    judge = a_judge()
    run(judge, steady(0, 5, 1.0))
    judgements = run(judge, steady(5, 100, 1.0, n=1)[::8])
    assert [judgements[0].state, judgements[-1].state] == [NORMAL, UNKNOWN]


def test_never_seen_is_unknown_and_no_longer_seen_is_silent() -> None:
    judge = a_judge()
    assert judge.judge(START).state == UNKNOWN
    run(judge, steady(0, 5, 1.0))
    assert judge.judge(START + (4 + SILENCE_S) * S).state == NORMAL
    late = judge.judge(START + (4 + SILENCE_S) * S + 1)
    assert (late.state, late.value, late.last_sample_us) == (SILENT, None, START + 4 * S)


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

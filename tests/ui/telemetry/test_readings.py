"""Sums by slot against a naive computation, and what a reading says of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.policy import Policy
from console.runtime.rings import RECENT, Rings, Sample
from console.ui.following import Following
from console.ui.readings import ALL, SLOT_US, TARGET, Columns, Readings, breached_metrics
from tests.fakes.metric_stream import Stream

BLOCKS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(-20, 20).map(float)), min_size=1, max_size=40
)
GROUNDING = "grounding_score"


def naive(samples: dict[int, tuple[int, float]], how: str, span: int, end: int) -> float:
    inside = [one for slot, one in samples.items() if end - span < slot <= end and one[0] > 0]
    n = sum(one[0] for one in inside)
    if not n:
        return math.nan
    if how == "max":
        return max(one[1] for one in inside)
    total = sum(one[0] * one[1] for one in inside)
    return total * 60 / (span * 0.25) if how == "sum_per_min" else total / n


@given(BLOCKS, st.integers(1, 12), st.sampled_from(["mean", "sum_per_min", "max"]))
@settings(max_examples=100, deadline=None)
def test_a_window_is_that_of_a_naive_computation(blocks: list[tuple[int, int, float]], span: int, how: str) -> None:
    columns, samples, slot = Columns(64), {}, 100
    for step, n, value in blocks:
        slot += step
        columns.advance(slot)
        columns.add(slot, n, n * value, value)
        samples[slot] = (n, value)
        assert columns.aggregate(how, span, slot)[0] == pytest.approx(naive(samples, how, span, slot), nan_ok=True)
    first = max(slot - 40, 0)
    expected = [naive(samples, how, span, end) for end in range(first, slot + 1)]
    assert columns.rolled(how, span, first, slot) == pytest.approx(np.array(expected), nan_ok=True)


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    one, many = Columns(32), Columns(32)
    slots = np.array([5, 9, 2, 40, 41, 12], dtype=float)
    n, total = np.array([1, 2, 0, 3, 1, 4.0]), np.array([1, 2, 9, 3, 4, 5.0])
    many.add_many(slots, n, total, total)
    for a, b, c in sorted(zip(slots, n, total, strict=True)):
        one.add(int(a), int(b), c, c)
    for slot in (40, 41):
        assert one.aggregate("mean", 32, slot) == many.aggregate("mean", 32, slot)
    assert (one.newest, one.measured) == (many.newest, many.measured)


def readings_of(policy: Policy, target: str = "tenant.borealis") -> Readings:
    return Readings(policy.thresholds, [GROUNDING, "tool_calls"], policy.inventory.items.get(target))


def test_a_reading_tells_the_target_from_everybody(policy: Policy) -> None:
    stream, readings = Stream(bad={(GROUNDING, "tenant.borealis"): 0.4}), readings_of(policy)
    follow = Following(stream.rings, lambda: readings)
    for _ in range(200):
        stream.block()
        list(follow.step())
    mine, all_of_them = (readings.reading(GROUNDING, scope, readings.newest) for scope in (TARGET, ALL))
    assert mine.state == "abnormal"
    assert mine.value == pytest.approx(0.4, abs=0.05)
    assert all_of_them.value == pytest.approx((3 * 0.86 + 0.4) / 4, abs=0.05)


def test_too_few_samples_are_unknown_and_silence_is_said_with_its_time(policy: Policy) -> None:
    readings = readings_of(policy)
    name = "grounding_score{tenant=tenant.borealis}"
    readings.take([Sample(name, 100 * SLOT_US, 3, 2.4, 0.8, 0.8)])
    assert readings.reading(GROUNDING, TARGET, 100).state == "unknown"
    silent = readings.reading(GROUNDING, TARGET, 100 + 4 * policy.thresholds.silent_after_s + 1)
    assert (silent.state, silent.value, silent.last_us) == ("silent", None, 100 * SLOT_US)


def test_the_planes_word_wins_over_what_is_read_here(policy: Policy) -> None:
    readings = readings_of(policy)
    readings.take([Sample("grounding_score{tenant=tenant.borealis}", 100 * SLOT_US, 100, 86.0, 0.8, 0.9)])
    assert readings.reading(GROUNDING, TARGET, 100).state == "normal"
    assert readings.reading(GROUNDING, TARGET, 100, breached=True).state == "abnormal"


def test_a_breach_of_another_tenant_is_not_the_targets(policy: Policy) -> None:
    item = policy.inventory.items["tenant.borealis"]
    lamps = {"behaviour": {"state": "abnormal", "because": ["grounding_score{tenant=tenant.cascade}"]}, "x": "hostile"}
    assert breached_metrics(lamps, item) == frozenset()
    assert breached_metrics(lamps, None) == {GROUNDING}


def test_history_and_batches_are_counted_once(policy: Policy) -> None:
    stream = Stream()
    stream.run(50)
    follow = Following(stream.rings, lambda: readings_of(policy))
    stream.run(7)
    for _ in range(200):
        list(follow.step())
    n = follow.readings.columns(GROUNDING, TARGET).aggregate("mean", 1000, follow.readings.newest)[1]
    assert n == 57 * 2 * 4


def test_a_follower_that_fell_behind_begins_anew(policy: Policy) -> None:
    stream = Stream()
    stream.block()
    follow = Following(stream.rings, lambda: readings_of(policy))
    while follow.anew:
        list(follow.step())
    stream.run(RECENT + 5)
    list(follow.step())
    assert follow.anew
    for _ in range(100):
        list(follow.step())
    n = follow.readings.columns(GROUNDING, ALL).aggregate("mean", 1000, follow.readings.newest)[1]
    assert n == (RECENT + 6) * 4 * 2 * 4


def test_a_clock_set_back_forgets_what_lay_ahead(policy: Policy) -> None:
    rings, name = Rings(), "grounding_score{tenant=tenant.borealis}"
    follow = Following(rings, lambda: readings_of(policy))
    for slot in (10_000, 10_001, 2_000):
        rings.add([Sample(name, slot * SLOT_US, 1, 1.0, 1.0, 1.0)])
        list(follow.step())
    assert follow.anew
    assert follow.readings.newest == 2_000


def test_the_present_goes_on_by_itself_whatever_the_wall_clock_does(policy: Policy) -> None:
    now = [50.0]
    stream = Stream()
    stream.block()
    follow = Following(stream.rings, lambda: readings_of(policy), clock=lambda: now[0])
    while not follow.ready:
        list(follow.step())
    before = follow.edge
    now[0] += 2.0
    assert follow.edge == pytest.approx(before + 8)


def test_a_metric_that_nobody_defined_is_named_and_left_out(policy: Policy) -> None:
    readings = readings_of(policy)
    readings.take([Sample("<b>evil</b>{tenant=x}", SLOT_US, 1, 1.0, 1.0, 1.0)])
    assert readings.unmapped == {"<b>evil</b>{tenant=x}"}

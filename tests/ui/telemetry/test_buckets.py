"""Buckets against a naive computation: whatever comes in whatever steps, the bars are the same."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from console.ui.telemetry.buckets import Buckets, Track

VALUES = st.one_of(st.integers(-50, 50).map(float), st.just(math.nan))
STEPS = st.lists(st.tuples(st.integers(1, 9), VALUES), min_size=1, max_size=60)


def naive(samples: dict[int, float], width: int, count: int) -> dict[int, tuple[float, float]]:
    """Bucket -> (low, high) of the newest `count` buckets that hold a value, from all samples ever."""
    found: dict[int, tuple[float, float]] = {}
    newest = max(samples) // width
    for index, value in samples.items():
        bucket = index // width
        if bucket > newest - count and not math.isnan(value):
            low, high = found.get(bucket, (value, value))
            found[bucket] = (min(low, value), max(high, value))
    return found


def naive_rows(samples: dict[int, float], width: int, count: int) -> dict[int, tuple[float, float]]:
    """Bucket -> (y1, y2) of its bar, joined to its neighbour's while that one is still kept."""
    bars = naive(samples, width, count)
    joined, ever = {}, naive(samples, width, 10_000)
    for bucket, (low, high) in bars.items():
        before = ever.get(bucket - 1)
        if before is not None and count > 1:
            low, high = (before[0], low) if width == 1 else (min(low, before[1]), max(high, before[0]))
        joined[bucket] = (low, high)
    return joined


def indexed(steps: list[tuple[int, float]], start: int) -> dict[int, float]:
    samples, index = {}, start
    for step, value in steps:
        index += step
        samples[index] = value
    return samples


def shown(buckets: Buckets) -> dict[int, tuple[float, float]]:
    """What would be drawn, by bucket."""
    found = {}
    for start, length in buckets.runs(buckets.count):
        for row in buckets.rows[start : start + length]:
            bucket = round(row[2]) // buckets.width
            found[bucket] = (row[1], row[3])
    return found


@given(STEPS, st.integers(0, 1000), st.integers(1, 7), st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_bars_are_those_of_a_naive_computation(
    steps: list[tuple[int, float]], start: int, width: int, count: int
) -> None:
    samples = indexed(steps, start)
    buckets = Buckets(width, count)
    for index, value in samples.items():
        buckets.append(index, value)
    assert shown(buckets) == naive_rows(samples, width, count)
    assert np.array_equal(buckets.rows[:count], buckets.rows[count:], equal_nan=True)


@given(STEPS, st.integers(0, 1000), st.integers(1, 7), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_many_at_once_are_the_same_as_one_by_one(
    steps: list[tuple[int, float]], start: int, width: int, count: int
) -> None:
    samples = indexed(steps, start)
    one, many = Track(500), Track(500)
    one.fit(width, count), many.fit(width, count)
    first, last = min(samples), max(samples)
    whole = np.array([samples.get(index, math.nan) for index in range(first, last + 1)])
    half = len(whole) // 2
    many.extend(first, whole[:half])
    many.extend(first + half, whole[half:])
    for index, value in zip(range(first, last + 1), whole, strict=True):
        one.append(index, float(value))
    assert shown(one.bars) == shown(many.bars)
    assert one.newest == many.newest


@given(STEPS, st.integers(0, 300), st.integers(1, 7), st.integers(2, 9), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_bars_of_another_width_are_made_from_the_values_kept(
    steps: list[tuple[int, float]], start: int, width: int, count: int, before: int
) -> None:
    samples = indexed(steps, start)
    track = Track(1000)
    track.fit(before, 1)
    for index, value in samples.items():
        track.append(index, value)
    track.fit(width, count)
    assert shown(track.bars) == naive_rows(samples, width, count)


def test_a_gap_parts_the_line() -> None:
    buckets = Buckets(2, 10)
    for index in (0, 1, 2, 3, 8, 9):
        buckets.append(index, float(index))
    assert [length for _, length in buckets.runs(10)] == [2, 1]


def test_silence_longer_than_what_is_kept_leaves_nothing_of_the_past() -> None:
    buckets = Buckets(2, 4)
    for index in range(8):
        buckets.append(index, 1.0)
    buckets.append(1_000_000, 5.0)
    assert shown(buckets) == {500_000: (5.0, 5.0)}
    assert buckets.bounds(4) == (5.0, 5.0)


def test_an_older_sample_changes_nothing() -> None:
    track = Track(100)
    track.fit(2, 5)
    track.append(10, 1.0)
    track.append(4, 9.0)
    assert shown(track.bars) == {5: (1.0, 1.0)}


def test_the_axis_is_an_origin_and_a_step() -> None:
    buckets = Buckets(4, 5, step=0.25, origin=1000)
    buckets.append(1009, 1.0)
    assert buckets.rows[1008 // 4 % 5].tolist() == [2.0, 1.0, 2.0, 1.0]


def test_a_window_wider_than_the_history_is_what_there_is() -> None:
    buckets = Buckets(1, 50)
    assert buckets.window(50) == (0, 0)
    assert buckets.runs(50) == []
    assert all(math.isnan(b) for b in buckets.bounds(50))
    buckets.append(3, 2.0)
    assert buckets.runs(50) == [(3, 1)]

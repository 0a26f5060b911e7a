"""Waiting times stay in their bounds; the offset of two clocks is as good as the round trip allows."""

from hypothesis import given
from hypothesis import strategies as st

from console.sync.judge import clock_fault
from console.sync.pace import CAP_S, ClockOffset, better, full_jitter, measure
from tests.unit.sync.engine import NOW_US


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_jitter_stays_under_its_cap(failures: int, roll: float) -> None:
    assert 0 <= full_jitter(failures, roll) <= CAP_S
    assert full_jitter(1, roll) <= 1.0


# -- clocks ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-(10**9), 10**9))
def test_the_offset_is_wrong_by_at_most_half_the_round_trip(out_us: int, back_us: int, true_us: int) -> None:
    seen = measure(NOW_US, NOW_US + out_us + back_us, NOW_US + out_us + true_us)
    assert abs(seen.offset_us - true_us) <= seen.round_trip_us / 2 + 1
    assert abs(seen.to_desk(NOW_US + true_us) - NOW_US) <= seen.round_trip_us / 2 + 1


def test_the_smallest_round_trip_wins_until_it_is_old() -> None:
    near, far = measure(NOW_US, NOW_US + 100, NOW_US), measure(NOW_US + 200, NOW_US + 900, NOW_US)
    assert better(None, far) is far
    assert better(far, near) is near
    assert better(near, far) is near
    late = measure(NOW_US + 700_000_000, NOW_US + 700_000_900, NOW_US)
    assert better(near, late) is late


@given(st.integers(-(10**10), 10**10), st.integers(0, 10**7))
def test_a_clock_is_called_wrong_only_when_it_certainly_is(offset_us: int, round_trip_us: int) -> None:
    sentence = clock_fault(ClockOffset(offset_us, round_trip_us, NOW_US))
    least_us = max(abs(offset_us) - round_trip_us / 2, 0)
    assert bool(sentence) == (least_us > 120_000_000 or (sentence != "" and least_us + 1 > 120_000_000))
    assert ("behind" in sentence) == (bool(sentence) and offset_us > 0)


def test_the_clock_alarm_names_the_minutes() -> None:
    assert "5 minutes behind" in clock_fault(ClockOffset(300_000_000, 1_000, NOW_US))
    assert "5 minutes ahead of" in clock_fault(ClockOffset(-300_000_000, 1_000, NOW_US))
    assert clock_fault(ClockOffset(119_000_000, 0, NOW_US)) == ""

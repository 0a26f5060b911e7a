"""Times as the record holds them: one spelling, no zone guessed, no microsecond lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.times import format_utc, from_epoch_us, parse_utc, to_epoch_us

aware = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - bounds of a strategy that adds the zone itself
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(aware)
@example(datetime(1, 1, 2, tzinfo=UTC))
@example(datetime(999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
def test_a_time_reads_back_to_the_microsecond(moment: datetime) -> None:
    text = format_utc(moment)
    assert len(text) == 27
    assert parse_utc(text) == moment
    assert parse_utc(text).tzinfo is UTC


@given(aware, aware)
def test_texts_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (format_utc(one) < format_utc(other)) == (one < other)


@given(st.integers(0, 253_402_300_799_999_999))
def test_epoch_microseconds_are_exact_both_ways(microseconds: int) -> None:
    assert to_epoch_us(from_epoch_us(microseconds)) == microseconds


@given(st.datetimes())
def test_a_time_without_a_zone_is_refused(moment: datetime) -> None:
    with pytest.raises(InputError, match="no zone"):
        format_utc(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31T14:02:11Z",
        "2026-01-31T14:02:11.000000",
        "2026-01-31T14:02:11.000000+00:00",
        "2026-01-31 14:02:11.000000Z",
        "2026-01-31T14:02:11.0000000Z",
        "2026-01-31t14:02:11.000000z",
        "2026-1-31T14:02:11.000000Z",
        " 2026-01-31T14:02:11.000000Z",
        "2026-01-31T14:02:11.000000Z\n",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a UTC time"):
        parse_utc(text)


@pytest.mark.parametrize(
    "text", ["2026-02-30T00:00:00.000000Z", "2026-01-31T24:00:00.000000Z", "2026-13-01T00:00:00.000000Z"]
)
def test_a_moment_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        parse_utc(text)


@given(st.text(max_size=100))
@example("\u0662\u0660\u0662\u0666-01-31T14:02:11.000000Z")
def test_any_text_is_a_time_or_a_sentence(text: str) -> None:
    try:
        moment = parse_utc(text)
    except InputError:
        return
    assert format_utc(moment) == text


@pytest.mark.parametrize(
    ("microseconds", "year"), [((2**48 - 1) * 1000, 9999), (2**200, 9999), (-(2**200), 1), (253402300799999999, 9999)]
)
def test_a_moment_beyond_the_calendar_is_shown_as_its_end(microseconds: int, year: int) -> None:
    assert parse_utc(format_utc(from_epoch_us(microseconds))).year == year

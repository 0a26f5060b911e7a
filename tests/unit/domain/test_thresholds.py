"""Thresholds: how a series is named, what lies beyond a limit, and how a value is written down."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.thresholds import Limit, Threshold, Thresholds, beyond_limits, decimal_text, series_id

BAND = Threshold(
    metric="m", title="M", unit="u", kind="behaviour", aggregate="mean", direction="band",
    floor=Limit(2.0, 1.0), ceiling=Limit(8.0, 9.0), by=("tenant", "model"), window_s=60, min_samples=50,
    clear_window_s=20, dead_band=0.5, incident_class="semantic", severity_floor="SEV-2",
)  # fmt: skip
labels = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)


def test_a_series_id_is_sorted_and_leaves_out_what_is_empty() -> None:
    assert (
        series_id("m", {"tenant": "tenant.a", "model": "model.b", "region": ""}) == "m{model=model.b,tenant=tenant.a}"
    )
    assert series_id("m", {}) == "m{}"


def test_a_series_is_told_apart_only_by_what_the_rule_says() -> None:
    dims = {"tenant": "tenant.a", "model": "model.b", "region": "region.c", "surface": "surface.d"}
    assert BAND.series(dims) == "m{model=model.b,tenant=tenant.a}"
    assert BAND.series({}) == "m{}"


@given(
    st.dictionaries(st.sampled_from(["tenant", "model", "region"]), labels),
    st.dictionaries(st.sampled_from(["tenant", "model", "region"]), labels),
)
def test_different_dimensions_are_different_series(one: dict[str, str], other: dict[str, str]) -> None:
    assert (series_id("m", one) == series_id("m", other)) == (one == other)


@pytest.mark.parametrize("value", ["a,tenant=b", "a}", "a=b", "a b", "ä", "\u202ea", "a\n", "-a", "x" * 101, "٣"])
def test_a_label_that_could_pose_as_another_series_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="'tenant'"):
        series_id("m", {"tenant": value})


def test_beyond_names_the_side() -> None:
    assert [BAND.beyond(v, "fail") for v in (0.9, 1.0, 5.0, 9.0, 9.1)] == ["floor", "", "", "", "ceiling"]
    assert [BAND.beyond(v, "warn") for v in (1.9, 2.0, 8.0, 8.1)] == ["floor", "", "", "ceiling"]


def test_well_inside_keeps_the_dead_band_and_both_limits() -> None:
    assert [BAND.well_inside(v, "floor") for v in (1.4, 1.5, 8.9, 9.1)] == [False, True, True, False]
    assert [BAND.well_inside(v, "ceiling") for v in (8.6, 8.5, 1.0, 0.9)] == [False, True, True, False]


def test_a_metric_nobody_defined_is_an_error() -> None:
    with pytest.raises(InputError, match=r"thresholds\.yml"):
        Thresholds({"m": BAND}, 10).metric("x" * 500)
    assert Thresholds({"m": BAND}, 10).metric("m") is BAND


@given(st.floats(-1e15, 1e15, allow_nan=False))
def test_decimals_are_plain_and_close(value: float) -> None:
    text = decimal_text(value)
    assert "e" not in text.lower()
    assert text != "-0"
    assert abs(Decimal(text) - Decimal(value)) <= Decimal("0.0000005")


@pytest.mark.parametrize(
    ("value", "text"), [(0.7, "0.7"), (100.0, "100"), (-0.0000001, "0"), (1 / 3, "0.333333"), (0.0, "0")]
)
def test_decimals_as_written(value: float, text: str) -> None:
    assert decimal_text(value) == text


def test_measures_beyond_a_fail_limit_are_named_and_what_is_no_number_is_refused() -> None:
    held = Thresholds({"m": BAND}, 5)
    assert beyond_limits(held, {"m": "1.0", "other": "99"}) == ()
    assert beyond_limits(held, {"m": "0.9", "other": "nan"}) == ("m", "other")
    with pytest.raises(InputError, match="not a number"):
        beyond_limits(held, {"m": "fine"})


def test_one_side_or_none() -> None:
    floor, ceiling = replace(BAND, ceiling=None), replace(BAND, floor=None)
    assert [rule.is_judged for rule in (BAND, floor, ceiling, replace(floor, floor=None))] == [True, True, True, False]
    assert (floor.beyond(100.0, "fail"), ceiling.beyond(-100.0, "fail")) == ("", "")
    assert (floor.well_inside(100.0, "floor"), ceiling.well_inside(-100.0, "ceiling")) == (True, True)
    assert (floor.well_inside(1.4, "floor"), ceiling.well_inside(8.6, "ceiling")) == (False, False)
    assert (BAND.limit("floor"), BAND.limit("ceiling")) == (BAND.floor, BAND.ceiling)

"""How far it reaches: computed from inventory, lineage and counts; what nobody counted is said and never nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.blast import BlastReport, Exposure, blast_report, descendants_of
from console.domain.errors import InputError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.times import format_utc, from_epoch_us

ENVIRONMENT, ONE, TWO = "environment.here", "tenant.one", "tenant.two"
BOTH = (ONE, TWO)
ITEMS = (
    InventoryItem(ENVIRONMENT, "environment", "here", ENVIRONMENT),
    InventoryItem(ONE, "tenant", "one", ENVIRONMENT, regulated=True),
    InventoryItem(TWO, "tenant", "two", ENVIRONMENT, vulnerable_users=True),
    InventoryItem("model.old", "model", "old", ENVIRONMENT, tenants=BOTH, derived_from=("model.new",)),
    InventoryItem("model.new", "model", "new", ENVIRONMENT, tenants=BOTH, derived_from=("index.docs", "model.old")),
    InventoryItem("index.docs", "index", "docs", ENVIRONMENT, tenants=(ONE,)),
    InventoryItem("segment.intake", "segment", "intake", ENVIRONMENT, tenants=(ONE,), of="index.docs"),
    InventoryItem("tool.pay", "tool", "pay", ENVIRONMENT, tenants=(ONE,), irreversible=True),
    InventoryItem("tool.read", "tool", "read", ENVIRONMENT, tenants=BOTH),
)
INVENTORY = Inventory({item.id: item for item in ITEMS}, (), {})
NOW = from_epoch_us(1_800_000_000_000_000)
COUNTED_AT = format_utc(NOW - timedelta(seconds=5))


def counts(requests: int) -> dict[str, int]:
    return {"sessions": 3, "open_streams": 2, "requests_60s": requests, "spend_microusd_60s": 1_234_567}


def report(target: str, *, at: str = COUNTED_AT, **requests: int) -> BlastReport:
    counted = {name.replace("__", "."): counts(number) for name, number in requests.items()}
    return blast_report(INVENTORY, target, counted, at, NOW)


def test_a_tenant_is_all_its_own() -> None:
    found = report(ONE, tenant__one=120)
    assert found.exposures == (Exposure(ONE, 100, 100),)
    assert (found.requests_per_minute, found.open_sessions, found.open_streams) == (120, 3, 2)
    assert found.microusd_per_minute == 1_234_567
    assert (found.scope, found.reached) == ("tenant", {"tenant": (ONE,)})
    assert (found.regulated, found.vulnerable_users, found.irreversible) == ((ONE,), (), ("tool.pay",))
    assert (found.age_s, found.is_old, found.doubts) == (5, False, ())


@pytest.mark.parametrize(
    ("through", "one", "two", "bounds"),
    [
        (100, 80, 20, ((100, 100), (100, 100))),  # all of both
        (50, 80, 20, ((37, 63), (0, 100))),
        (10, 80, 20, ((0, 13), (0, 50))),
        (0, 80, 20, ((0, 0), (0, 0))),
    ],
)
def test_exposure_is_what_follows_from_the_counts_and_no_more(
    through: int, one: int, two: int, bounds: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    found = report("model.old", model__old=through, tenant__one=one, tenant__two=two)
    assert tuple((each.least_percent, each.most_percent) for each in found.exposures) == bounds


def test_what_was_not_counted_is_said() -> None:
    found = report("model.old", model__old=10, tenant__one=80)
    assert found.exposures == (Exposure(ONE, 0, 13), Exposure(TWO, None, None))
    assert found.doubts == ("There is no count for tenant.two.",)
    blank = report("model.old")
    assert (blank.requests_per_minute, blank.microusd_per_minute) == (None, None)
    values = {line.label: line.value for line in blank.lines()}
    assert values["Requests a minute"] == values["Money a minute"] == "not counted"
    assert "There is no count for model.old." in [line.value for line in blank.lines()]


@pytest.mark.parametrize(
    ("at", "old", "word"),
    [
        (format_utc(NOW - timedelta(seconds=60)), False, ""),
        (format_utc(NOW - timedelta(seconds=61)), True, "61 s old"),
        ("", True, "Nobody said"),
        ("soon", True, "Nobody said"),
        (format_utc(NOW + timedelta(seconds=9)), False, "of the future"),
    ],
)
def test_the_age_of_the_counts_is_part_of_them(at: str, old: bool, word: str) -> None:
    found = report(ONE, at=at, tenant__one=1)
    assert found.is_old is old
    assert any(word in doubt for doubt in found.doubts) is bool(word)


def test_lineage_is_followed_to_its_end_and_a_circle_ends() -> None:
    made = [(one.id, one.through, one.steps) for one in descendants_of(INVENTORY, "index.docs")]
    assert made == [
        ("model.new", "index.docs", 1),
        ("segment.intake", "index.docs", 1),
        ("model.old", "model.new", 2),
    ]
    assert [one.id for one in descendants_of(INVENTORY, "model.old")] == ["model.new"]
    assert descendants_of(INVENTORY, ONE) == ()


def test_flags_come_along_the_lineage_and_a_tool_answers_for_itself() -> None:
    docs = replace(INVENTORY.items["model.new"], regulated=True, irreversible=True)
    inventory = replace(INVENTORY, items={**INVENTORY.items, docs.id: docs})
    found = blast_report(inventory, "index.docs", {}, "", NOW)
    assert found.regulated == ("model.new", ONE)
    assert found.irreversible == ("model.new", "tool.pay")
    assert report("tool.read").irreversible == ()
    assert report("tool.pay").irreversible == ("tool.pay",)


def test_an_environment_reaches_everything() -> None:
    found = report(ENVIRONMENT, environment__here=5, tenant__one=4, tenant__two=1)
    assert found.scope == "global"
    assert set(found.reached) == {"environment", "tenant", "model", "tool", "index", "segment"}
    assert [(one.least_percent, one.most_percent) for one in found.exposures] == [(100, 100)] * 2


def test_the_lines_of_a_sheet() -> None:
    found = {line.label: line for line in report(ONE, tenant__one=1_200).lines()}
    assert found["Requests a minute"].value == "1,200"
    assert found["Money a minute"].value == "1.23 USD"
    assert found["Money a minute"].note == "5 s old"
    assert found["Irreversible effects"].value == "tool.pay"
    assert found["Vulnerable users"].value == "none"
    assert found["Made from it"].value == "none"


def test_only_what_is_in_the_inventory_has_a_reach() -> None:
    with pytest.raises(InputError):
        report("tenant.nowhere")


numbers = st.integers(0, 500)


@given(numbers, numbers, numbers, numbers)
def test_the_truth_lies_within_the_bounds(one_in: int, one_out: int, two_in: int, two_out: int) -> None:
    found = report("model.old", model__old=one_in + two_in, tenant__one=one_in + one_out, tenant__two=two_in + two_out)
    for exposure, inside, outside in zip(found.exposures, (one_in, two_in), (one_out, two_out), strict=True):
        if inside + outside:
            assert exposure.least_percent is not None
            assert exposure.most_percent is not None
            assert exposure.least_percent <= 100 * inside / (inside + outside) <= exposure.most_percent
            assert 0 <= exposure.least_percent <= exposure.most_percent <= 100

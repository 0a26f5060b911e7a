"""The inventory: only what is in it can be a target, and the blast radius follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.inventory import KINDS, SCOPE_OF_KIND, SCOPES, BlastRadius, Enforcement, Inventory, InventoryItem

names = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    tenants = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    items = [InventoryItem("environment.e", "environment", "e", "environment.e")]
    items += [InventoryItem(f"tenant.{name}", "tenant", name, "environment.e") for name in tenants]
    for kind in ("surface", "region", "model", "tool", "index"):
        for name in draw(st.lists(names, max_size=2, unique=True)):
            served = draw(st.lists(st.sampled_from(tenants), unique=True, min_size=1))
            ids = tuple(f"tenant.{tenant}" for tenant in served)
            items.append(InventoryItem(f"{kind}.{name}", kind, name, "environment.e", tenants=ids))
    stranger = InventoryItem("environment.other", "environment", "other", "environment.other")
    return Inventory({item.id: item for item in [*items, stranger]}, (), {})


@given(inventories(), st.text(max_size=200))
def test_anything_else_is_unmapped(inventory: Inventory, name: str) -> None:
    if name not in inventory.items:
        with pytest.raises(InputError) as caught:
            inventory.blast_radius(name)
        assert len(caught.value.sentence) < 250


@given(inventories())
def test_a_blast_radius_is_sorted_complete_and_as_wide_as_its_kind(inventory: Inventory) -> None:
    for item in inventory.items.values():
        radius = inventory.blast_radius(item.id)
        assert list(radius.ids) == sorted(set(radius.ids))
        assert item.id in radius.ids
        assert set(item.tenants) <= set(radius.ids)
        assert set(radius.ids) <= set(inventory.items)
        if item.kind == "environment":
            assert radius.scope == "global"
            assert set(radius.ids) == {o.id for o in inventory.items.values() if o.environment == item.id}
        elif item.kind == "tenant":
            assert radius == BlastRadius("tenant", (item.id,))
        else:
            assert radius.is_wide is (len(item.tenants) != 1)


@given(inventories())
def test_an_item_of_one_tenant_is_as_narrow_as_that_tenant(inventory: Inventory) -> None:
    for item in inventory.items.values():
        if len(item.tenants) == 1:
            assert inventory.blast_radius(item.id).scope == "tenant"


def test_every_kind_has_a_scope() -> None:
    assert set(SCOPE_OF_KIND) == set(KINDS)
    assert set(SCOPE_OF_KIND.values()) <= set(SCOPES)


@pytest.mark.parametrize(("scope", "wide"), [("session", False), ("tenant", False), ("wide", True), ("global", True)])
def test_wide_begins_above_the_tenant(scope: str, wide: bool) -> None:
    assert BlastRadius(scope, ()).is_wide is wide


def test_what_is_signed_of_a_radius() -> None:
    assert BlastRadius("wide", ("tenant.a", "tool.b")).as_object() == {"scope": "wide", "ids": ["tenant.a", "tool.b"]}


def test_enforcement_and_breadcrumb() -> None:
    environment = InventoryItem("environment.e", "environment", "e", "environment.e")
    tenant = InventoryItem("tenant.a", "tenant", "a", "environment.e")
    rows = (Enforcement("FF_A", "tenant.a", "one"), Enforcement("FF_B", "tenant.a", "two"))
    inventory = Inventory({i.id: i for i in (environment, tenant)}, rows, {})
    assert inventory.adapter_names("FF_B", "tenant.a") == "two"
    assert inventory.adapter_names("FF_B", "environment.e") == ""
    assert inventory.adapter_names("FF_C", "tenant.a") == ""
    assert inventory.breadcrumb("tenant.a", "FF_A") == "e / a / FF_A"
    assert inventory.breadcrumb("environment.e", "FF_A") == "e / FF_A"

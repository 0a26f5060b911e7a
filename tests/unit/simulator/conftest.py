"""A small inventory of the range's kind, so that these tests do not depend on what an organisation has decided."""

from __future__ import annotations

import pytest

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.simulator.world import World, world_of

TENANTS = ("tenant.borealis", "tenant.cascade")


def make_inventory() -> Inventory:
    everyone = {
        "surface.agent": TENANTS,
        "surface.assistant": TENANTS,
        "region.north": TENANTS,
        "region.south": TENANTS,
        "model.orion-1": TENANTS,
        "model.orion-2": TENANTS,
        "tool.payments": TENANTS,
        "tool.search": ("tenant.borealis",),
        "index.policies": TENANTS,
    }
    names = ["environment.range", *TENANTS, *everyone]
    items = {
        name: InventoryItem(
            name, name.partition(".")[0], name.partition(".")[2], "environment.range", everyone.get(name, ())
        )
        for name in names
    }
    pairs = [
        ("FF_GLOBAL_AI", "environment.range"),
        ("FF_TENANT_BLOCK", "tenant.borealis"),
        ("FF_TENANT_BLOCK", "tenant.cascade"),
        ("FF_TOOL_REVOKE", "tool.payments"),
        ("FF_TOOL_REVOKE", "tool.search"),
        ("FF_MODEL_ROUTE", "model.orion-1"),
        ("FF_MODEL_ROUTE", "model.orion-2"),
        ("FF_AGENT_DRAFT", "surface.agent"),
    ]
    return Inventory(items, tuple(Enforcement(s, t, "simulator") for s, t in pairs), {})


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    return make_inventory()


@pytest.fixture(scope="session")
def world() -> World:
    return world_of(make_inventory())

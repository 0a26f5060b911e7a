"""The world of a range: what is made of an inventory, and how requests are dealt out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.domain.errors import InputError
from console.domain.inventory import Enforcement, Inventory
from console.simulator.world import World, assign_seats, world_from_object, world_of


def test_routes_models_and_pairs_come_from_the_inventory(world: World) -> None:
    assert len(world.routes) == 2 * 2 * 2
    assert (world.serving_model, world.fallback_model) == ("model.orion-2", "model.orion-1")
    agent = world.route_of["tenant.borealis", "surface.agent", "region.north"]
    assert agent.agentic
    assert agent.tools == ("tool.payments", "tool.search")
    assert agent.index == "index.policies"
    chat = world.route_of["tenant.borealis", "surface.assistant", "region.north"]
    assert not chat.agentic
    assert chat.tools == ()
    assert world.route_of["tenant.cascade", "surface.agent", "region.south"].tools == ("tool.payments",)
    assert ("FF_TENANT_BLOCK", "tenant.borealis") in world.pairs


def test_it_travels_as_plain_json(world: World) -> None:
    assert world_from_object(json.loads(json.dumps(world.as_object()))) == world


@pytest.mark.parametrize(
    ("target", "count"),
    [("environment.range", 8), ("tenant.borealis", 4), ("tool.search", 2), ("model.orion-1", 8), ("index.policies", 8)],
)
def test_routes_touching(world: World, target: str, count: int) -> None:
    assert len(world.routes_touching(target)) == count


def test_a_pair_of_another_adapter_or_an_impossible_kind_is_not_enforced(inventory: Inventory) -> None:
    more = (
        *inventory.enforcements,
        Enforcement("FF_TENANT_BLOCK", "region.north", "simulator"),
        Enforcement("FF_LEXICAL_SEARCH", "index.policies", "simulator"),
        Enforcement("FF_TOOL_REVOKE", "tool.payments", "openbao"),
    )
    assert world_of(replace(inventory, enforcements=more)).pairs == world_of(inventory).pairs


def test_an_inventory_without_this_range_is_refused(inventory: Inventory) -> None:
    with pytest.raises(InputError, match="exactly one environment"):
        world_of(replace(inventory, enforcements=()))
    without = {key: item for key, item in inventory.items.items() if item.kind != "region"}
    with pytest.raises(InputError, match="lacks a model, or a tenant"):
        world_of(replace(inventory, items=without))


def test_seats_are_seeded_weighted_and_come_back_to_sessions(world: World) -> None:
    seats = assign_seats(world, 1, 4000, 0.04)
    assert seats == assign_seats(world, 1, 4000, 0.04)
    assert seats != assign_seats(world, 2, 4000, 0.04)
    borealis = sum(seat.route.tenant == "tenant.borealis" for seat in seats)
    assert 0.5 * 4000 < borealis < 0.65 * 4000
    assert 100 < sum(seat.hostile for seat in seats) < 230
    assert len({seat.session for seat in seats}) == 2 * 48

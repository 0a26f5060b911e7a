"""The part of the inventory that this range is: who sends requests, where they run, and which switches reach them.

A World is made once from the policy's inventory and handed to the gateway process as plain JSON, so that a restarted
gateway does not read the policy again. Ids are inventory ids; nothing outside `routes` can send a request.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from console.domain.budgets import Caps
from console.domain.errors import InputError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import TEL_3_CAPS
from console.simulator.effects import CAPABILITIES

ADAPTER = "simulator"


@dataclass(frozen=True)
class Route:
    """One way a request can take; only on an `agentic` one does an agent act and call tools."""

    environment: str
    tenant: str
    surface: str
    region: str
    tools: tuple[str, ...]
    index: str
    agentic: bool

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The ids a block can be thrown on, widest first."""
        return (self.environment, self.region, self.surface, self.tenant)


@dataclass(frozen=True)
class World:
    """Routes in a fixed order, the two models, and the (switch, target) pairs that this gateway enforces.

    `segments` are (segment, index it is a part of), `patterns` (item, literal text), `caps` those of TEL-3.
    """

    environment: str
    routes: tuple[Route, ...]
    serving_model: str
    fallback_model: str
    pairs: frozenset[tuple[str, str]]
    segments: tuple[tuple[str, str], ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()
    caps: Caps = TEL_3_CAPS

    def segments_of(self, index: str) -> tuple[str, ...]:
        """The segments of that index."""
        return tuple(segment for segment, of in self.segments if of == index)

    @cached_property
    def route_of(self) -> Mapping[tuple[str, str, str], Route]:
        """The route of (tenant, surface, region)."""
        return {(route.tenant, route.surface, route.region): route for route in self.routes}

    @cached_property
    def ids(self) -> frozenset[str]:
        """Every inventory id that takes part."""
        found = {self.environment, self.serving_model, self.fallback_model}
        for route in self.routes:
            found.update(route.places, route.tools, (route.index,) if route.index else ())
        found.update(item for item, _ in (*self.segments, *self.patterns))
        return frozenset(found)

    def routes_touching(self, target: str) -> tuple[Route, ...]:
        """The routes that pass through `target`; models and patterns are passed by all."""
        if target in (self.environment, self.serving_model, self.fallback_model, *dict(self.patterns)):
            return self.routes
        target = dict(self.segments).get(target, target)
        return tuple(r for r in self.routes if target in r.places or target in r.tools or target == r.index)

    def as_object(self) -> dict[str, Any]:
        """Plain JSON, for the gateway process."""
        return {
            "environment": self.environment,
            "routes": [asdict(route) for route in self.routes],
            "serving_model": self.serving_model,
            "fallback_model": self.fallback_model,
            "pairs": sorted(self.pairs),
            "segments": list(self.segments),
            "patterns": list(self.patterns),
            "caps": asdict(self.caps),
        }


def world_from_object(value: Mapping[str, Any]) -> World:
    """The inverse of `World.as_object`; only our own supervisor writes it."""
    return World(
        value["environment"],
        tuple(Route(**{**route, "tools": tuple(route["tools"])}) for route in value["routes"]),
        value["serving_model"],
        value["fallback_model"],
        frozenset((switch, target) for switch, target in value["pairs"]),
        tuple((segment, index) for segment, index in value["segments"]),
        tuple((item, text) for item, text in value["patterns"]),
        Caps(**value["caps"]),
    )


def world_of(inventory: Inventory, adapter: str = ADAPTER, caps: Caps = TEL_3_CAPS) -> World:
    """The world of the environment whose switches `adapter` enforces.

    A tenant uses the surfaces, regions, tools and indexes that name it (or name nobody, which means everybody); agents
    act where FF_AGENT_DRAFT is enforced; of the models the last id serves and the first is its fallback. Raises
    InputError when the inventory lacks a kind.
    """
    mine = [e for e in inventory.enforcements if e.adapter == adapter and e.switch in CAPABILITIES]
    environments = sorted({_environment(inventory.item(e.target)) for e in mine})
    if len(environments) != 1:
        found = ", ".join(environments) or "none"
        raise InputError(
            f"The range needs exactly one environment with switches of the adapter '{adapter}', found {found};"
            " correct data/systems."
        )
    environment = environments[0]
    items = [item for item in inventory.items.values() if _environment(item) == environment]
    tenants = sorted(_of_kind(items, "tenant"), key=lambda item: item.id)
    models = sorted(item.id for item in _of_kind(items, "model"))
    agent_surfaces = {e.target for e in mine if e.switch == "FF_AGENT_DRAFT"}
    routes = tuple(
        Route(
            environment,
            tenant.id,
            surface.id,
            region.id,
            tools=_ids(items, "tool", tenant.id) if surface.id in agent_surfaces else (),
            index=next(iter(_ids(items, "index", tenant.id)), ""),
            agentic=surface.id in agent_surfaces,
        )
        for tenant in tenants
        for surface in _serving(items, "surface", tenant.id)
        for region in _serving(items, "region", tenant.id)
    )
    if not routes or not models:
        raise InputError(
            f"The environment {environment} lacks a model, or a tenant with a surface and a region;"
            " complete data/systems."
        )
    pairs = frozenset(
        (e.switch, e.target) for e in mine if inventory.item(e.target).kind in CAPABILITIES[e.switch].kinds
    )
    segments = tuple((item.id, item.of) for item in _of_kind(items, "segment"))
    patterns = tuple((item.id, item.text) for item in _of_kind(items, "pattern"))
    return World(environment, routes, models[-1], models[0], pairs, segments, patterns, caps)


def _environment(item: InventoryItem) -> str:
    return item.id if item.kind == "environment" else item.environment


def _of_kind(items: list[InventoryItem], kind: str) -> list[InventoryItem]:
    return [item for item in items if item.kind == kind]


def _serving(items: list[InventoryItem], kind: str, tenant: str) -> list[InventoryItem]:
    found = [item for item in _of_kind(items, kind) if not item.tenants or tenant in item.tenants]
    return sorted(found, key=lambda item: item.id)


def _ids(items: list[InventoryItem], kind: str, tenant: str) -> tuple[str, ...]:
    return tuple(item.id for item in _serving(items, kind, tenant))


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one replayed request goes: its route, its session, and whether its prompt is a hostile one."""

    route: Route
    session: str
    hostile: bool


def assign_seats(world: World, seed: int, count: int, hostile_share: float) -> list[Seat]:
    """A seeded table of `count` seats to deal to arrivals in turn; tenants differ in weight, sessions come back."""
    draw = random.Random(f"seats/{seed}")
    tenants = sorted({route.tenant for route in world.routes})
    weights = {tenant: 1.0 / (1 + position * 0.35) for position, tenant in enumerate(tenants)}
    per_tenant = {tenant: sum(1 for r in world.routes if r.tenant == tenant) for tenant in tenants}
    odds = [weights[route.tenant] / per_tenant[route.tenant] for route in world.routes]
    routes = draw.choices(world.routes, odds, k=count)
    return [
        Seat(route, f"s-{route.tenant.partition('.')[2]}-{draw.randrange(48):02d}", draw.random() < hostile_share)
        for route in routes
    ]

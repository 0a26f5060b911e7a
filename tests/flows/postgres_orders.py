"""What the tests of the PostgreSQL adapter order, of which systems, and how they reach the stand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters import postgres
from console.plane.adapters.postgres import Postgres
from console.plane.back_end_settings import PostgresSettings
from console.plane.backends import Assertion
from console.plane.settings import PlaneSettings, Secrets
from console.simulator.stand.postgres import PostgresStand

T = TypeVar("T")
INDEX = InventoryItem("index.manuals", "index", "Manuals", "environment.stand")
SPRING = InventoryItem("segment.manuals-spring", "segment", "Spring", "environment.stand", of="index.manuals")
FJORD = InventoryItem("tenant.fjord", "tenant", "Fjord", "environment.stand")
PAIRS = {"FF_INDEX_FREEZE": INDEX, "FF_ROW_QUARANTINE": SPRING, "FF_TENANT_BLOCK": FJORD}
INVENTORY = Inventory(
    {item.id: item for item in PAIRS.values()},
    tuple(Enforcement(switch, item.id, "postgres") for switch, item in PAIRS.items()),
    {},
)


def using(stand: PostgresStand, work: Callable[[Postgres], Awaitable[T]], **settings: Any) -> T:
    """Run `work` with an adapter of the stand, closed afterwards."""

    async def whole() -> T:
        plane = PlaneSettings(postgres=PostgresSettings(**{**stand.settings, **settings}))
        adapter = postgres.connect(plane, Secrets(back_ends={"postgres": stand.secrets}), INVENTORY)
        assert adapter is not None
        try:
            return await work(adapter)
        finally:
            await adapter.close()

    return asyncio.run(whole())


def order(switch: str, want: str, generation: int, **more: Any) -> Assertion:
    """An order of now, with `more` of its fields changed."""
    expires = format_utc(datetime.now(UTC) + timedelta(seconds=30))
    return replace(Assertion(switch, PAIRS[switch].id, want, generation, str(uuid.uuid4()), expires), **more)


def throw(stand: PostgresStand, switch: str, want: str, generation: int) -> Assertion:
    """Carry an order out and return it."""
    asked = order(switch, want, generation)
    using(stand, lambda adapter: adapter.apply(asked, 2.0))
    return asked

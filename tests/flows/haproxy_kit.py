"""A real HAProxy for a test, with the adapter that drives it and orders for it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters import haproxy
from console.plane.adapters.haproxy import Gateway
from console.plane.back_end_settings import HaproxySettings
from console.plane.backends import Assertion
from console.plane.settings import PlaneSettings, Secrets
from console.simulator.stand.haproxy import HaproxyStand, missing

NEEDS_HAPROXY = pytest.mark.skipif(bool(missing()), reason=missing() or "it can run")
HOUSE, FJORD, GLACIER, CANARY = "environment.stand", "tenant.fjord", "tenant.glacier", "model.canary"
ITEMS = {
    HOUSE: InventoryItem(HOUSE, "environment", "Stand", HOUSE),
    FJORD: InventoryItem(FJORD, "tenant", "Fjord", HOUSE),
    GLACIER: InventoryItem(GLACIER, "tenant", "Glacier", HOUSE),
    CANARY: InventoryItem(CANARY, "model", "Canary", HOUSE, tenants=(FJORD, GLACIER)),
    "model.stable": InventoryItem("model.stable", "model", "Stable", HOUSE, tenants=(FJORD, GLACIER)),
}
PAIRS = [
    ("FF_GLOBAL_AI", HOUSE),
    ("FF_TENANT_BLOCK", FJORD),
    ("FF_TENANT_BLOCK", GLACIER),
    ("FF_MODEL_ROUTE", CANARY),
]
INVENTORY = Inventory(ITEMS, tuple(Enforcement(switch, target, "haproxy") for switch, target in PAIRS), {})
EACH = pytest.mark.parametrize(("switch", "target"), [PAIRS[0], PAIRS[1], PAIRS[3]])


def standing(folder: Path) -> Iterator[HaproxyStand]:
    """A fresh one, with everything running, and gone afterwards."""
    stand = HaproxyStand(folder / "haproxy")
    stand.start()
    yield stand
    stand.close()


def adapter(stand: HaproxyStand) -> Gateway:
    given = stand.settings
    settings = HaproxySettings(Path(given["socket"]), Path(given["maps"]), given["probe_url"])
    found = haproxy.connect(PlaneSettings(haproxy=settings), Secrets(), INVENTORY)
    assert found is not None
    return found


def with_adapter(stand: HaproxyStand, story: Callable[[Gateway], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        gateway = adapter(stand)
        try:
            return await story(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def order(switch: str, target: str, want: str, generation: int, *, expires_in_s: float = 30) -> Assertion:
    expires = format_utc(datetime.now(UTC) + timedelta(seconds=expires_in_s))
    return Assertion(switch, target, want, generation, str(uuid.uuid4()), expires)

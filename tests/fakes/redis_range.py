"""A real Redis provisioned by the onboarding files, and the back-end that drives it, for tests that need both.

Where redis-server is not installed the tests that ask for it are skipped with that reason.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters.redis import RedisBackEnd
from console.plane.back_end_settings import RedisSettings
from console.plane.backends import Assertion
from console.plane.settings import Secrets
from console.simulator.stand.redis import RedisStand, missing

CACHE, BUDGET = "FF_CACHE_BYPASS", "FF_TOKEN_BUDGET"
STAND, FJORD, GLACIER = "environment.stand", "tenant.fjord", "tenant.glacier"
ITEMS = {name: InventoryItem(name, name.partition(".")[0], name, STAND) for name in (STAND, FJORD, GLACIER)}
ENFORCED = ((CACHE, FJORD), (CACHE, GLACIER), (CACHE, STAND), (BUDGET, GLACIER))
INVENTORY = Inventory(ITEMS, tuple(Enforcement(*pair, "redis") for pair in ENFORCED), {STAND: "stand-probe"})


@contextlib.contextmanager
def real_redis() -> Iterator[RedisStand]:
    """Started in a folder with a short path (a socket's may not be long); skips loudly where there is none."""
    if why := missing():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        stand = RedisStand(Path(folder))
        try:
            stand.start()
            yield stand
        finally:
            stand.close()


@contextlib.asynccontextmanager
async def driven(stand: RedisStand, socket: Path | None = None) -> AsyncIterator[RedisBackEnd]:
    """The back-end on `stand`, or on another socket with the same secrets."""
    settings = RedisSettings(socket=socket or stand.socket)
    back_end = RedisBackEnd(settings, Secrets(back_ends={"redis": stand.secrets}), INVENTORY)
    try:
        yield back_end
    finally:
        await back_end.close()


def order(
    switch: str, target: str, want: str, generation: int, assertion_id: str = "", lasts_s: float = 30
) -> Assertion:
    """An assertion that ends in so many seconds, with an id of its generation unless one is given."""
    ends = format_utc(datetime.now(UTC) + timedelta(seconds=lasts_s))
    return Assertion(switch, target, want, generation, assertion_id or f"command-{generation}", ends)

"""A real gateway served on the loopback inside the test's own event loop, and the requests tests make of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from console.domain.times import format_utc
from console.simulator.faults import Fault
from console.simulator.gateway import Gateway
from console.simulator.gateway_process import gateway_app
from console.simulator.settings import GatewayOrder
from console.simulator.switches import Misbehaviour, SwitchBoard
from console.simulator.world import World
from tests.waiting import wait_until

CONTROL, PROBE = "c" * 32, "p" * 32
BODY = {
    "tenant": "tenant.borealis", "surface": "surface.assistant", "region": "region.north", "input": "What is the fee?",
    "max_tokens": 40,
}  # fmt: skip


class Client:
    """Requests to one served gateway."""

    def __init__(self, gateway: Gateway, session: aiohttp.ClientSession) -> None:
        self.gateway, self.session = gateway, session
        self.url = f"http://127.0.0.1:{gateway.order.port}"

    async def ask(self, method: str, path: str, token: str = CONTROL, **more: Any) -> tuple[int, Any]:
        """Status and JSON answer of a control request."""
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        async with self.session.request(method, self.url + path, headers=headers, **more) as response:
            return response.status, await response.json(content_type=None)

    async def chat(self, headers: dict[str, str] | None = None, **more: Any) -> tuple[int, str]:
        """Status and whole text of a data path request; raises ClientPayloadError when it is cut."""
        async with self.open_chat(headers, **more) as response:
            return response.status, await response.text()

    def open_chat(self, headers: dict[str, str] | None = None, **more: Any) -> Any:
        """The data path request as a context manager, its body still to be read."""
        return self.session.post(self.url + "/v1/chat", json=BODY | more, headers=headers)

    async def throw(
        self, want: str = "stopped", generation: int = 1, switch: str = "FF_TENANT_BLOCK",
        target: str = "tenant.borealis", command_id: str = "", expires_in_s: float = 30,
    ) -> tuple[int, Any]:  # fmt: skip
        """A switch command; by default a tenant stop of generation 1."""
        body = {
            "want": want, "generation": generation, "command_id": command_id or f"command-{generation}",
            "expires": format_utc(datetime.now(UTC) + timedelta(seconds=expires_in_s)),
        }  # fmt: skip
        return await self.ask("PUT", f"/control/switches/{switch}/{target}", json=body)


@contextlib.asynccontextmanager
async def served(
    world: World, folder: Path, *, faults: tuple[Fault, ...] = (), max_streams: int = 50, **lies: Any
) -> AsyncIterator[Client]:
    """A gateway with a provisioned folder, and a client of it; both are closed at the end."""
    path = folder / "switches.json"
    if not path.exists():
        SwitchBoard(path, world.pairs).provision("2026-11-21T00:00:00.000000Z")
    listener = socket.create_server(("127.0.0.1", 0))
    order = GatewayOrder(
        listener.getsockname()[1], 1, max_streams, CONTROL, PROBE, path, world, Misbehaviour(**lies), faults
    )  # fmt: skip
    gateway = Gateway(order)
    runner = web.AppRunner(gateway_app(gateway), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            yield Client(gateway, session)
    finally:
        await runner.cleanup()


async def eventually(predicate: Callable[[], object]) -> None:
    """Lets the event loop run until `predicate` holds."""
    await asyncio.to_thread(wait_until, predicate)


def events(text: str) -> list[dict[str, Any]]:
    """The data of every server-sent event in `text`."""
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]

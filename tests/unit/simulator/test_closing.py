"""Fail closed (SWI-6): a stop of everything ends sessions, rolls back what tools began, and saves the state."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import aiohttp

from console.policy import default_path, load
from console.simulator.closing import CLOSING_FILE
from console.simulator.world import world_of
from tests.unit.simulator.serving import Client, eventually, served
from tests.unit.simulator.test_datapath import slow_down

WORLD = world_of(load(default_path()).inventory)


async def acting(client: Client, sessions: int) -> list[asyncio.Task[Any]]:
    """Agents in the midst of calling tools, one a session."""
    slow_down(client, first_token_s=0.0, duration_s=8.0)

    async def one(number: int) -> None:
        with contextlib.suppress(aiohttp.ClientPayloadError):
            await client.chat(
                {"x-request-id": f"r{number}"},
                surface="surface.agent",
                session=f"s{number}",
                needs=["agent"],
                max_tokens=2000,
            )

    tasks = [asyncio.create_task(one(number)) for number in range(sessions)]
    await eventually(lambda: sum(stream.begun for stream in client.gateway.streams) == sessions)
    return tasks


def test_a_stop_of_everything_rolls_back_and_saves(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(WORLD, tmp_path) as client:
            assert (await client.chat(session="earlier"))[0] == 200
            tasks = await acting(client, 3)
            assert len(client.gateway.transactions.open) == 3
            status, answer = await client.throw(
                switch="FF_GLOBAL_AI", target="environment.range", command_id="command-1"
            )
            assert (status, answer["streams_cut"]) == (200, 3)
            await asyncio.gather(*tasks)
            _, state = await client.ask("GET", "/control/state")
            closing = state["closing"]
            assert closing["stop"]["command_id"] == "command-1"
            assert closing["sessions_ended"] == 4, "one of a moment ago, three in the midst"
            assert closing["state_saved"] is True
            assert {(one["status"], one["by"]) for one in closing["rolled_back"]} == {("rolled_back", "command-1")}
            assert {one["session"] for one in closing["rolled_back"]} == {"s0", "s1", "s2"}
            assert client.gateway.transactions.open == {}
            saved = json.loads((tmp_path / CLOSING_FILE).read_text())
            assert saved["closing"] == closing
            assert (tmp_path / CLOSING_FILE).stat().st_mode & 0o777 == 0o600
            _, captured = await client.ask("GET", "/control/capture?target=environment.range")
            gateway = next(item for item in captured["items"] if item["name"] == "gateway.json")
            assert json.loads(base64.b64decode(gateway["content_b64"]))["closing"] == closing

    asyncio.run(scene())


def test_sessions_of_one_tenant_end_with_their_streams(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(WORLD, tmp_path) as client:
            tasks = await acting(client, 2)
            _, answer = await client.throw(switch="FF_SESSIONS", target="tenant.borealis")
            assert answer["streams_cut"] == 2
            await asyncio.gather(*tasks)
            slow_down(client)
            assert (await client.chat(session="s1"))[0] == 403
            assert (await client.chat())[0] == 200, "who has no session is served"
            assert (await client.chat(session="s1", tenant="tenant.cascade"))[0] == 200

    asyncio.run(scene())


def test_what_is_answered_to_its_end_is_committed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(WORLD, tmp_path) as client:
            for number in range(20):
                asks = {"surface": "surface.agent", "needs": ["agent"]}
                assert (await client.chat({"x-request-id": f"r{number}"}, **asks))[0] == 200
            ended = client.gateway.transactions.ended
            assert ended
            assert {one.status for one in ended} == {"committed"}

    asyncio.run(scene())

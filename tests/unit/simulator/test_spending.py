"""The caps of TEL-3 at the gateway, over real HTTP: exact when many call at once, and a refusal says which cap."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.domain.budgets import Caps, Cost
from console.simulator.faults import Fault
from console.simulator.gateway import now_us
from console.simulator.spending import Step
from console.simulator.world import World
from tests.unit.simulator.serving import Client, events, served

HALF_A_DOLLAR = {"input": "What is the fee?", "max_tokens": 49_999}
"""Four tokens in and these out cost 500,000 micro-dollars."""


async def call(client: Client, number: int, **more: Any) -> tuple[int, dict[str, Any]]:
    """Status, and the last event or the problem."""
    async with client.open_chat({"x-request-id": f"r{number}"}, **more) as response:
        text = await response.text()
        return response.status, events(text)[-1] if response.status == 200 else json.loads(text)


def test_sixteen_at_once_spend_five_dollars_to_the_cent(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            found = await asyncio.gather(
                *(call(client, n, workflow="w", session=f"s{n}", **HALF_A_DOLLAR) for n in range(16))
            )
            served_ones = [done for status, done in found if status == 200]
            refused = [problem for status, problem in found if status == 429]
            assert (len(served_ones), len(refused)) == (10, 6)
            assert sum(done["cost_microusd"] for done in served_ones) == 5_000_000
            assert {(problem["kind"], problem["cap"], problem["left"]) for problem in refused} == {
                ("over_budget", "micro_usd", 0)
            }
            spent = client.gateway.spending.spent("tenant.borealis", "w", "s1", 2**50)
            assert spent.micro_usd == 5_000_000
            assert (await call(client, 99, workflow="w", session="s99"))[0] == 429
            assert (await call(client, 99, workflow="other", session="s99"))[0] == 200
            assert (await call(client, 99, workflow="w", session="s99", tenant="tenant.cascade"))[0] == 200
            assert (await call(client, 99, session="s99"))[0] == 200, "who names no workflow is held to no caps"

    asyncio.run(scene())


def test_turns_and_tokens_are_counted_by_session(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(replace(world, caps=Caps(10, 300, 5, 10**9)), tmp_path) as client:
            for number in range(10):
                assert (await call(client, number, workflow="w", session="s"))[0] == 200
            status, problem = await call(client, 10, workflow="w", session="s")
            assert (status, problem["cap"], problem["left"]) == (429, "turns", 0)
            assert (await call(client, 11, workflow="w", session="t"))[0] == 200
            status, problem = await call(client, 12, workflow="w", session="t", input="x" * 4 * 297)
            assert (status, problem["cap"], problem["left"]) == (429, "input_tokens", 296)

    asyncio.run(scene())


def test_a_loop_that_would_pass_a_cap_never_begins(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        fault = Fault("f", "runaway_loop", "tenant.borealis", 1.0)
        async with served(world, tmp_path, faults=(fault,)) as client:
            asks = {"surface": "surface.agent", "needs": ["agent"], "workflow": "w", "session": "s"}
            found = [await call(client, number, **asks) for number in range(6)]
            assert {problem["cap"] for status, problem in found if status == 429} == {"turns"}
            assert not any(done["state_repetition_count"] > 2 for status, done in found if status == 200)

    asyncio.run(scene())


def test_a_step_that_never_began_gives_its_money_back(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            spending = client.gateway.spending
            step = spending.reserve("tenant.borealis", "w", "s", Cost(1, 1, 0, 5_000_000), now_us())
            assert (await call(client, 1, workflow="w", session="s"))[0] == 429
            assert isinstance(step, Step)
            spending.release(step)
            assert (await call(client, 1, workflow="w", session="s"))[0] == 200

    asyncio.run(scene())

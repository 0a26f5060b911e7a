"""The plane's own probes against the real gateway: each enforced switch is seen stopped, and its notice is seen too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.plane.backends import SERVED, SWITCHED_OFF
from console.plane.wires.gateway_path import DataPath
from console.simulator.effects import EFFECTS
from tests.unit.simulator.serving import PROBE, served
from tests.unit.simulator.test_effects import ONE_EACH, POLICY, WORLD


@pytest.mark.parametrize(("switch", "target"), ONE_EACH, ids=str)
def test_the_plane_sees_each_switch_for_itself(switch: str, target: str, tmp_path: Path) -> None:
    item = POLICY.inventory.item(target)

    async def scene() -> None:
        async with served(WORLD, tmp_path) as client:
            path = DataPath(client.url, PROBE, POLICY.inventory, lambda: client.session)
            assert (await path.probe(switch, item, 5)).outcome == SERVED
            reply, stream = await path.open_stream(switch, item, 5)
            assert reply.outcome == SERVED
            assert stream is not None
            assert (await client.throw(switch=switch, target=target, command_id="command-1"))[0] == 200
            end = await stream.ended_within(2 if EFFECTS[switch].cuts else 0.1)
            assert (end is not None and end.cut and end.assertion_id == "command-1") == EFFECTS[switch].cuts
            await stream.close()
            reply = await path.probe(switch, item, 5)
            assert reply.outcome == SWITCHED_OFF
            assert (switch, target, "command-1") in [(r.switch, r.target, r.assertion_id) for r in reply.refused_by]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("switch", "target"),
    [(s, t) for s, t in ONE_EACH if EFFECTS[s].notice and s != "FF_MODEL_ROUTE"],
    ids=str,
)
def test_the_plane_sees_what_users_are_told(switch: str, target: str, tmp_path: Path) -> None:
    item = POLICY.inventory.item(target)

    async def scene() -> None:
        async with served(WORLD, tmp_path) as client:
            path = DataPath(client.url, PROBE, POLICY.inventory, lambda: client.session)
            assert await said(path) == (SERVED, "")
            await client.throw(switch=switch, target=target)
            assert await said(path) == (SERVED, EFFECTS[switch].notice)
            await client.throw(switch="FF_GLOBAL_AI", target="environment.range", command_id="command-2")
            assert await said(path) == (SWITCHED_OFF, "")

    async def said(path: DataPath) -> tuple[str, str]:
        reply = await path.notice(item, 5)
        return reply.outcome, reply.notice

    asyncio.run(scene())

"""Streams through a real HAProxy end when a switch stops them: timed, in a crowd, alone, and never by guess."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from console.plane.adapters.haproxy import Gateway
from console.plane.backends import (
    SERVED,
    SWITCHED_OFF,
)
from console.simulator.stand.haproxy import HaproxyStand
from tests.flows.haproxy_kit import (
    CANARY,
    EACH,
    FJORD,
    GLACIER,
    HOUSE,
    ITEMS,
    NEEDS_HAPROXY,
    order,
    standing,
    with_adapter,
)

pytestmark = NEEDS_HAPROXY


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[HaproxyStand]:
    yield from standing(tmp_path)


@EACH
def test_twenty_times_off_and_on(stand: HaproxyStand, switch: str, target: str) -> None:
    item = ITEMS[target]

    async def cycles(gateway: Gateway) -> tuple[list[float], list[float]]:
        until_refused, until_cut = [], []
        for turn in range(20):
            _, stream = await gateway.open_stream(switch, item, 5)
            assert stream is not None
            begun, wall = time.perf_counter(), datetime.now(UTC)
            await gateway.apply(order(switch, target, "stopped", 2 * turn + 1), 3)
            assert (await gateway.probe(switch, item, 3)).outcome == SWITCHED_OFF
            until_refused.append(1000 * (time.perf_counter() - begun))
            end = await stream.ended_within(3)
            await stream.close()
            assert end is not None
            assert end.cut
            until_cut.append(1000 * (end.at - wall).total_seconds())
            await gateway.apply(order(switch, target, "running", 2 * turn + 2), 3)
            assert (await gateway.probe(switch, item, 3)).outcome == SERVED
        return until_refused, until_cut

    for what, times in zip(("refused", "cut"), with_adapter(stand, cycles), strict=True):
        ordered = sorted(times)
        print(
            f"{switch} {what}: median {statistics.median(ordered):.1f} ms, most {ordered[-1]:.1f} ms, n {len(ordered)}"
        )
        assert ordered[-1] < 2000


def test_a_tenant_is_cut_alone(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        streams = [(await gateway.open_stream("FF_TENANT_BLOCK", ITEMS[who], 5))[1] for who in (FJORD, GLACIER)]
        assert None not in streams
        mine, other = streams
        assert mine is not None
        assert other is not None
        applied = await gateway.apply(order("FF_TENANT_BLOCK", FJORD, "stopped", 1), 3)
        assert applied.streams_cut == 1
        end = await mine.ended_within(3)
        assert end is not None
        assert end.cut
        assert (await gateway.probe("FF_TENANT_BLOCK", ITEMS[GLACIER], 3)).outcome == SERVED
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SERVED
        assert other.end is None
        # everything is named that refuses
        both = order("FF_GLOBAL_AI", HOUSE, "stopped", 1)
        await gateway.apply(both, 3)
        met = await gateway.probe("FF_TENANT_BLOCK", ITEMS[FJORD], 3)
        assert [one.switch for one in met.refused_by] == ["FF_GLOBAL_AI", "FF_TENANT_BLOCK"]
        await mine.close()
        await other.close()

    with_adapter(stand, story)


@EACH
def test_a_crowd_is_cut_and_nobody_slips_through(stand: HaproxyStand, switch: str, target: str) -> None:
    """Streams that are open, and others that come in while the stop is made: none of them lives on."""
    models = {"x-model": CANARY} if target == CANARY else {}

    async def stream(session: aiohttp.ClientSession, opened: asyncio.Semaphore, tenant: str) -> str:
        headers = {"x-tenant": tenant} | models
        async with session.post(stand.settings["probe_url"], json={"hold": True}, headers=headers) as response:
            if response.status != 200:
                before = "cut before it began"
                return {403: "refused", 502: before, 503: before}.get(response.status, str(response.status))
            try:
                await response.content.readany()
                opened.release()
                while await response.content.readany():
                    pass
            except aiohttp.ClientError:
                return "cut"
        return "ended"

    async def story(gateway: Gateway) -> None:
        opened = asyncio.Semaphore(0)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            others = [group.create_task(stream(session, opened, GLACIER)) for _ in range(10)] if target == FJORD else []
            mine = [group.create_task(stream(session, opened, FJORD)) for _ in range(40)]
            for _ in mine + others:
                await opened.acquire()
            late = [group.create_task(stream(session, opened, FJORD)) for _ in range(40)]
            begun = time.perf_counter()
            applied = await gateway.apply(order(switch, target, "stopped", 1), 5)
            async with asyncio.timeout(3):
                ends = await asyncio.gather(*mine, *late)
            took = 1000 * (time.perf_counter() - begun)
            print(f"{switch}: {applied.streams_cut} cut, {ends.count('refused')} refused, all ended in {took:.0f} ms")
            assert set(ends[:40]) == {"cut"}
            assert set(ends[40:]) <= {"cut", "cut before it began", "refused"}
            assert applied.streams_cut >= ends.count("cut")
            assert not any(task.done() for task in others)
            for task in others:
                task.cancel()

    with_adapter(stand, story)


def test_a_stream_that_breaks_for_another_reason_is_not_cut(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        _, stream = await gateway.open_stream("FF_GLOBAL_AI", ITEMS[HOUSE], 5)
        assert stream is not None
        stand.kill()
        end = await stream.ended_within(5)
        assert end is not None
        assert not end.cut
        await stream.close()

    with_adapter(stand, story)

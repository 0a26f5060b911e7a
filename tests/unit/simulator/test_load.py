"""The replay: open-loop against a real server, counting what became of each arrival."""

from __future__ import annotations

import asyncio
import os
import threading
from array import array
from pathlib import Path

from aiohttp import web

from console.simulator.lifeline import Lifeline
from console.simulator.load import Replay, Tally
from console.simulator.trace import Trace
from console.simulator.world import World
from tests.unit.simulator.serving import eventually, served
from tests.waiting import free_port, wait_until


def even_trace(count: int, gap_s: float) -> Trace:
    offsets = array("d", (n * gap_s for n in range(count)))
    tokens = array("I", [40] * count)
    return Trace("even", offsets, tokens, tokens, count * gap_s)


async def replayed(replay: Replay, until: object) -> None:
    running = asyncio.create_task(replay.run())
    try:
        await eventually(until)  # type: ignore[arg-type]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_arrivals_go_through_the_gateway_and_wrap_around(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            replay = Replay(world, even_trace(10, 0.2), 20.0, 3, client.url)
            await replayed(replay, lambda: replay.tally.answered >= 25)
            tally = replay.tally.as_object(0.0)
            assert tally["sent"] >= 25
            assert tally["failed"] == tally["shed"] == tally["refused"] == tally["dropped"] == 0
            assert tally["lateness_ms"]["p50"] < 100
            assert client.gateway.live_counts()["environment.range"]["requests_60s"] >= 25
            await eventually(lambda: not client.gateway.streams)

    asyncio.run(scene())


def test_arrivals_never_wait_for_answers(world: World) -> None:
    async def scene() -> None:
        open_requests, most, release = 0, 0, asyncio.Event()

        async def never(request: web.Request) -> web.Response:
            nonlocal open_requests, most
            open_requests += 1
            most = max(most, open_requests)
            await release.wait()
            return web.Response(status=503)

        app = web.Application()
        app.router.add_post("/v1/chat", never)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        replay = Replay(world, even_trace(100, 0.01), 1.0, 3, f"http://127.0.0.1:{port}")
        running = asyncio.create_task(replay.run())
        await eventually(lambda: most >= 50)
        release.set()
        await eventually(lambda: replay.tally.shed >= 50)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runner.cleanup()

    asyncio.run(scene())


def test_without_a_gateway_arrivals_fail_and_go_on(world: World) -> None:
    replay = Replay(world, even_trace(100, 0.01), 1.0, 3, f"http://127.0.0.1:{free_port()}")
    asyncio.run(replayed(replay, lambda: replay.tally.failed >= 20))
    assert replay.tally.answered == 0


def test_the_rate_is_of_whole_seconds_and_unknown_at_first() -> None:
    tally = Tally()
    for n in range(1200):
        tally.note_sent(n / 100, 0.001)
    assert tally.as_object(5.0)["achieved_rps"] is None
    assert tally.as_object(12.0)["achieved_rps"] == 100.0
    assert tally.as_object(12.0)["lateness_ms"] == {"p50": 1.0, "p99": 1.0, "max": 1.0}
    assert tally.as_object(12.0)["latency_ms"] == {}


def test_a_lifeline_hands_on_lines_and_tells_of_its_end() -> None:
    reading, writing = os.pipe()
    lines: list[bytes] = []
    ended, given_up = threading.Event(), threading.Event()
    lifeline = Lifeline(reading, give_up=lambda code: given_up.set())
    os.write(writing, b"first\nsecond\nthi")
    assert lifeline.first_line(5.0) == b"first"
    lifeline.follow(lines.append, ended.set, 0.0)
    os.write(writing, b"rd\n")
    wait_until(lambda: lines == [b"second", b"third"])
    assert not ended.is_set()
    os.close(writing)
    assert ended.wait(5.0)
    assert given_up.wait(5.0)
    os.close(reading)


def test_a_silent_or_ended_lifeline_has_no_first_line() -> None:
    reading, writing = os.pipe()
    assert Lifeline(reading).first_line(0.01) == b""
    os.write(writing, b"half a line")
    os.close(writing)
    assert Lifeline(reading).first_line(5.0) == b""
    os.close(reading)

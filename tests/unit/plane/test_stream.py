"""Relaying to many: who comes back misses nothing that is kept, who is slow is let go, who leaves is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from console.plane.stream import Relay


async def some(messages: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(messages) for _ in range(count)]


def test_everybody_gets_every_batch_in_order() -> None:
    async def run() -> None:
        relay = Relay()
        followers = [relay.follow(None) for _ in range(3)]
        readers = [asyncio.create_task(some(follower, 2)) for follower in followers]
        while relay.followers < 3:
            await asyncio.sleep(0)
        relay.publish(1, {"t": 1})
        relay.publish(2, {"t": 2})
        assert [await reader for reader in readers] == [[b'id: 1\ndata: {"t":1}\n\n', b'id: 2\ndata: {"t":2}\n\n']] * 3
        for follower in followers:
            await follower.aclose()  # type: ignore[attr-defined]
        assert relay.followers == 0

    asyncio.run(run())


def test_who_comes_back_gets_what_it_missed_and_the_lamps_first() -> None:
    async def run() -> None:
        relay = Relay()
        relay.publish_lamps({"service": "normal"})
        for number in range(1, 5):
            relay.publish(number, {"t": number})
        follower = relay.follow(2)
        lamps, third, fourth = await some(follower, 3)
        assert lamps == b'data: {"lamps":{"service":"normal"}}\n\n'
        assert (third[:5], fourth[:5]) == (b"id: 3", b"id: 4")
        await follower.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())


def test_unchanged_lamps_are_not_repeated() -> None:
    async def run() -> None:
        relay = Relay()
        follower = relay.follow(None)
        reader = asyncio.create_task(some(follower, 2))
        while not relay.followers:
            await asyncio.sleep(0)
        for state in ("normal", "normal", "abnormal"):
            relay.publish_lamps({"behaviour": state})
        assert [b"abnormal" in message for message in await reader] == [False, True]
        await follower.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_slow_reader_is_let_go_and_told_so() -> None:
    async def run() -> None:
        relay = Relay(queued=2)
        slow = relay.follow(None)
        first = asyncio.create_task(some(slow, 1))
        while not relay.followers:
            await asyncio.sleep(0)
        relay.publish(1, {})
        await first
        for number in range(2, 6):
            relay.publish(number, {})
        assert relay.followers == 0
        rest = [message async for message in slow]
        assert rest[-1].startswith(b": too slow")
        assert len(rest) < 4

    asyncio.run(run())


def test_closing_ends_everybody_without_a_word() -> None:
    async def run() -> None:
        relay = Relay()
        follower = relay.follow(None)
        reader = asyncio.create_task(anext(follower, None))
        while not relay.followers:
            await asyncio.sleep(0)
        relay.close()
        assert await reader is None
        assert [message async for message in relay.follow(None)] == []

    asyncio.run(run())

"""Pages of the journal are read once for all who ask for the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from console.domain.errors import EnvironmentFault
from console.plane.db import Database
from console.plane.pages import SharedPages


class Slow:
    """Stands for the database: its reads are counted and wait for `go`; with `fault` they fail."""

    def __init__(self, fault: str = "") -> None:
        self.go, self.reads, self.fault = asyncio.Event(), 0, fault

    async def read(self, work: Callable[[Any], Any]) -> int:
        self.reads += 1
        number = self.reads
        await self.go.wait()
        if self.fault:
            raise EnvironmentFault(self.fault)
        return number


async def asked(slow: Slow, *sizes: int) -> list[asyncio.Task[Any]]:
    """One asker for each size that the journal had, all of them waiting."""
    shared = SharedPages(cast(Database, slow))
    tasks = [asyncio.create_task(shared.read(3, 10, size)) for size in sizes]
    while slow.reads < len(set(sizes)):
        await asyncio.sleep(0)
    return tasks


def test_who_asks_for_the_same_shares_one_read() -> None:
    async def story() -> list[Any]:
        slow = Slow()
        tasks = await asked(slow, 5, 5, 5)
        slow.go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(story()) == [1, 1, 1]


def test_who_asks_after_the_journal_grew_gets_a_read_of_their_own() -> None:
    async def story() -> list[Any]:
        slow = Slow()
        tasks = await asked(slow, 5, 6)
        slow.go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(story()) == [1, 2]


def test_one_who_leaves_takes_it_from_nobody() -> None:
    async def story() -> Any:
        slow = Slow()
        leaving, staying = await asked(slow, 5, 5)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        slow.go.set()
        return await staying

    assert asyncio.run(story()) == 1


def test_a_fault_reaches_everybody() -> None:
    async def story() -> list[Any]:
        slow = Slow("The database does not answer; look at its disk.")
        tasks = await asked(slow, 5, 5)
        slow.go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in asyncio.run(story())] == [EnvironmentFault, EnvironmentFault]

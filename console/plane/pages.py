"""Pages of the journal that many desks wait for: one read serves all who ask for the same while it is under way.

Every desk of an organisation sleeps at the same position and is woken by the same commit; read one after the other,
the last of fifty would wait for forty-nine reads.
"""

from __future__ import annotations

import asyncio

from console.plane import journal
from console.plane.db import Database
from console.plane.journal import Entry, Head
from console.proof.growth import Frontier

Page = tuple[list[Entry], Head, Frontier]


class SharedPages:
    """Reads pages; nothing is kept once those who asked have it. What may be shown to whom is judged by the asker."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading: dict[tuple[int, int, int], asyncio.Task[Page]] = {}

    async def read(self, after: int, limit: int, size: int) -> Page:
        """At most `limit` entries after a position, the journal's end and its tree; it held `size` entries at least.

        Raises EnvironmentFault. Whoever asks once it has grown beyond `size` begins a read of their own.
        """
        asked = (after, limit, size)
        reading = self._reading.get(asked)
        if reading is None:
            reading = asyncio.create_task(self._read(after, limit))
            self._reading[asked] = reading
            reading.add_done_callback(lambda _: self._reading.pop(asked, None))
        return await asyncio.shield(reading)  # one who leaves takes it from nobody

    async def _read(self, after: int, limit: int) -> Page:
        return await self._database.read(
            lambda connection: (
                journal.page(connection, after, limit), journal.head(connection), journal.frontier(connection),
            )
        )  # fmt: skip

"""An ingest into an index whose transaction is kept open, to see whether a freeze ends it.

PostgreSQL ends a session without saying for whom: it counts as cut only when the server said that it ended it, and the
switch was found stopped afterwards, under the id that is named then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors

from console.plane.backends import StreamEnd


class OpenIngest:
    """`session` with an open transaction that wrote; `stopped_by` answers the id of the stop in force, "" without one.

    `let_go` is called with the session (and None) as soon as it is closed.
    """

    def __init__(
        self,
        session: AsyncConnection[Any],
        opened: datetime,
        stopped_by: Callable[[], Awaitable[str]],
        let_go: Callable[[AsyncConnection[Any], None], object],
    ) -> None:
        self.opened = opened
        self._session, self._stopped_by, self._let_go = session, stopped_by, let_go
        self._end: StreamEnd | None = None
        self._watch = asyncio.ensure_future(self._watched())

    @property
    def end(self) -> StreamEnd | None:
        """How it ended, None while its transaction is open."""
        return self._end

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        """Wait for its end, at most so long."""
        await asyncio.wait({self._watch}, timeout=seconds)
        return self._end

    async def close(self) -> None:
        """Roll it back, when it is still there."""
        self._watch.cancel()
        await asyncio.wait({self._watch})
        self._let_go(self._session, None)
        await self._session.close()

    async def _watched(self) -> None:
        """The server speaks to an idle session only to end it."""
        loop, spoke = asyncio.get_running_loop(), asyncio.Event()
        socket = self._session.fileno()
        loop.add_reader(socket, spoke.set)
        try:
            await spoke.wait()
        finally:
            loop.remove_reader(socket)
        at, by = datetime.now(UTC), ""
        try:
            await self._session.execute("SELECT 1")
        except errors.AdminShutdown:
            by = await self._stopped_by()
        except psycopg.Error:
            by = ""
        self._end = StreamEnd(at, cut=bool(by), assertion_id=by)

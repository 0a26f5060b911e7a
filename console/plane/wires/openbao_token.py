"""A tool's token that is kept alive, to see whether a revocation ends it.

OpenBao does not tell why a token is gone: it counts as cut only before its own time was over, and when the tool was
found revoked right afterwards, under the id that its role names then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from console.plane.backends import BackEndFault, BackEndRefusal, StreamEnd

LOOK_EVERY_S = 0.05


class LiveToken:
    """A token given at `opened` for `ttl` seconds; `stopped_by` answers the id of the stop in force, "" without one."""

    def __init__(
        self,
        opened: datetime,
        ttl: int,
        is_alive: Callable[[], Awaitable[bool]],
        stopped_by: Callable[[], Awaitable[str]],
        let_go: Callable[[LiveToken], Awaitable[None]],
    ) -> None:
        self.opened = opened
        self._ends_by_itself = opened + timedelta(seconds=ttl)
        self._is_alive, self._stopped_by, self._let_go = is_alive, stopped_by, let_go
        self._end: StreamEnd | None = None
        self._watch = asyncio.ensure_future(self._watched())

    @property
    def end(self) -> StreamEnd | None:
        """How it ended, None while it lives."""
        return self._end

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        """Wait for its end, at most so long."""
        await asyncio.wait({self._watch}, timeout=seconds)
        return self._end

    async def close(self) -> None:
        """End it, when it still lives."""
        self._watch.cancel()
        await asyncio.wait({self._watch})
        await self._let_go(self)

    async def _watched(self) -> None:
        while await self._lives():
            await asyncio.sleep(LOOK_EVERY_S)
        at, by = datetime.now(UTC), ""
        if at < self._ends_by_itself:
            try:
                by = await self._stopped_by()
            except (BackEndFault, BackEndRefusal):
                by = ""
        self._end = StreamEnd(at, cut=bool(by), assertion_id=by)

    async def _lives(self) -> bool:
        """Whether it may still live: while nobody says, it is not said to have ended."""
        try:
            return await self._is_alive()
        except BackEndFault:
            return True

"""A live session at Redis as a tenant's gateway has one: the tenant's user, waiting for word that the session is over.

It counts as cut only when the connection ended *and* the notice before it named the command that did it.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from console.plane.backends import StreamEnd
from console.plane.wires.redis_answers import cut_by


class Session:
    """A subscribed connection, read from a task of its own until it ends."""

    def __init__(self, client: Redis, connection: AbstractConnection, tenant: str, switch: str) -> None:
        self.opened = datetime.now(UTC)
        self._client, self._connection, self._tenant, self._switch = client, connection, tenant, switch
        self._end: StreamEnd | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="redis session")

    @classmethod
    async def opened_by(cls, client: Redis, tenant: str, switch: str, seconds: float) -> Session | None:
        """Subscribed as the tenant's user, None when that user is not let in. Never raises."""
        pool: Any = client.connection_pool
        connection: Any = pool.make_connection()
        try:
            async with asyncio.timeout(seconds):
                await connection.connect()
                await connection.send_command("SUBSCRIBE", f"sessions:{tenant}")
                await connection.read_response()
        except (RedisError, OSError, TimeoutError):
            await _let_go(client, connection)
            return None
        return cls(client, connection, tenant, switch)

    @property
    def end(self) -> StreamEnd | None:
        """How it ended, None while it is alive."""
        return self._end

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        """Wait for its end, at most so long."""
        await asyncio.wait([self._reading], timeout=seconds)
        return self._end

    async def close(self) -> None:
        """Let go of it."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await _let_go(self._client, self._connection)

    async def _read(self) -> None:
        named = ""
        try:
            while True:
                words = await self._connection.read_response(timeout=math.inf, disconnect_on_error=False)
                if isinstance(words, list) and len(words) == 3 and words[0] == "message":
                    named = cut_by(words[2], self._switch, self._tenant) or named
        except (RedisError, OSError):
            self._end = StreamEnd(datetime.now(UTC), bool(named), named)


async def _let_go(client: Redis, connection: AbstractConnection) -> None:
    try:
        await connection.disconnect(nowait=True)
    finally:
        await client.aclose()

"""Waking up those who wait for something to change, without anybody looking again and again.

A bell belongs to one event loop: ring it and wait on it there.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Rings for everybody who waits at that moment; whoever waits must have looked first and looks again afterwards."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> bool:
        """Wait for the next ring, at most so long; whether it rang."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

"""Relaying samples and lamps to many desks: each has a bounded queue, and a slow one is let go, never waited for.

Belongs to the event loop. A desk that comes back names the last batch it had and gets what is still kept.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

KEPT = 240
"""Messages kept for desks that come back: about a minute of batches."""
QUEUED = 64
"""Messages that may wait for one desk: 16 s of batches."""
PING_S = 3.0

_UNNUMBERED, _ENDED = -1, -2
_PING = b": still here\n\n"
_TOO_SLOW = b": too slow, connect again\n\n"
_TURNED_AWAY = b": this device was revoked\n\n"


class Relay:
    """One writer (`publish`), many readers (`follow`); `queued` (QUEUED) messages may wait for each."""

    def __init__(self, queued: int | None = None) -> None:
        self._queued = QUEUED if queued is None else queued
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._queues: dict[asyncio.Queue[tuple[int, bytes]], str] = {}
        self._lamps = b""
        self._closed = False

    @property
    def followers(self) -> int:
        """How many desks listen."""
        return len(self._queues)

    def publish(self, number: int, batch: Mapping[str, Any]) -> None:
        """Send a batch of samples under its number to everybody."""
        message = f"id: {number}\ndata: {_json(batch)}\n\n".encode()
        self._kept.append((number, message))
        self._send(number, message)

    def publish_lamps(self, lamps: Mapping[str, Any]) -> None:
        """Send the lamps when they changed; whoever comes later gets them first."""
        message = f"data: {_json({'lamps': lamps})}\n\n".encode()
        if message != self._lamps:
            self._lamps = message
            self._send(_UNNUMBERED, message)

    def close(self) -> None:
        """End every reader."""
        self._closed = True
        for queue in self._queues:
            _end(queue)

    def turn_away(self, is_revoked: Callable[[str], object]) -> None:
        """End the readers of every device that `is_revoked`."""
        for queue in [queue for queue, device in self._queues.items() if is_revoked(device)]:
            del self._queues[queue]
            _end(queue, _TURNED_AWAY)

    async def follow(self, after: int | None, device: str = "") -> AsyncIterator[bytes]:
        """Messages for one desk: the lamps, what is kept after batch `after` (None: nothing old), then what comes."""
        if self._closed:
            return
        queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(self._queued)
        # listening before looking back: what is published while the old messages go out is not lost
        self._queues[queue] = device
        had = -1 if after is None else after
        first = [self._lamps, *(message for number, message in self._kept if after is not None and number > had)]
        try:
            for message in first:
                if message:
                    yield message
            while True:
                try:
                    number, message = await asyncio.wait_for(queue.get(), PING_S)
                except TimeoutError:
                    yield _PING
                    continue
                if number == _ENDED:
                    if message:
                        yield message
                    return
                if number == _UNNUMBERED or number > had:
                    yield message
        finally:
            self._queues.pop(queue, None)

    def _send(self, number: int, message: bytes) -> None:
        for queue in list(self._queues):
            if queue.full():
                del self._queues[queue]
                _end(queue, _TOO_SLOW)
            else:
                queue.put_nowait((number, message))


def _end(queue: asyncio.Queue[tuple[int, bytes]], why: bytes = b"") -> None:
    """Nothing comes after this, and what a desk did not fetch until now may be lost to it."""
    while queue.full():
        queue.get_nowait()
    queue.put_nowait((_ENDED, why))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))

"""The line between a desk and its plane, as bad as one likes: open, refusing, or swallowing everything.

A relay on the loopback with a thread of its own; `cut` breaks every connection that runs at the moment, in the middle
of whatever is on it. The port stays the same while the plane behind it comes back on another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

OPEN, REFUSE, HOLE = "open", "refuse", "hole"
_CHUNK = 65536


class Link:
    """One relay; `port` is where the desk connects, `target` the plane's port now. Use it in a `with`."""

    def __init__(self, target: int) -> None:
        self.target, self.mode, self.port, self.carried = target, OPEN, 0, 0
        self._live: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the relay did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def set_mode(self, mode: str) -> None:
        """From now on; what runs is cut when the line is not open any more, except into a hole, where it hangs."""
        self.mode = mode
        self._loop.call_soon_threadsafe(self._passing.clear if mode == HOLE else self._passing.set)
        if mode == REFUSE:
            self.cut()

    def cut(self) -> None:
        """Breaks every connection in the middle."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for task in list(self._live):
            task.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop, self._passing = asyncio.Event(), asyncio.Event()
        self._passing.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._here = b"Host: 127.0.0.1:%d" % self.port  # the plane answers only to its own address
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._cut()
        await asyncio.gather(*self._live, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        try:
            if self.mode != REFUSE:
                await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # cut, or the other side went away: for the desk both are a broken line
        finally:
            self._live.discard(task)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_plane, plane = None, None
        with contextlib.suppress(OSError):
            to_plane, plane = await asyncio.open_connection("127.0.0.1", self.target)
        if to_plane is None or plane is None:
            return
        ways = [asyncio.create_task(self._copy(reader, plane, True)), asyncio.create_task(self._copy(to_plane, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            plane.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asks: bool = False) -> None:
        while part := await reader.read(_CHUNK):
            await self._passing.wait()  # in a hole nothing is answered and nothing is refused: the desk cannot tell
            writer.write(part.replace(self._here, b"Host: 127.0.0.1:%d" % self.target) if asks else part)
            await writer.drain()
            self.carried += len(part)

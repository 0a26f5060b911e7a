"""A pipe from the parent that is also a promise: when it ends, this process ends, cleanly if it can.

The thread reads with os.read and is a daemon, so it holds no lock at exit; after `grace_s` it ends the process the hard
way, so that a hung event loop never becomes an orphan.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

MAX_LINE = 4 * 1024 * 1024
ORPHANED = 70


def tell(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *arguments: Any) -> None:
    """Has `loop` call it, from another thread; a loop that has ended already has nothing left to be told."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


class Lifeline:
    """Reads lines from one pipe: the first by `first_line`, the others on a thread started by `follow`.

    `give_up` ends the process the hard way.
    """

    def __init__(self, descriptor: int, give_up: Callable[[int], object] = os._exit) -> None:
        self._descriptor = descriptor
        self._give_up = give_up
        self._buffer = b""

    def first_line(self, timeout_s: float) -> bytes:
        """The first line without its end; b"" when the pipe ended or stayed silent for `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or not self._fill():
                return b""
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def follow(self, on_line: Callable[[bytes], None], on_end: Callable[[], None], grace_s: float) -> None:
        """Starts the thread: every further line to `on_line`, the end of the pipe to `on_end`, both on that thread."""
        threading.Thread(target=self._run, args=(on_line, on_end, grace_s), name="lifeline", daemon=True).start()

    def _run(self, on_line: Callable[[bytes], None], on_end: Callable[[], None], grace_s: float) -> None:
        while True:
            *lines, self._buffer = self._buffer.split(b"\n")
            for line in lines:
                on_line(line)
            if not self._fill():
                break
        on_end()
        time.sleep(grace_s)
        self._give_up(ORPHANED)

    def _fill(self) -> bool:
        try:
            part = os.read(self._descriptor, 65536)
        except OSError:
            return False
        self._buffer += part
        return bool(part) and len(self._buffer) <= MAX_LINE

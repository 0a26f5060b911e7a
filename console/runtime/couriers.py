"""Threads that talk to the plane: each has a connection of its own and does one errand after the other.

An errand may block for as long as its request may last; `stop` cuts short what is under way.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from console.domain.errors import ConsoleError, RefusedError
from console.remote.plane_client import PlaneClient

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Couriers:
    """One thread a client, sharing one queue of errands; the clients are theirs to close."""

    def __init__(self, name: str, clients: Sequence[PlaneClient]) -> None:
        self._clients = tuple(clients)
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[PlaneClient], Any]] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, args=(client,), name=f"{name}-{n + 1}")
            for n, client in enumerate(self._clients)
        ]

    def start(self) -> None:
        """Begins to carry."""
        for thread in self._threads:
            thread.start()

    def send(self, errand: Callable[[PlaneClient], T]) -> Future[T]:
        """Does `errand(client)` on a courier's thread; raises RefusedError once they are stopping."""
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise RefusedError("The desk is closing, so nothing more is asked of the plane.")
            self._queue.put((future, errand))
        return future

    def stop(self) -> None:
        """Cuts short what is under way, drops what is queued, and returns when the threads have ended."""
        with self._closing:
            self._closed = True
        for client in self._clients:
            client.abort()
        running = [thread for thread in self._threads if thread.ident is not None]
        for _ in running:
            self._queue.put(None)
        for thread in running:
            thread.join()
        for client in self._clients:
            client.close()

    def _run(self, client: PlaneClient) -> None:
        while (item := self._queue.get()) is not None:
            future, errand = item
            if future.set_running_or_notify_cancel():
                _carry(client, future, errand)
            del item, future, errand


def _carry(client: PlaneClient, future: Future[Any], errand: Callable[[PlaneClient], Any]) -> None:
    try:
        result = errand(client)
    except ConsoleError as error:
        _log.info("the plane was asked in vain: %s", error.sentence)
        future.set_exception(error)
    except BaseException as error:  # noqa: BLE001 - set on the future and logged
        _log.exception("a bug kept an errand from being done")
        future.set_exception(error)
    else:
        future.set_result(result)

"""The one thread that writes the record: work is queued, done in order, and answered by a Future.

Whatever raises is set on its Future and logged, so a failure that nobody waits for is still seen. Listeners hear of
`Changes` after the commit and before the Future is done, on the writer's thread; they must return at once.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from console.domain.changes import Changes
from console.domain.errors import ConsoleError, EnvironmentFault, RefusedError
from console.store.record import Record

T = TypeVar("T")
Listener = Callable[[Changes], None]

LIMIT = 1_000
"""Pieces of work that may wait; more than a person can cause means that the disk has stopped answering."""

_log = logging.getLogger(__name__)


class WriterBehind(EnvironmentFault):
    """So much is waiting to be written that nothing more is taken."""


class RecordWriter:
    """Start it once, stop it once; `submit` may be called from any thread.

    `tell` gets the sentence when the last room on the disk had to be given up. Work is done again after that, so it
    must do everything in its transaction.
    """

    def __init__(self, record: Record, limit: int = LIMIT, tell: Callable[[str], None] | None = None) -> None:
        self._record, self._tell = record, tell or _log.warning
        self._queue: queue.Queue[tuple[Future[Any], Callable[[Record], Any]] | None] = queue.Queue(limit)
        self._listeners: tuple[Listener, ...] = ()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="writer")

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with the Changes of every commit from now on."""
        self._listeners = (*self._listeners, listener)

    def submit(self, work: Callable[[Record], T]) -> Future[T]:
        """Does `work(record)` after everything submitted before; it opens its own transaction.

        Raises WriterBehind when too much is waiting and RefusedError once the writer is stopping.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise RefusedError("The record is being closed, so nothing more is written; open it again.")
            try:
                self._queue.put_nowait((future, work))
            except queue.Full as error:
                raise WriterBehind(
                    f"{self._queue.maxsize} changes are waiting to be written; check the disk and try again."
                ) from error
        return future

    def stop(self) -> None:
        """Finishes what is queued, takes nothing more, and returns when the thread has ended; again does nothing."""
        with self._closing:
            first, self._closed = not self._closed, True
        if first and self._thread.ident is not None:
            self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            future, work = item
            if future.set_running_or_notify_cancel():
                self._do(future, work)
            del item, future, work

    def _do(self, future: Future[Any], work: Callable[[Record], Any]) -> None:
        try:
            result = self._record.with_ballast(work, self._tell)
        except ConsoleError as error:
            _log.info("not written: %s", error.sentence)
            future.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - set on the future and logged
            _log.exception("a bug kept something from being written")
            future.set_exception(error)
        else:
            if isinstance(result, Changes) and result:
                self._publish(result)
            future.set_result(result)

    def _publish(self, changes: Changes) -> None:
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:  # noqa: BLE001 - one listener must not keep the others from hearing
                _log.exception("a listener failed on changes that are committed")

"""Threads that answer questions about the record, each on a connection of its own that cannot write.

A connection is opened by its thread at its first question and closed when the readers stop.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, TypeVar

from console.domain.errors import ConsoleError, RefusedError
from console.store.readers import Reader

T = TypeVar("T")
P = ParamSpec("P")

_log = logging.getLogger(__name__)


class RecordReaders:
    """`count` threads that share one queue of questions."""

    def __init__(self, open_reader: Callable[[], Reader], count: int = 2) -> None:
        self._open_reader = open_reader
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[Reader], Any]] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"reader-{n + 1}") for n in range(count)]

    def start(self) -> None:
        """Begins to answer."""
        for thread in self._threads:
            thread.start()

    def ask(self, noun: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """`noun(reader, *args)` on a reader's thread; raises RefusedError once the readers are stopping."""
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise RefusedError("The record is being closed, so nothing more is read; open it again.")
            self._queue.put((future, lambda reader: noun(reader, *args, **kwargs)))
        return future

    def stop(self) -> None:
        """Answers what was asked, closes the connections and returns when the threads have ended."""
        with self._closing:
            first, self._closed = not self._closed, True
        running = [thread for thread in self._threads if thread.ident is not None]
        for _ in running if first else ():
            self._queue.put(None)
        for thread in running:
            thread.join()

    def _run(self) -> None:
        reader: Reader | None = None
        try:
            while (item := self._queue.get()) is not None:
                future, question = item
                if future.set_running_or_notify_cancel():
                    reader = self._answer(reader, future, question)
                del item, future, question
        finally:
            if reader is not None:
                reader.close()

    def _answer(self, reader: Reader | None, future: Future[Any], question: Callable[[Reader], Any]) -> Reader | None:
        try:
            reader = reader or self._open_reader()
            result = question(reader)
        except ConsoleError as error:
            _log.info("not read: %s", error.sentence)
            future.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - set on the future and logged
            _log.exception("a bug kept something from being read")
            future.set_exception(error)
        else:
            future.set_result(result)
        return reader

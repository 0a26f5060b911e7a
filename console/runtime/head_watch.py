"""Keeps the newest event of this desk outside its store, and compares at the start: an older copy put back is found.

The comparison runs before anything is written; keeping runs on a thread of its own, because a keyring may be slow.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from console.domain.changes import Changes
from console.domain.errors import ConsoleError
from console.store.readers import Reader
from console.store.record import Record
from console.sync.keeping import begin_incarnation, newest_own, own_is_missing

EVERY_S = 60.0
"""A head is written outside at most so often, and at the stop."""
ROLLED_BACK = (
    "This desk wrote events that its record does not hold: an older copy of the record was put back. What is there is "
    "kept, and the desk goes on with new chains; the plane gives back what it has of the rest."
)

_log = logging.getLogger(__name__)


class HeadKeeper(Protocol):
    """A place outside the store for one short text; neither call raises, both end within a few seconds."""

    def load(self) -> str:
        """What was kept last, "" for nothing."""
        ...

    def keep(self, text: str) -> None:
        """Keeps `text` in place of what was there."""
        ...


def compare_head(record: Record, kept: str, now: datetime) -> None:
    """Begins new chains, with the alarm "fork", when the record lacks the event that `kept` names."""
    with record.transaction(now) as tx:
        missing = own_is_missing(tx, tx.device, kept)
        if missing:
            begin_incarnation(tx, max(missing, tx.incarnation) + 1, ROLLED_BACK)


class HeadWatch:
    """Give its `hear` to the writer's listeners, `start` it, and `stop` it once nothing is written any more."""

    def __init__(self, keeper: HeadKeeper, open_reader: Callable[[], Reader], every_s: float = EVERY_S) -> None:
        self._keeper, self._open_reader, self._every_s = keeper, open_reader, every_s
        self._news, self._closing = threading.Event(), threading.Event()
        self._kept = ""
        self._thread = threading.Thread(target=self._run, name="head")

    def start(self) -> None:
        """Begins to keep."""
        self._thread.start()

    def hear(self, changes: Changes) -> None:
        """Something of ours may have been committed."""
        if changes.events:
            self._news.set()

    def stop(self) -> None:
        """Keeps the last head and returns when the thread has ended."""
        self._closing.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._news.wait()
                self._news.clear()
                self._keep()
                self._closing.wait(self._every_s)
            self._keep()
        except ConsoleError as error:
            _log.info("the newest event was not kept outside the store: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended the keeping of the newest event")

    def _keep(self) -> None:
        with self._open_reader() as db:
            newest = newest_own(db)
        if newest and newest != self._kept:
            self._keeper.keep(newest)
            self._kept = newest

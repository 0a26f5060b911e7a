"""What watches over the record while the desk runs: a slow check of everything stored, and a copy at quit.

The check pauses after every page, for as long as the page took, so that window and writer always come first; its thread
keeps its priority, because a thread that is pushed aside while it holds the interpreter stops all others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import ConsoleError
from console.runtime.writer import RecordWriter
from console.store.backup import try_to_keep
from console.store.checking import check_in_pages
from console.store.opening import Store
from console.store.readers import Reader
from console.store.record import Record

ALARM = "damage"
ENOUGH = 20
"""So many faults say that the record is damaged; the rest is for `store check`."""
LEAST_PAUSE_S = 0.002

_log = logging.getLogger(__name__)


class RecordGuard:
    """Checks the record once, `after_s` seconds after its start; `tell` gets one sentence when it is damaged."""

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        writer: RecordWriter,
        tell: Callable[[str], None],
        after_s: float,
    ) -> None:
        self._open_reader, self._writer, self._tell, self._after_s = open_reader, writer, tell, after_s
        self._stopping = threading.Event()
        self.damaged = self.finished = False
        """What the check has found so far, and whether it came to its end."""
        self._thread = threading.Thread(target=self._run, name="record-check")

    def start(self) -> None:
        """Begins to wait, then to check."""
        self._thread.start()

    def stop(self) -> None:
        """Breaks off at the next page; returns when the thread has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        if self._stopping.wait(self._after_s):
            return
        begun = time.monotonic()
        try:
            with self._open_reader() as db:
                faults = self._check(db)
        except ConsoleError as error:
            faults = [error.sentence]
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended the check of the record")
            return
        if faults:
            self._report(faults)
        elif not self._stopping.is_set():
            self.finished = True
            _log.info("every row and chain of the record checked in %.1f s: intact", time.monotonic() - begun)

    def _check(self, db: Reader) -> list[str]:
        faults: list[str] = []
        begun = time.monotonic()
        for found in check_in_pages(db):
            faults += found
            if len(faults) >= ENOUGH or self._stopping.wait(max(LEAST_PAUSE_S, time.monotonic() - begun)):
                break
            begun = time.monotonic()
        return faults

    def _report(self, faults: list[str]) -> None:
        self.damaged = True
        count = f"{len(faults)} faults or more" if len(faults) >= ENOUGH else f"{len(faults)} in all"
        sentence = (
            f"The record of this desk is damaged ({count}): {faults[0]} Run `incident-console store check`, keep a "
            "copy of the folder, and restore the last good backup into a new one."
        )
        _log.warning("%s", sentence)
        try:
            self._writer.submit(lambda record: _raise_alarm(record, sentence))
        except ConsoleError as error:
            _log.info("the alarm could not be kept: %s", error.sentence)
        self._tell(sentence)
        self.finished = True


def _raise_alarm(record: Record, sentence: str) -> Changes:
    with record.transaction() as tx:
        tx.raise_alarm(ALARM, sentence)
    return tx.changes


def copy_at_quit(store: Store, now: datetime, damaged: bool, tell: Callable[[str], None]) -> None:
    """Makes the copy of the day's work; on the writer's thread, after its last write.

    None is made of a record that is known to be damaged: it would push out a good one.
    """
    if damaged:
        _log.info("no backup at quit: the record is damaged, and the copies that are there are kept")
        return
    begun = time.monotonic()
    made, failure = try_to_keep(store.folder, store.path, now)
    took = time.monotonic() - begun
    if failure:
        _log.warning("%s", failure)
        tell(failure)
    elif made is None:
        _log.info("no backup at quit: nothing changed since the last one")
    else:
        _log.info("backup at quit: %s, %d bytes in %.2f s", made.name, made.stat().st_size, took)

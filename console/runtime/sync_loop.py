"""Drives the sync engine: one thread steps it, one pushes, one holds the long poll; woken by changes.

The engine decides everything; this thread only starts what it asks for and feeds back what came of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from console.domain.changes import Changes
from console.domain.errors import ConsoleError
from console.domain.times import to_epoch_us
from console.remote.plane_client import PlaneClient
from console.runtime.couriers import Couriers
from console.runtime.inbox import Inbox
from console.runtime.writer import RecordWriter
from console.store import syncing
from console.store.readers import Reader
from console.store.receipts import JournalDoubt
from console.sync.command_values import JournalSeen
from console.sync.judge import clock_fault
from console.sync.keeping import keep, keep_clock, read_locally, standing_alarm, sync_start
from console.sync.pace import ClockOffset
from console.sync.step import Connection, connection, step
from console.sync.transport import Measured, carry
from console.sync.values import (
    AlarmsSettled,
    Failed,
    Failure,
    FetchJournal,
    Input,
    LocalRequest,
    NetworkUp,
    OutboxChanged,
    PlaneRequest,
    Step,
    SyncNow,
    SyncState,
    TimerFired,
    Write,
    WriteFailed,
    Written,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Appended:
    """Something of ours was committed; the outbox is counted by the driver, on its own connection."""


@dataclass(frozen=True, slots=True)
class _AlarmsChanged:
    """An alarm was raised or settled; the driver looks whether one still keeps the desk from its plane."""


_News = _Appended | _AlarmsChanged | ClockOffset


class SyncLoop:
    """`device` is the id of this desk's own, `clients` are for pushing and for pulling; `roll` is chance in [0, 1).

    `on_connection`, `on_offset` and `on_journal` are called on the sync thread whenever there is news.
    """

    def __init__(
        self,
        *,
        device: str,
        writer: RecordWriter,
        open_reader: Callable[[], Reader],
        clients: tuple[PlaneClient, PlaneClient],
        clock: Callable[[], datetime],
        roll: Callable[[], float],
        on_connection: Callable[[Connection], None],
        on_offset: Callable[[ClockOffset], None],
        on_journal: Callable[[JournalSeen], None],
    ) -> None:
        self._writer, self._open_reader, self._clock, self._roll = writer, open_reader, clock, roll
        self._device = device
        self._on_connection, self._on_offset, self._on_journal = on_connection, on_offset, on_journal
        self._pushing, self._pulling = Couriers("sync-push", clients[:1]), Couriers("sync-pull", clients[1:])
        self._inbox: Inbox[Input | _News] = Inbox()
        self._appended = threading.Event()
        self._clock_is_wrong: bool | None = None
        self._state, self._journal = SyncState(), JournalSeen(0, 0)
        self.connection = connection(self._state)
        self._thread = threading.Thread(target=self._run, name="sync")

    def start(self) -> None:
        """Begins with what the record holds."""
        self._writer.listen(self._on_changes)
        for couriers in (self._pushing, self._pulling):
            couriers.start()
        self._thread.start()

    def sync_now(self) -> None:
        """Ends every wait; a stop is tried again."""
        self._inbox.put(SyncNow())

    def network_up(self) -> None:
        """Ends every wait."""
        self._inbox.put(NetworkUp())

    def stop(self) -> None:
        """Cuts short what is under way; what was not answered is asked again at the next start."""
        self._inbox.close()
        if self._thread.ident is not None:
            self._thread.join()
        for couriers in (self._pushing, self._pulling):
            couriers.stop()

    def _on_changes(self, changes: Changes) -> None:
        if changes.events and not self._appended.is_set():
            self._appended.set()
            self._inbox.put(_Appended())
        if "alarm" in changes.kinds:
            self._inbox.put(_AlarmsChanged())

    def _run(self) -> None:
        try:
            with self._open_reader() as db:
                self._state = sync_start(db, self._device)
                self._take(OutboxChanged(self._state.waiting), db)
                for item in self._inbox:
                    self._hear(item, db)
        except ConsoleError as error:
            _log.error("sync cannot read the record: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended sync")

    def _hear(self, item: Input | _News, db: Reader) -> None:
        if not isinstance(item, _News):
            self._take(item, db)
            return
        try:
            if isinstance(item, _Appended):
                self._appended.clear()
                self._take(OutboxChanged(syncing.waiting(db)), db)
            elif isinstance(item, ClockOffset):
                self._judge_clock(item)
            elif standing_alarm(db) is None:
                self._take(AlarmsSettled(), db)
        except ConsoleError as error:
            _log.info("the record could not be read for sync: %s", error.sentence)
            self._inbox.after(1.0, item)

    def _judge_clock(self, offset: ClockOffset) -> None:
        sentence = clock_fault(offset)
        if self._clock_is_wrong == bool(sentence):
            return  # the record says so already

        def kept(future: Future[Changes]) -> None:
            if future.exception() is None:  # else the next measure tries again
                self._clock_is_wrong = bool(sentence)

        self._writer.submit(lambda record: keep_clock(record, sentence, self._clock())).add_done_callback(kept)

    def _take(self, event: Input, db: Reader) -> None:
        done: Step = step(self._state, event, to_epoch_us(self._clock()), self._roll())
        self._state = done.state
        for write in done.writes:
            self._write(write)
        for request in done.requests:
            if isinstance(request, LocalRequest):
                self._read(request, db)
            else:
                self._carry(request)
        for timer in done.timers:
            self._inbox.after(timer.delay_s, TimerFired(timer.serial))
        journal = JournalSeen(done.state.followed_us, done.state.doubts)
        if journal != self._journal:
            self._journal = journal
            self._on_journal(journal)
        seen = connection(done.state)
        if seen != self.connection:
            self.connection = seen
            self._on_connection(seen)

    def _read(self, request: LocalRequest, db: Reader) -> None:
        try:
            self._inbox.put(read_locally(db, request, self._device))
        except ConsoleError as error:
            self._inbox.put(WriteFailed(request.serial, error.sentence))

    def _write(self, write: Write) -> None:
        def done(future: Future[Changes]) -> None:
            error = future.exception()
            doubt = error.kind if isinstance(error, JournalDoubt) else ""
            failed = WriteFailed(write.serial, str(error), doubt)
            self._inbox.put(Written(write.serial) if error is None else failed)

        try:
            self._writer.submit(lambda record: keep(record, write, self._clock())).add_done_callback(done)
        except ConsoleError as error:
            self._inbox.put(WriteFailed(write.serial, error.sentence))

    def _carry(self, request: PlaneRequest) -> None:
        couriers = self._pulling if isinstance(request, FetchJournal) else self._pushing
        couriers.send(partial(carry, request=request)).add_done_callback(partial(self._arrived, request.serial))

    def _arrived(self, serial: int, future: Future[Measured]) -> None:
        if future.exception() is not None:
            self._inbox.put(Failed(serial, Failure("garbage", "A bug kept the plane's answer from being read.")))
            return
        event, offset = future.result()
        self._inbox.put(event)
        if offset is not None:
            self._on_offset(offset)
            self._inbox.put(offset)

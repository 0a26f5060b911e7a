"""Drives the command engine on a thread of its own, with couriers of its own: no long poll ever delays a kill.

A command is taken up when the writer says that one was committed; it is sent from here and never by the writer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
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
from console.store.readers import Reader
from console.sync.command_values import (
    CommandInput,
    CommandsState,
    Connected,
    JournalSeen,
    LookUp,
    OffsetMeasured,
    RecordCommand,
    Recorded,
    RecordFailed,
    SendCommand,
    Unanswered,
    WaitOver,
)
from console.sync.commands import step
from console.sync.keeping import authorised_commands, keep_command, open_commands
from console.sync.pace import ClockOffset
from console.sync.transport import MeasuredCommand, carry_command
from console.sync.values import Failure

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _CommandWritten:
    """A command row was committed; the driver looks which."""


class CommandLoop:
    """`senders` and `lookers` are clients for orders and for look-ups; without any the desk has no plane."""

    def __init__(
        self,
        *,
        writer: RecordWriter,
        open_reader: Callable[[], Reader],
        senders: Sequence[PlaneClient],
        lookers: Sequence[PlaneClient],
        clock: Callable[[], datetime],
        roll: Callable[[], float],
    ) -> None:
        self._writer, self._open_reader, self._clock, self._roll = writer, open_reader, clock, roll
        self._senders, self._lookers = Couriers("command-send", senders), Couriers("command-look", lookers)
        self._has_plane = bool(senders) and bool(lookers)
        self._inbox: Inbox[CommandInput | _CommandWritten] = Inbox()
        self._state = CommandsState()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commands")

    def start(self) -> None:
        """Takes up what was under way; returns when it is known, so that nothing confirmed later is mistaken for it."""
        self._senders.start()
        self._lookers.start()
        self._thread.start()
        self._ready.wait()
        self._writer.listen(self._on_changes)

    def connected(self, online: bool) -> None:
        """Says whether the plane answers; while it does not, a command is refused instead of sent."""
        self._inbox.put(Connected(online))

    def offset_measured(self, seen: ClockOffset) -> None:
        """Says how the plane's clock stood to ours in some exchange."""
        self._inbox.put(OffsetMeasured(seen))

    def journal_seen(self, seen: JournalSeen) -> None:
        """Says what sync knows of the plane's journal: whether what the plane does not know was never there."""
        self._inbox.put(seen)

    def stop(self) -> None:
        """Cuts short what is under way; what was sent and not answered is looked up at the next start."""
        self._inbox.close()
        if self._thread.ident is not None:
            self._thread.join()
        self._senders.stop()
        self._lookers.stop()

    def _on_changes(self, changes: Changes) -> None:
        if changes.touches("command"):
            self._inbox.put(_CommandWritten())

    def _run(self) -> None:
        try:
            with self._open_reader() as db:
                for found in open_commands(db):
                    self._take(found)
                self._ready.set()
                for item in self._inbox:
                    if isinstance(item, _CommandWritten):
                        self._take_up(db)
                    else:
                        self._take(item)
        except ConsoleError as error:
            _log.error("commands cannot be read from the record: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended the sending of commands")
        finally:
            self._ready.set()

    def _take_up(self, db: Reader) -> None:
        try:
            authorised = authorised_commands(db)
        except ConsoleError as error:
            _log.info("the commands could not be read: %s", error.sentence)
            self._inbox.after(0.2, _CommandWritten())
            return
        for command in authorised:
            self._take(command)

    def _take(self, event: CommandInput) -> None:
        done = step(self._state, event, to_epoch_us(self._clock()), self._roll())
        self._state = done.state
        for request in done.requests:
            self._carry(request)
        for write in done.writes:
            self._write(write)
        for timer in done.timers:
            self._inbox.after(timer.delay_s, WaitOver(timer.serial))

    def _carry(self, request: SendCommand | LookUp) -> None:
        if not self._has_plane:
            now_us = to_epoch_us(self._clock())
            failure = Failure("offline", "This desk has no plane, so nothing was sent; use the fallback card.")
            self._inbox.put(Unanswered(request.serial, failure, now_us, now_us))
            return
        couriers = self._senders if isinstance(request, SendCommand) else self._lookers
        couriers.send(partial(carry_command, request=request)).add_done_callback(partial(self._arrived, request.serial))

    def _arrived(self, serial: int, future: Future[MeasuredCommand]) -> None:
        if future.exception() is None:
            event, offset = future.result()
            if offset is not None:
                self._inbox.put(OffsetMeasured(offset))
            self._inbox.put(event)
        else:
            now_us = to_epoch_us(self._clock())
            failure = Failure("garbage", "A bug kept the plane's answer from being read.")
            self._inbox.put(Unanswered(serial, failure, now_us, now_us))

    def _write(self, write: RecordCommand) -> None:
        def done(future: Future[Changes]) -> None:
            self._inbox.put(Recorded(write.serial) if future.exception() is None else RecordFailed(write.serial))

        try:
            self._writer.submit(lambda record: keep_command(record, write, self._clock())).add_done_callback(done)
        except ConsoleError:
            self._inbox.put(RecordFailed(write.serial))

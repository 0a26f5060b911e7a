"""One desk of a run: the real store, the real engines, and the small driver that a thread would be.

Real: `console.store` on a folder in memory-backed temporary space, `sync.step`, `sync.commands`, `sync.keeping`. Model:
the driver (writes one after the other, requests over a seeded line, timers on the virtual clock) and the crash, which
drops all memory and reopens the store - between any two transactions, and between a commit and its word.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.domain.errors import ConsoleError
from console.domain.times import from_epoch_us
from console.store import syncing
from console.store._sqlite import Connection, vacuum_into
from console.store.opening import Store, open_store
from console.store.readers import Rows
from console.store.receipts import JournalDoubt
from console.store.record import Record
from console.store.transaction import Writer
from console.sync import commands, keeping, step
from console.sync.command_values import (
    Answered,
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
from console.sync.pace import measure
from console.sync.values import (
    Failed,
    Failure,
    FetchJournal,
    LocalRequest,
    NetworkUp,
    OutboxChanged,
    SyncNow,
    SyncState,
    TimerFired,
    WriteFailed,
    Written,
)
from tests.histories import cast
from tests.histories.world import Line, World, demand

if TYPE_CHECKING:
    from tests.histories.invariants import Checker
    from tests.histories.plane import Plane

TIMEOUT_US = 10_000_000
MOST_REQUESTS, WITHIN_US = 120, 10_000_000


class Desk:
    """A desk; `alive` is whether its process runs, `dead_disk` what it was rolled back from."""

    def __init__(
        self, world: World, plane: Plane, checker: Checker, number: int, *, exercise: bool, template: Path
    ) -> None:
        self.world, self.plane, self.checker, self.number = world, plane, checker, number
        self.name, self.exercise = f"desk {number}", exercise
        self.key, self.actor = cast.desk_key(number), cast.actor_of(number)
        self.folder = world.folder / f"desk{number}"
        self.backup = world.folder / f"desk{number}.backup"
        self.line = Line(world, self.name, lambda: plane.up)
        self.skew_us = world.rng.randrange(-(4 * 10**6), 4 * 10**6)
        self.life, self.alive = 0, False
        self.asked: deque[int] = deque()
        self.requests = 0
        self.clock_moved = False
        self.online = False
        self._disk_free_us = 0
        shutil.copytree(template, self.folder)
        self.start()

    # -- life

    def start(self) -> None:
        """The process begins with what the store holds."""
        if self.alive:
            return
        self.life, self.alive = self.life + 1, True
        self._store: Store = open_store(self.folder)
        self.record: Record = self._store.record(
            Writer(
                device_key=self.key, clock=self.clock, random10=lambda: self.world.rng.randbytes(10),
                policy_hash=cast.policy().hash, exercise=self.exercise,
            )
        )  # fmt: skip
        self.rows = Rows(self._store.conn, self._store.path)
        self._disk_free_us = self.world.now_us
        self.state: SyncState = keeping.sync_start(self.rows, self.key.id)
        self.commands = CommandsState()
        self.online, self.journal_seen = False, JournalSeen(0, 0)
        for found in keeping.open_commands(self.rows):
            self.feed_command(found)
        self.feed(OutboxChanged(self.state.waiting))

    def crash(self) -> None:
        """All memory is lost; the store is as the last commit left it."""
        if self.alive:
            self.alive = False
            self.life += 1
            self._store.close()
            self.world.tell(self.name, "dies")

    def close(self) -> None:
        if self.alive:
            self.alive = False
            self._store.close()

    def keep_backup(self) -> None:
        """A copy of the store as a person, or a file system, may bring it back one day."""
        self.backup.unlink(missing_ok=True)
        vacuum_into(self._store.path, self.backup)
        self.checker.backed_up(self)
        self.world.tell(self.name, "its store is copied")

    def roll_back(self) -> bool:
        """The copy takes the place of the store while the desk does not run; False when there is none."""
        if not self.backup.exists():
            return False
        self.crash()
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"record.sqlite{suffix}").unlink(missing_ok=True)
        self.backup.rename(self.folder / "record.sqlite")
        self.world.count("desk store rolled back")
        self.world.tell(self.name, "its store is rolled back to the copy")
        self.checker.rolled_back(self)
        return True

    def clock(self) -> datetime:
        return from_epoch_us(self.now_us())

    @property
    def conn(self) -> Connection:
        """The writing connection, for checks that read whole tables."""
        return self._store.conn

    def now_us(self) -> int:
        return self.world.now_us + self.skew_us

    # -- the engine of events

    def feed(self, event: Any) -> None:
        """One input of the sync engine and everything that follows from it."""
        done = step.step(self.state, event, self.now_us(), self.world.rng.random())
        self.state = done.state
        self.checker.stepped(self, event)
        for write in done.writes:
            self._on_disk(partial(self._write, write))
        for request in done.requests:
            self._request(request)
        for timer in done.timers:
            self._mine(timer.delay_s * 1e6, partial(self.feed, TimerFired(timer.serial)))
        seen = JournalSeen(self.state.followed_us, self.state.doubts)
        if seen != self.journal_seen:
            self.journal_seen = seen
            self._mine(1_000, lambda: self.feed_command(seen))
        online = step.connection(self.state).state == "online"
        if online != self.online:
            self.online = online
            self._mine(1_000, lambda: self.feed_command(Connected(self.online)))

    def appended(self) -> None:
        """Something was committed here: the driver counts the outbox, as the real one does."""
        self._mine(500, lambda: self.feed(OutboxChanged(syncing.waiting(self.rows))))

    def _write(self, write: Any) -> None:
        world, name = self.world, type(write).__name__
        if world.chance(world.trouble.crash_at_write / 2):
            self._die_for_a_while()
            return
        if world.chance(world.trouble.write_fails):
            world.tell(self.name, f"cannot write {name}: the disk is full")
            self.feed(WriteFailed(write.serial, "The disk is full."))
            return
        try:
            changes = keeping.keep(self.record, write, self.clock())
        except ConsoleError as error:
            world.tell(self.name, f"{name} is refused by the store: {error.sentence}")
            doubt = error.kind if isinstance(error, JournalDoubt) else ""
            self.feed(WriteFailed(write.serial, error.sentence, doubt))
            return
        world.tell(self.name, f"commits {_brief(write)}")
        if changes.events:
            self.checker.appended(self, changes.events)
            self.appended()
        self.checker.committed(self, write)
        if world.chance(world.trouble.crash_at_write):
            self._die_for_a_while()
        else:
            self.feed(Written(write.serial))

    def _request(self, request: Any) -> None:
        if isinstance(request, LocalRequest):
            self._mine(
                self.world.rng.uniform(100, 2_000),
                lambda: self.feed(keeping.read_locally(self.rows, request, self.key.id)),
            )
            return
        self._count_request(request)
        life = self.life

        def hear(result: Any) -> None:
            if self.life == life:
                failed = isinstance(result, Failure)
                self.feed(Failed(request.serial, result) if failed else replace(result, serial=request.serial))

        held_us = request.wait_s * 1_000_000 if isinstance(request, FetchJournal) else 0
        self.line.ask(partial(self.plane.serve, self, request), hear, timeout_us=TIMEOUT_US + held_us)

    def _count_request(self, request: Any) -> None:
        self.requests += 1
        self.asked.append(self.world.now_us)
        while self.asked[0] < self.world.now_us - WITHIN_US:
            self.asked.popleft()
        demand(
            len(self.asked) <= MOST_REQUESTS,
            "bounded requests",
            f"{self.name} asked {len(self.asked)} times within 10 s, at last a {type(request).__name__}",
        )

    # -- the engine of commands

    def feed_command(self, event: CommandInput) -> None:
        """One input of the command engine and everything that follows from it."""
        done = commands.step(self.commands, event, self.now_us(), self.world.rng.random())
        before, self.commands = self.commands, done.state
        for request in done.requests:
            self._send(request, event, was_online=before.online)
        for write in done.writes:
            self._on_disk(partial(self._write_command, write))
        for timer in done.timers:
            self._mine(timer.delay_s * 1e6, partial(self.feed_command, WaitOver(timer.serial)))

    def _send(self, request: SendCommand | LookUp, cause: CommandInput, *, was_online: bool) -> None:
        self._count_request(request)
        begun, life = self.now_us(), self.life
        if isinstance(request, SendCommand):
            self.world.tell(self.name, f"sends order {request.command_id[-4:]}")
            self.checker.sending(self, request, cause, online=was_online)

        def serve(reply: Callable[[Any], None]) -> None:
            operator = self.plane.operator
            if isinstance(request, SendCommand):
                result = operator.submit(self, request.order)
            else:
                result = operator.status(request.command_id)
            reply((result, self.world.now_us))

        def hear(result: Any) -> None:
            if self.life != life:
                return
            now = self.now_us()
            if isinstance(result, Failure):
                self.feed_command(Unanswered(request.serial, result, begun, now))
                return
            said, plane_us = result
            if isinstance(said, Failure):
                self.feed_command(Unanswered(request.serial, said, begun, now))
                return
            self.feed_command(OffsetMeasured(measure(begun, now, plane_us)))
            self.feed_command(Answered(request.serial, said, begun, now))

        self.line.ask(serve, hear, timeout_us=TIMEOUT_US)

    def _write_command(self, write: RecordCommand) -> None:
        if self.world.chance(self.world.trouble.write_fails):
            self.feed_command(RecordFailed(write.serial))
            return
        try:
            changes = keeping.keep_command(self.record, write, self.clock())
        except ConsoleError as error:
            self.world.tell(self.name, f"the store refuses a command's row: {error.sentence}")
            self.feed_command(RecordFailed(write.serial))
            return
        self.world.tell(self.name, f"notes that order {write.command_id[-4:]} is {write.state}")
        self.checker.command_shown(self, write)
        if changes.events:
            self.checker.appended(self, changes.events)
            self.appended()
        if self.world.chance(self.world.trouble.crash_at_write):
            self._die_for_a_while()
        else:
            self.feed_command(Recorded(write.serial))

    # -- the driver

    def sync_now(self) -> None:
        if self.alive:
            self.feed(SyncNow())

    def network_up(self) -> None:
        if self.alive:
            self.feed(NetworkUp())

    def _die_for_a_while(self) -> None:
        self.crash()
        self.world.later(self.world.rng.uniform(1e5, 1e7), self.start)

    def _on_disk(self, act: Callable[[], None]) -> None:
        """Writes happen one after the other."""
        self._disk_free_us = max(self._disk_free_us, self.world.now_us) + int(self.world.rng.uniform(200, 5_000))
        self._mine(self._disk_free_us - self.world.now_us, act)

    def _mine(self, delay_us: float, act: Callable[[], None]) -> None:
        """Runs `act` then, unless this life of the desk has ended."""
        life = self.life
        self.world.later(delay_us, lambda: act() if self.life == life and self.alive else None)


def _brief(write: Any) -> str:
    name = type(write).__name__
    if not is_dataclass(write):
        return name
    held = {one.name: getattr(write, one.name) for one in fields(write)}
    if "entries" in held:
        return f"{name} {held['before'].gpos} -> {held['after'].gpos}"
    if "receipts" in held:
        return f"{name} " + ", ".join(f"{one.status[:3]} {one.gpos}" for one in held["receipts"])
    if "kind" in held:
        return f"{name} {held['kind']}"
    return f"{name} {held['event_id'][-4:]}" if "event_id" in held else name

"""Desks and a plane in one seeded, virtual world: delay, loss, duplication, late answers, crashes, failed writes.

Nothing sleeps and nothing threads: `World` orders everything that happens by virtual time. What is durable on a desk is
in `Desk.disk`; everything else dies with a crash.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from console.proof.checkpoint import sign_checkpoint
from console.proof.envelope import SignedEvent
from console.proof.growth import Frontier
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash, journal_leaf, receipt_object, sign_receipt
from console.proof.keys import SigningKey
from console.sync.step import initial, step
from console.sync.values import (
    ConfigAnswered,
    Cursor,
    Entry,
    Failed,
    Failure,
    FetchConfig,
    FetchJournal,
    FetchToken,
    Halt,
    Input,
    JournalAnswered,
    OutboxChanged,
    OutboxItem,
    OutboxRead,
    PlaneIdentity,
    PushAnswered,
    PushBatch,
    RaiseAlarm,
    ReadOutbox,
    Receipt,
    RememberPlane,
    SetAside,
    StoreEntries,
    StoreReceipts,
    SyncState,
    TimerFired,
    TokenAnswered,
    WriteFailed,
    Written,
)
from tests.fakes.people import PLANE, ROOT, chain

IDENTITY = PlaneIdentity("range.example.org", True, ROOT.public_hex, PLANE.id, PLANE.public_hex)
EPOCH = "0190a000-0000-7000-8000-0000000000ee"


@dataclass
class Faults:
    """Chances of each fault; all zero once `World.heal` was called."""

    lose_request: float = 0.1
    lose_answer: float = 0.1
    repeat: float = 0.1
    late: float = 0.05
    refuse_connection: float = 0.05
    busy: float = 0.05
    forget_token: float = 0.02
    write_fails: float = 0.05


class Server:
    """The journal as the plane keeps it: one position an event, one receipt for ever."""

    def __init__(self, max_batch: int) -> None:
        self.rows: list[Entry] = []
        self.tree = Frontier()
        self.receipts: dict[tuple[str, str], Receipt] = {}
        self.tokens: set[int] = set()
        self.max_batch = max_batch
        self.unreadable: set[str] = set()
        self.requests = 0

    def push(self, items: tuple[OutboxItem, ...]) -> PushAnswered | Failure:
        if len(items) > self.max_batch:
            return Failure("problem", "too large", 413, "too_large")
        if any(item.event_id in self.unreadable for item in items):
            return Failure("problem", "cannot be read", 422, "malformed")
        return PushAnswered(0, EPOCH, tuple(self.place(item) for item in items))

    def place(self, item: OutboxItem) -> Receipt:
        known = self.receipts.get((item.event_id, item.event.hash))
        if known:
            return known
        gpos, at = len(self.rows) + 1, self.rows[-1].journal_hash if self.rows else EMPTY_JOURNAL_HASH
        good = gpos % 11 != 0  # now and then one is rejected; it has its position all the same
        status = "accepted" if good else "rejected"
        self.rows.append(Entry(gpos, journal_hash(at, item.event.hash, good), status, item.event))
        self.tree = self.tree.after(journal_leaf(item.event.hash, good))
        signed = sign_receipt(PLANE, receipt_object(item.event_id, item.event.hash, status, gpos, EPOCH))
        receipt = Receipt(item.event_id, item.event.hash, status, gpos, signed)
        self.receipts[(item.event_id, item.event.hash)] = receipt
        return receipt

    def page(self, asked: FetchJournal) -> JournalAnswered | Failure:
        here = self.rows[asked.after - 1].journal_hash if asked.after else EMPTY_JOURNAL_HASH
        if asked.after > len(self.rows) or here != asked.hash:
            return Failure("problem", "not of this journal", 409, "conflict")
        entries = tuple(self.rows[asked.after : asked.after + asked.limit])
        end = self.rows[-1].journal_hash if self.rows else EMPTY_JOURNAL_HASH
        note = sign_checkpoint(IDENTITY.origin, len(self.rows), self.tree.root(), PLANE, IDENTITY.origin)
        return JournalAnswered(0, EPOCH, entries, len(self.rows), end, note)


@dataclass
class Disk:
    """What survives a crash of the desk; every write below is one transaction."""

    events: list[SignedEvent] = field(default_factory=list)
    outbox: list[OutboxItem] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)
    cursor: Cursor = field(default_factory=Cursor)
    plane: PlaneIdentity | None = None
    alarm: Halt | None = None

    def commit(self, write: Any) -> None:
        match write:
            case RememberPlane():
                self.plane, self.cursor = write.plane, replace(self.cursor, epoch=write.epoch)
            case StoreReceipts():
                for receipt in write.receipts:
                    assert self.receipts.setdefault(receipt.event_id, receipt) == receipt, "two receipts for one event"
                self._drop({receipt.event_id for receipt in write.receipts})
            case SetAside():
                self.set_aside.append(write.event_id)
                self._drop({write.event_id})
            case StoreEntries():
                assert write.before == self.cursor, "entries for another cursor"
                self.journal.extend(write.entries)
                self.cursor = write.after
            case RaiseAlarm():
                self.alarm = Halt("alarm", write.kind, write.sentence)

    def _drop(self, ids: set[str]) -> None:
        self.outbox = [item for item in self.outbox if item.event_id not in ids]


class Desk:
    """One desk: its disk, its engine, and which life of it is running."""

    def __init__(self, world: World, key: SigningKey, clock_skew_us: int) -> None:
        self.world, self.skew_us = world, clock_skew_us
        self.disk = Disk()
        self.notes: Iterator[SignedEvent] = chain(key)
        self.life = 0
        self.token = 0
        self.state: SyncState = self.start()

    def start(self) -> SyncState:
        self.life += 1
        known = self.disk.plane.exercise if self.disk.plane else None
        self.state = initial(self.disk.cursor, self.disk.plane, known, len(self.disk.outbox), self.disk.alarm)
        self.feed(OutboxChanged(len(self.disk.outbox)))
        return self.state

    def write_note(self) -> None:
        event = next(self.notes)
        self.disk.events.append(event)
        self.disk.outbox.append(OutboxItem(event.envelope.event_id, event))
        self.feed(OutboxChanged(len(self.disk.outbox)))

    def feed(self, event: Input) -> None:
        world = self.world
        done = step(self.state, event, world.now_us + self.skew_us, world.rng.random())
        self.state = done.state
        for write in done.writes:
            world.later(self, world.rng.uniform(0, 5_000), partial(self._write, write))
        for request in done.requests:
            world.ask(self, request)
        for timer in done.timers:
            world.later(self, timer.delay_s * 1e6, partial(self.feed, TimerFired(timer.serial)))
        world.check(self)

    def _write(self, write: Any) -> None:
        if self.world.chance(self.world.faults.write_fails):
            self.feed(WriteFailed(write.serial, "the disk is full"))
            return
        self.disk.commit(write)
        if self.world.chance(self.world.crash):
            self.start()  # after the commit, before anybody hears of it
        else:
            self.feed(Written(write.serial))


class World:
    """Everybody, on one virtual clock."""

    def __init__(self, seed: int, desks: int = 2, *, crash: float = 0.02, max_batch: int = 4) -> None:
        self.rng = random.Random(seed)
        self.now_us = 1_750_000_000_000_000
        self.faults, self.crash = Faults(), crash
        self.server = Server(max_batch)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._parked: list[tuple[Desk, int, FetchJournal]] = []
        keys = [SigningKey(bytes([65 + n]) * 32) for n in range(desks)]
        self.desks = [Desk(self, key, self.rng.randrange(-(10**8), 10**8)) for key in keys]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.faults, self.crash = Faults(*([0.0] * 8)), 0.0

    def later(self, desk: Desk | None, delay_us: float, act: Callable[[], None]) -> None:
        """Runs `act` then, unless that desk has crashed meanwhile."""
        life = desk.life if desk else 0
        alive = act if desk is None else lambda: act() if desk.life == life else None
        heapq.heappush(self._heap, (self.now_us + delay_us, next(self._order), alive))

    def run(self, for_us: float) -> None:
        until = self.now_us + for_us
        while self._heap and self._heap[0][0] <= until:
            at, _, act = heapq.heappop(self._heap)
            self.now_us = max(self.now_us, int(at))
            act()
        self.now_us = int(until)

    def ask(self, desk: Desk, request: Any) -> None:
        if isinstance(request, ReadOutbox):
            items = tuple(desk.disk.outbox[: request.max_events])
            read = OutboxRead(request.serial, items, len(desk.disk.outbox))
            self.later(desk, self.rng.uniform(0, 2_000), lambda: desk.feed(read))
            return
        self.server.requests += 1
        if self.chance(self.faults.refuse_connection):
            failed = Failed(request.serial, Failure("offline", "nobody there"))
            self.later(desk, 1_000, lambda: desk.feed(failed))
            return
        if not self.chance(self.faults.lose_request):
            copies = 2 if self.chance(self.faults.repeat) else 1
            for _ in range(copies):
                # the server hears it even when the desk has died meanwhile
                delay = self.rng.uniform(100, 3_000_000 if self.chance(self.faults.late) else 80_000)
                self.later(None, delay, partial(self._serve, desk, desk.life, request))
        lost = Failed(request.serial, Failure("lost", "no answer in time"))
        # every request ends some time; when its answer came first, its serial is no longer waited for
        self.later(desk, 40_000_000, lambda: desk.feed(lost))
        if self.chance(self.faults.late):
            self.later(desk, 500_000, lambda: desk.feed(lost))

    def _serve(self, desk: Desk, life: int, request: Any) -> None:
        if self.chance(self.faults.forget_token):
            self.server.tokens.clear()
        if self.chance(self.faults.busy):
            self._answer(desk, life, request, Failure("problem", "busy", 503, "busy", 1.0))
            return
        if isinstance(request, FetchToken):
            desk.token += 1
            self.server.tokens.add(id(desk))
        elif not isinstance(request, FetchConfig) and id(desk) not in self.server.tokens:
            self._answer(desk, life, request, Failure("problem", "who are you", 401, "unauthenticated"))
            return
        if isinstance(request, FetchJournal) and request.wait_s and request.after == len(self.server.rows):
            self._parked.append((desk, life, request))
            self.later(None, request.wait_s * 1e6, lambda: self._unpark(desk, life, request))
            return
        self._answer(desk, life, request, self._result(request))
        for waiting in list(self._parked) if isinstance(request, PushBatch) else ():
            self._unpark(*waiting)

    def _unpark(self, desk: Desk, life: int, request: FetchJournal) -> None:
        if (desk, life, request) in self._parked:
            self._parked.remove((desk, life, request))
            self._answer(desk, life, request, self.server.page(request))

    def _result(self, request: Any) -> Input | Failure:
        match request:
            case FetchConfig():
                return ConfigAnswered(0, IDENTITY, EPOCH)
            case FetchToken():
                return TokenAnswered(0)
            case PushBatch():
                return self.server.push(request.items)
            case _:
                return self.server.page(request)

    def _answer(self, desk: Desk, life: int, request: Any, result: Any) -> None:
        if self.chance(self.faults.lose_answer):
            return
        failed = isinstance(result, Failure)
        event = Failed(request.serial, result) if failed else replace(result, serial=request.serial)
        for _ in range(2 if self.chance(self.faults.repeat) else 1):
            delay = self.rng.uniform(100, 3_000_000 if self.chance(self.faults.late) else 80_000)
            self.later(None, delay, lambda: desk.feed(event) if desk.life == life else None)

    def check(self, desk: Desk) -> None:
        """What must hold at every moment."""
        disk, rows = desk.disk, self.server.rows
        assert disk.cursor.gpos == len(disk.journal), "the cursor is ahead of the data, or behind"
        assert disk.journal == rows[: len(disk.journal)], "our copy is not a beginning of the plane's journal"
        assert desk.state.cursor.gpos <= disk.cursor.gpos, "the engine believes what is not on disk"
        kept = {item.event_id for item in disk.outbox} | set(disk.receipts) | set(disk.set_aside)
        assert kept >= {event.envelope.event_id for event in disk.events}, "an event vanished from its desk"

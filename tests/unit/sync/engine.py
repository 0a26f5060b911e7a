"""The sync engine on a bench: feeds it inputs, keeps what it asked for, and knows a good plane's answers."""

from dataclasses import replace
from typing import Any

from console.proof.checkpoint import sign_checkpoint
from console.proof.growth import Frontier
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash, journal_leaf, receipt_object, sign_receipt
from console.proof.keys import SigningKey
from console.protocol.limits import Limits
from console.sync.step import initial, step
from console.sync.values import (
    ConfigAnswered,
    Cursor,
    Entry,
    Failed,
    Failure,
    FetchConfig,
    FetchToken,
    Input,
    JournalAnswered,
    OutboxChanged,
    OutboxItem,
    OutboxRead,
    PlaneIdentity,
    PushBatch,
    ReadOutbox,
    Receipt,
    RememberPlane,
    Step,
    SyncState,
    TokenAnswered,
    Written,
)
from tests.fakes.people import PLANE, ROOT, some

EPOCH = "0190a000-0000-7000-8000-0000000000ee"
IDENTITY = PlaneIdentity("range.example.org", True, ROOT.public_hex, PLANE.id, PLANE.public_hex)
EVENTS = some(6)
ITEMS = tuple(OutboxItem(e.envelope.event_id, e) for e in EVENTS)
NOW_US = 1_750_000_000_000_000


class Engine:
    """The engine under test with what it last asked for; `roll` is fixed so that waits can be foretold."""

    def __init__(self, state: SyncState | None = None) -> None:
        self.state = state or initial(Cursor())
        self.now_us = NOW_US
        self.last: Step
        self.open: list[Any] = []

    def feed(self, event: Input) -> Step:
        self.last = step(self.state, event, self.now_us, 0.5)
        self.state = self.last.state
        self.open += [*self.last.requests, *self.last.writes, *self.last.timers]
        return self.last

    def take(self, kind: type) -> Any:
        """What it asked for of that kind, once."""
        found = next(item for item in self.open if isinstance(item, kind))
        self.open.remove(found)
        return found

    def wants(self, kind: type) -> bool:
        return any(isinstance(item, kind) for item in self.open)

    def ready(self, **limits: int) -> "Engine":
        """Past configuration and token, its first journal page and outbox asked for."""
        self.feed(OutboxChanged(0))
        self.feed(ConfigAnswered(self.take(FetchConfig).serial, IDENTITY, EPOCH, replace(Limits(), **limits)))
        if self.wants(RememberPlane):
            self.feed(Written(self.take(RememberPlane).serial))
        self.feed(TokenAnswered(self.take(FetchToken).serial))
        return self

    def pushing(self, count: int = len(ITEMS), **limits: int) -> PushBatch:
        self.ready(**limits)
        read = self.take(ReadOutbox)
        self.feed(OutboxRead(read.serial, ITEMS[: min(count, read.max_events)], count))
        batch: PushBatch = self.take(PushBatch)
        return batch

    def fails(self, serial: int, status: int, kind: str = "", retry_after_s: float = 0.0) -> Step:
        return self.feed(Failed(serial, Failure("problem", f"the plane says {status}", status, kind, retry_after_s)))

    def delay(self) -> float:
        return float(self.last.timers[-1].delay_s)


def receipts(items: tuple[OutboxItem, ...], key: SigningKey = PLANE, first: int = 1) -> tuple[Receipt, ...]:
    made = []
    for gpos, item in enumerate(items, first):
        sig = sign_receipt(key, receipt_object(item.event_id, item.event.hash, "accepted", gpos, EPOCH))
        made.append(Receipt(item.event_id, item.event.hash, "accepted", gpos, sig))
    return tuple(made)


def entries(count: int = 3, at: str = EMPTY_JOURNAL_HASH, first: int = 1) -> tuple[Entry, ...]:
    made = []
    for gpos, event in enumerate(EVENTS[:count], first):
        at = journal_hash(at, event.hash, True)
        made.append(Entry(gpos, at, "accepted", event))
    return tuple(made)


def frontier(count: int) -> Frontier:
    """The tree over the first `count` entries of `entries`, and over what may follow them."""
    tree = Frontier()
    for n in range(count):
        tree = tree.after(journal_leaf(EVENTS[n % len(EVENTS)].hash, True))
    return tree


def note(size: int, root: bytes | None = None, key: SigningKey = PLANE) -> str:
    """The plane's checkpoint of that size."""
    return sign_checkpoint(IDENTITY.origin, size, root or frontier(size).root(), key, IDENTITY.origin)


def page(serial: int, of: tuple[Entry, ...], size: int | None = None, epoch: str = EPOCH) -> JournalAnswered:
    end = of[-1].journal_hash if of else EMPTY_JOURNAL_HASH
    size = len(of) if size is None else size
    return JournalAnswered(serial, epoch, of, size, end, note(size))

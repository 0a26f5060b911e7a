"""The desk without a window: opens the store, starts its threads, and stops them in the right order.

`Desk` is what the window, the demo and the tests hold. Everything a person does goes through `act`, everything shown
through `query`, everything asked of the plane besides sync and commands through `errand`. Without a plane's address the
desk works on its own, offline.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.times import to_epoch_us
from console.proof.keys import SigningKey
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.command_loop import CommandLoop
from console.runtime.couriers import Couriers
from console.runtime.readers import RecordReaders
from console.runtime.sync_loop import SyncLoop
from console.runtime.telemetry_feed import FeedStatus, TelemetryFeed
from console.runtime.writer import RecordWriter
from console.store.blobs import BlobStore
from console.store.opening import Store, open_store
from console.store.readers import Reader
from console.store.record import Record
from console.store.transaction import Writer
from console.sync.pace import ClockOffset, better
from console.sync.step import Connection

T = TypeVar("T")
P = ParamSpec("P")

NO_PLANE = Connection("offline", 0, 0, 0, "This desk has no plane; start it with --plane URL to sync.")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class DeskSettings:
    """What a desk is made of; `plane_url` "" works offline, `verify` is True or the path of a CA file.

    `clock` returns an aware datetime, `roll` chance in [0, 1), `random10` ten random bytes, `nonce` 64 hex digits.
    """

    folder: Path
    device_key: SigningKey
    exercise: bool
    policy_hash: str = ""
    plane_url: str = ""
    verify: bool | str = True
    clock: Callable[[], datetime] = _utc_now
    roll: Callable[[], float] = field(default_factory=lambda: secrets.SystemRandom().random)
    random10: Callable[[], bytes] = lambda: secrets.token_bytes(10)
    nonce: Callable[[], str] = lambda: secrets.token_hex(32)


class Desk:
    """Use it in a `with`, or call `start` and `stop`; listeners are added before `start`.

    Raises at `start` what opening the store raises, and InputError for a plane's address that may not be used.
    """

    def __init__(self, settings: DeskSettings) -> None:
        self.settings = settings
        self._listeners: list[Callable[[Changes], None]] = []
        self._connection_listeners: list[Callable[[Connection], None]] = []
        self._feed_listeners: list[Callable[[FeedStatus], None]] = []
        self._store: Store | None = None
        self._offset: ClockOffset | None = None
        self.feed: TelemetryFeed | None = None
        self._sync: SyncLoop | None = None
        self._errands: Couriers | None = None

    # -- life

    def start(self) -> None:
        """Opens the store and starts every thread; leaves nothing open when it fails."""
        chosen = self.settings
        clients = self._clients(7) if chosen.plane_url else []
        store = open_store(chosen.folder)
        try:
            record = store.record(
                Writer(
                    device_key=chosen.device_key,
                    clock=chosen.clock,
                    random10=chosen.random10,
                    policy_hash=chosen.policy_hash,
                    exercise=chosen.exercise,
                )
            )
        except BaseException:
            store.close()
            raise
        self._store, self._writer = store, RecordWriter(record)
        for listener in self._listeners:
            self._writer.listen(listener)
        self._readers = RecordReaders(store.reader)
        self._commands = CommandLoop(
            writer=self._writer, open_reader=store.reader, senders=clients[0:2], lookers=clients[2:4],
            clock=chosen.clock, roll=chosen.roll,
        )  # fmt: skip
        self._writer.start()
        self._readers.start()
        self._commands.start()
        if clients:
            self._start_outside(store, clients[4:])

    def _clients(self, count: int) -> list[PlaneClient]:
        chosen = self.settings
        tokens = TokenKeeper(chosen.device_key, chosen.nonce)

        def now_us() -> int:
            return to_epoch_us(chosen.clock())

        return [PlaneClient(Wire(chosen.plane_url, now_us, chosen.verify), tokens) for _ in range(count)]

    def _start_outside(self, store: Store, clients: list[PlaneClient]) -> None:
        chosen = self.settings
        push, pull, errands = clients
        self._sync = SyncLoop(
            writer=self._writer, open_reader=store.reader, clients=(push, pull), clock=chosen.clock, roll=chosen.roll,
            on_connection=self._on_connection, on_offset=self._on_offset,
        )  # fmt: skip
        self._errands = Couriers("errand", [errands])
        self._errands.start()
        self._sync.start()

    def stop(self) -> None:
        """Stops what talks to the plane, then the writer, then the readers, then closes the store; again does nothing."""
        if self._store is None:
            return
        if self.feed is not None:
            self.feed.stop()
        if self._errands is not None:
            self._errands.stop()
        self._commands.stop()
        if self._sync is not None:
            self._sync.stop()
        self._writer.stop()
        self._readers.stop()
        self._store.close()
        self._store = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

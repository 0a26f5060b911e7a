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
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.proof.keys import SigningKey
from console.runtime.readers import RecordReaders
from console.runtime.writer import RecordWriter
from console.store.blobs import BlobStore
from console.store.opening import Store, open_store
from console.store.readers import Reader
from console.store.record import Record
from console.store.transaction import Writer
from console.sync.pace import ClockOffset
from console.sync.step import Connection

if TYPE_CHECKING:
    from console.remote.plane_client import PlaneClient
    from console.runtime.outside import Outside
    from console.runtime.telemetry_feed import FeedStatus, TelemetryFeed

T = TypeVar("T")
P = ParamSpec("P")

QUERY_S = 30.0
"""A question of the record that takes longer than this has gone wrong."""
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
    """Use it in a `with`, or call `start` and `stop`; it runs once.

    Listeners run on the thread that has the news and must return at once; add them before `start`.
    """

    def __init__(self, settings: DeskSettings) -> None:
        self.settings = settings
        self._change_listeners: list[Callable[[Changes], None]] = []
        self._connection_listeners: list[Callable[[Connection], None]] = []
        self._feed_listeners: list[Callable[[FeedStatus], None]] = []
        self._store: Store | None = None
        self._outside: Outside | None = None

    def on_changes(self, listener: Callable[[Changes], None]) -> None:
        """Calls `listener` after every commit."""
        self._change_listeners.append(listener)

    def on_connection(self, listener: Callable[[Connection], None]) -> None:
        """Calls `listener` whenever the connection is another."""
        self._connection_listeners.append(listener)

    def on_feed(self, listener: Callable[[FeedStatus], None]) -> None:
        """Calls `listener` whenever the metric stream falls silent or comes back."""
        self._feed_listeners.append(listener)

    # -- what a person does, sees and asks

    def act(self, verb: Callable[Concatenate[Record, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """`verb(record, *args)` on the writer's thread, after everything before it.

        Raises WriterBehind when too much is waiting; what the verb raises is on the Future.
        """
        return self._running()._writer.submit(lambda record: verb(record, *args, **kwargs))

    def ask(self, noun: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """`noun(reader, *args)` on a reader's thread."""
        return self._running()._readers.ask(noun, *args, **kwargs)

    def query(self, noun: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer itself: for the demo and for tests, never on a thread that paints."""
        return self.ask(noun, *args, **kwargs).result(QUERY_S)

    def errand(self, request: Callable[[PlaneClient], T]) -> Future[T]:
        """`request(client)` on an errand thread: previews, counts, validations, captures.

        Raises RefusedError on a desk without a plane.
        """
        self._running()
        if self._outside is None or self._outside.errands is None:
            raise RefusedError("This desk has no plane to ask; start it with --plane URL.")
        return self._outside.errands.send(request)

    def sync_now(self) -> None:
        """The Sync button: every wait ends, a stop is tried again."""
        if self._outside is not None and self._outside.sync is not None:
            self._outside.sync.sync_now()

    def network_up(self) -> None:
        """Every wait ends."""
        if self._outside is not None and self._outside.sync is not None:
            self._outside.sync.network_up()

    @property
    def connection(self) -> Connection:
        """How the desk stands to its plane now."""
        if self._outside is None or self._outside.sync is None:
            return NO_PLANE
        return self._outside.sync.connection

    @property
    def clock_offset(self) -> ClockOffset | None:
        """How far the plane's clock is ahead of this one's, None before it was measured."""
        return self._outside.clock_offset if self._outside is not None else None

    @property
    def feed(self) -> TelemetryFeed | None:
        """The metric stream, None without a plane."""
        return self._outside.feed if self._outside is not None else None

    @property
    def blobs(self) -> BlobStore:
        """The write-once blobs of this desk."""
        store = self._running()._store
        assert store is not None
        return store.blobs

    # -- life

    def start(self, *, outside: bool = True) -> None:
        """Opens the store and starts every thread; leaves nothing open when it fails.

        With `outside` False nothing talks yet and no HTTP is imported: call `go_outside` after the first paint. Raises
        what opening the store raises, and InputError for a plane's address that may not be used.
        """
        chosen = self.settings
        store = open_store(chosen.folder)
        try:
            writer = Writer(
                device_key=chosen.device_key, clock=chosen.clock, random10=chosen.random10,
                policy_hash=chosen.policy_hash, exercise=chosen.exercise,
            )  # fmt: skip
            record = store.record(writer)
        except BaseException:
            store.close()
            raise
        self._store, self._writer, self._readers = store, RecordWriter(record), RecordReaders(store.reader)
        for listener in self._change_listeners:
            self._writer.listen(listener)
        self._writer.start()
        self._readers.start()
        try:
            if outside:
                self.go_outside()
        except BaseException:
            self.stop()
            raise

    def go_outside(self) -> None:
        """Starts all that talks; raises InputError for an address of the plane that may not be used."""
        from console.runtime.outside import Outside, OutsideSettings

        chosen, store = self.settings, self._running()._store
        if self._outside is not None or store is None:
            return
        settings = OutsideSettings(
            plane_url=chosen.plane_url, verify=chosen.verify, device_key=chosen.device_key, nonce=chosen.nonce,
            clock=chosen.clock, roll=chosen.roll, connection_listeners=tuple(self._connection_listeners),
            feed_listeners=tuple(self._feed_listeners),
        )  # fmt: skip
        self._outside = Outside(settings, self._writer, store.reader)
        self._outside.start()

    def stop(self) -> None:
        """Stops what talks, then the writer, then the readers, and closes the store; again does nothing."""
        if self._store is None:
            return
        if self._outside is not None:
            self._outside.stop()
        self._writer.stop()
        self._readers.stop()
        self._store.close()
        self._store = self._outside = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def _running(self) -> Self:
        if self._store is None:
            raise RefusedError("The desk is closed; open it again.")
        return self

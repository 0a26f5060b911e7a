"""The desk without a window: opens the store, starts its threads, and stops them in the right order.

`Desk` is what the window, the demo and the tests hold. Everything a person does goes through `act`, everything shown
through `query`, everything asked of the plane besides sync and commands through `errand`. Without a plane's address the
desk works on its own, offline.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from console.domain.changes import Changes
from console.domain.errors import ConsoleError, RefusedError
from console.proof.keys import SigningKey
from console.runtime.following import Following
from console.runtime.guarding import RecordGuard, copy_at_quit
from console.runtime.head_watch import HeadKeeper, HeadWatch, compare_head
from console.runtime.readers import RecordReaders
from console.runtime.writer import RecordWriter
from console.store.backup import last_failure
from console.store.blobs import BlobStore
from console.store.faults import StoreHeldFault
from console.store.opening import Store, open_store
from console.store.read_only import ReadOnlyStore, open_read_only
from console.store.readers import Reader
from console.store.record import Record
from console.store.transaction import Writer
from console.sync.pace import ClockOffset
from console.sync.step import Connection

if TYPE_CHECKING:
    from console.domain.sighting import OwnLook
    from console.proof.actor import Actor
    from console.remote.plane_client import PlaneClient
    from console.runtime.outside import Outside
    from console.runtime.probing import ProbeSettings
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

    `clock` returns an aware datetime, `roll` chance in [0, 1), `random10` ten random bytes, `nonce` 64 hex digits. With
    `second_window` a store that another process writes is opened read-only instead of refused. The record is checked
    `check_after_s` seconds after the start, when the window has settled. `head_keeper` keeps the newest event outside
    the store, so that an older copy of it is found before anything is written. `probing` says where the desk may look
    for itself; without it, nowhere.
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
    second_window: bool = False
    head_keeper: HeadKeeper | None = None
    check_after_s: float = 2.0
    probing: ProbeSettings | None = None


class Desk:
    """Use it in a `with`, or call `start` and `stop`; it runs once.

    Listeners run on the thread that has the news and must return at once; add them before `start`.
    """

    def __init__(self, settings: DeskSettings) -> None:
        self.settings = settings
        self._change_listeners: list[Callable[[Changes], None]] = []
        self._connection_listeners: list[Callable[[Connection], None]] = []
        self._feed_listeners: list[Callable[[FeedStatus], None]] = []
        self._notice_listeners: list[Callable[[str], None]] = []
        self._store: Store | ReadOnlyStore | None = None
        self._writer: RecordWriter | None = None
        self._guard: RecordGuard | None = None
        self._following: Following | None = None
        self._outside: Outside | None = None
        self._head_watch: HeadWatch | None = None

    def on_changes(self, listener: Callable[[Changes], None]) -> None:
        """Calls `listener` after every commit."""
        self._change_listeners.append(listener)

    def on_connection(self, listener: Callable[[Connection], None]) -> None:
        """Calls `listener` whenever the connection is another."""
        self._connection_listeners.append(listener)

    def on_feed(self, listener: Callable[[FeedStatus], None]) -> None:
        """Calls `listener` whenever the metric stream falls silent or comes back."""
        self._feed_listeners.append(listener)

    def on_notice(self, listener: Callable[[str], None]) -> None:
        """Calls `listener` with a sentence that a person must read: the disk is full, the record is damaged."""
        self._notice_listeners.append(listener)

    # -- what a person does, sees and asks

    def act(self, verb: Callable[Concatenate[Record, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """`verb(record, *args)` on the writer's thread, after everything before it.

        Raises WriterBehind when too much is waiting, RefusedError in a window that only reads; what the verb raises is
        on the Future.
        """
        writer = self._running()._writer
        if writer is None:
            raise RefusedError(self.read_only)
        return writer.submit(lambda record: verb(record, *args, **kwargs))

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
        if self._running()._writer is None:
            raise RefusedError(self.read_only)
        if self._outside is None or self._outside.errands is None:
            raise RefusedError("This desk has no plane to ask; start it with --plane URL.")
        return self._outside.errands.send(request)

    def look_from_here(self, incident: str, switch: str, target: str, actor: Actor) -> Future[OwnLook]:
        """Has this desk see for itself how a switch stands, on a thread of its own; the look is kept in `incident`.

        Raises RefusedError where no look from here can tell anything, InputError for an unknown target.
        """
        if self._running()._writer is None:
            raise RefusedError(self.read_only)
        if self._outside is None or self._outside.looks is None:
            raise RefusedError("This desk was told of no data path to look at; name it in the settings under [probe].")
        return self._outside.looks.look(incident, switch, target, actor)

    def sync_now(self) -> None:
        """The Sync button: every wait ends, a stop is tried again."""
        if self._outside is not None and self._outside.sync is not None:
            self._outside.sync.sync_now()

    def network_up(self) -> None:
        """Every wait ends."""
        if self._outside is not None and self._outside.sync is not None:
            self._outside.sync.network_up()

    @property
    def read_only(self) -> str:
        """Why nothing can be written here, naming the process that writes; "" in a desk that writes."""
        return self._store.sentence if isinstance(self._store, ReadOnlyStore) else ""

    @property
    def connection(self) -> Connection:
        """How the desk stands to its plane now; state "reading" in a window that only reads."""
        if self.read_only:
            return Connection("reading", 0, 0, 0, self.read_only)
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
        try:
            store = open_store(chosen.folder)
        except StoreHeldFault as held:
            if not chosen.second_window:
                raise
            self._start_reading(open_read_only(chosen.folder, held.holder))
            return
        try:
            record = self._record_of(store)
        except BaseException:
            store.close()
            raise
        self._start_writing(store, record)
        try:
            if outside:
                self.go_outside()
        except BaseException:
            self.stop()
            raise

    def _record_of(self, store: Store) -> Record:
        chosen = self.settings
        writer = Writer(
            device_key=chosen.device_key, clock=chosen.clock, random10=chosen.random10,
            policy_hash=chosen.policy_hash, exercise=chosen.exercise,
        )  # fmt: skip
        record = store.record(writer)
        if chosen.head_keeper is not None and (kept := chosen.head_keeper.load()):
            compare_head(record, kept, chosen.clock())
        return record

    def _start_writing(self, store: Store, record: Record) -> None:
        chosen = self.settings
        self._store, self._writer = store, RecordWriter(record, tell=self._tell)
        self._readers = RecordReaders(store.reader)
        self._guard = RecordGuard(store.reader, self._writer, self._tell, chosen.check_after_s)
        self._listen(self._writer, store)
        for part in (self._writer, self._readers, self._guard):
            part.start()
        self._writer.submit(lambda _: store.ballast.keep())
        if failure := last_failure(chosen.folder):
            self._tell(failure)

    def _listen(self, writer: RecordWriter, store: Store) -> None:
        if self.settings.head_keeper is not None:
            self._head_watch = HeadWatch(self.settings.head_keeper, store.reader)
            self._head_watch.start()
            writer.listen(self._head_watch.hear)
        for listener in self._change_listeners:
            writer.listen(listener)

    def _start_reading(self, store: ReadOnlyStore) -> None:
        self._store, self._readers = store, RecordReaders(store.reader)
        self._following = Following(store.reader, self._change_listeners)
        self._readers.start()
        self._following.start()

    def go_outside(self) -> None:
        """Starts all that talks; raises InputError for an address of the plane that may not be used."""
        from console.runtime.outside import Outside, OutsideSettings

        chosen, store = self.settings, self._running()._store
        if self._outside is not None or self._writer is None or not isinstance(store, Store):
            return
        settings = OutsideSettings(
            plane_url=chosen.plane_url, verify=chosen.verify, device_key=chosen.device_key, nonce=chosen.nonce,
            clock=chosen.clock, roll=chosen.roll, connection_listeners=tuple(self._connection_listeners),
            feed_listeners=tuple(self._feed_listeners), tell=self._tell, probing=chosen.probing,
        )  # fmt: skip
        self._outside = Outside(settings, self._writer, store.reader, store.blobs)
        self._outside.start()

    def go_to_plane(self, plane_url: str) -> None:
        """Gives a desk that worked alone its plane: what talks is begun anew with that address. Blocks for a moment.

        Raises RefusedError on a desk that has a plane, InputError for an address that may not be used.
        """
        if self.settings.plane_url or self._running()._writer is None:
            raise RefusedError(self.read_only or "This desk has a plane already; use a store of its own for another.")
        outside, self._outside = self._outside, None
        if outside is not None:
            outside.stop()
        self.settings = replace(self.settings, plane_url=plane_url)
        self.go_outside()

    def stop(self) -> None:
        """Stops what talks, the writer after its backup, then the readers, and closes the store; again does nothing.

        The backup takes at most AT_QUIT_S seconds; everything else ends at once.
        """
        if self._store is None:
            return
        if self._outside is not None:
            self._outside.stop()
        for part in (self._guard, self._following):
            if part is not None:
                part.stop()
        if self._writer is not None:
            self._stop_writing(self._writer)
        if self._head_watch is not None:
            self._head_watch.stop()
        self._readers.stop()
        self._store.close()
        self._store = self._writer = self._outside = None

    def _stop_writing(self, writer: RecordWriter) -> None:
        store, guard = self._store, self._guard
        assert isinstance(store, Store)
        assert guard is not None  # both are there whenever somebody writes
        now = self.settings.clock()
        with contextlib.suppress(ConsoleError):  # so much is waiting that the disk has stopped answering
            writer.submit(lambda _: copy_at_quit(store, now, guard.damaged, self._tell))
        writer.stop()

    def _tell(self, sentence: str) -> None:
        for listener in self._notice_listeners:
            listener(sentence)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def _running(self) -> Self:
        if self._store is None:
            raise RefusedError("The desk is closed; open it again.")
        return self

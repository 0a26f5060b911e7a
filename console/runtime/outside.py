"""Everything of a desk that talks: sync, commands, errands, evidence, metrics, own looks, each on own connections.

Imported late, because HTTP is slow to import and the first paint needs none of it. Without a plane's address only the
command loop runs, so that whatever a person confirms is refused at once instead of waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.domain.times import to_epoch_us
from console.proof.keys import SigningKey
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.blob_loop import BlobLoop
from console.runtime.command_loop import CommandLoop
from console.runtime.couriers import Couriers
from console.runtime.far_pages import FarPages
from console.runtime.probing import OwnLooks, ProbeSettings
from console.runtime.sync_loop import SyncLoop
from console.runtime.telemetry_feed import FeedStatus, TelemetryFeed
from console.runtime.writer import RecordWriter
from console.store.blobs import BlobStore
from console.store.readers import Reader
from console.sync.pace import ClockOffset, better
from console.sync.step import Connection


@dataclass(frozen=True, kw_only=True)
class OutsideSettings:
    """Where the plane is and who asks; see `DeskSettings` for the members."""

    plane_url: str
    verify: bool | str
    device_key: SigningKey
    nonce: Callable[[], str]
    clock: Callable[[], datetime]
    roll: Callable[[], float]
    connection_listeners: Sequence[Callable[[Connection], None]] = ()
    feed_listeners: Sequence[Callable[[FeedStatus], None]] = ()
    tell: Callable[[str], None] = lambda _: None
    probing: ProbeSettings | None = None


class Outside:
    """Start it after the writer, stop it before; raises InputError for an address that may not be used."""

    def __init__(
        self, settings: OutsideSettings, writer: RecordWriter, open_reader: Callable[[], Reader], blobs: BlobStore
    ) -> None:
        self._settings, self._tokens = settings, TokenKeeper(settings.device_key, settings.nonce)
        self.clock_offset: ClockOffset | None = None
        self.sync: SyncLoop | None = None
        self.errands: Couriers | None = None
        self.feed: TelemetryFeed | None = None
        self.blobs: BlobLoop | None = None
        self.looks: OwnLooks | None = None
        senders, lookers = self._clients(2), self._clients(2)
        clock, roll = settings.clock, settings.roll
        self.commands = CommandLoop(
            writer=writer, open_reader=open_reader, senders=senders, lookers=lookers, clock=clock, roll=roll
        )
        if settings.probing is not None:
            self.looks = OwnLooks(
                settings.probing, writer=writer, open_reader=open_reader, clock=clock, tell=settings.tell
            )
        if settings.plane_url:
            push, metrics, bearer = self._clients(3)
            pull = FarPages(Wire(settings.plane_url, self._now_us, settings.verify), self._tokens, settings.verify)
            self.sync = SyncLoop(
                device=settings.device_key.id, writer=writer, open_reader=open_reader, clients=(push, pull),
                clock=clock, roll=roll, on_connection=self._hear_connection, on_offset=self._hear_offset,
                on_journal=self.commands.journal_seen,
            )  # fmt: skip
            self.blobs = BlobLoop(
                device=settings.device_key.id, writer=writer, open_reader=open_reader, client=bearer, blobs=blobs,
                roll=roll, tell=settings.tell,
            )  # fmt: skip
            self.errands = Couriers("errand", self._clients(2))
            self.feed = TelemetryFeed(metrics, clock=clock, roll=roll, on_status=self._hear_feed)

    def start(self) -> None:
        """Starts every thread; returns when the commands that were under way are known."""
        for part in (self.commands, self.looks, self.errands, self.blobs, self.sync, self.feed):
            if part is not None:
                part.start()

    def stop(self) -> None:
        """Cuts short what is under way and returns when every thread has ended."""
        for part in (self.feed, self.blobs, self.errands, self.commands, self.looks, self.sync):
            if part is not None:
                part.stop()

    def _clients(self, count: int) -> list[PlaneClient]:
        chosen = self._settings
        if not chosen.plane_url:
            return []
        return [PlaneClient(Wire(chosen.plane_url, self._now_us, chosen.verify), self._tokens) for _ in range(count)]

    def _now_us(self) -> int:
        return to_epoch_us(self._settings.clock())

    def _hear_connection(self, connection: Connection) -> None:
        self.commands.connected(connection.state == "online")
        if self.blobs is not None:
            self.blobs.connected(connection.state == "online")
        for listener in self._settings.connection_listeners:
            listener(connection)

    def _hear_offset(self, seen: ClockOffset) -> None:
        self.clock_offset = better(self.clock_offset, seen)
        self.commands.offset_measured(seen)

    def _hear_feed(self, status: FeedStatus) -> None:
        for listener in self._settings.feed_listeners:
            listener(status)

"""The plane put together: everything it keeps and everything that runs in its background, on one event loop.

`Plane.started` opens what `plane init` made; `close` ends it in the order that loses nothing. A background task that
dies of a fault of ours takes the plane down with it: a plane that no longer watches must not look as if it did.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from console.domain.errors import ConsoleError
from console.plane.adapters.ofrep import ServedFlags
from console.plane.adapters.table import connected
from console.plane.backends import ServiceBackEnd
from console.plane.bell import Bell
from console.plane.blobs import Blobs, blobs_folder
from console.plane.breaking import Breakers
from console.plane.commanding import Commanding
from console.plane.db import Database, database_url
from console.plane.enrolment import WrongCodes
from console.plane.epochs import GuardKeeper, guard_file, opened_epoch
from console.plane.founding import DEVICE_KEY, beside, read_key
from console.plane.intake import standing_breaches
from console.plane.judging import Judging
from console.plane.operating import Operator
from console.plane.orders import Rules
from console.plane.pages import SharedPages
from console.plane.previews import Previews
from console.plane.record import Birth, Clock, Record, birth_of
from console.plane.settings import PlaneSettings, Secrets
from console.plane.stream import Relay
from console.plane.telemetry import Source
from console.plane.tokens import Tokens
from console.plane.tree import Checkpoints
from console.plane.watching import Watcher
from console.policy import Policy, default_path, load
from console.proof.keys import SigningKey

_log = logging.getLogger(__name__)

_LOOK_ANYWAY_S = 60.0
_SENDING = 64


def wall_clock() -> datetime:
    """The plane's time."""
    return datetime.now(UTC)


@dataclass
class Plane:
    """A running plane; the API asks its parts.

    Attributes:
        closing: rings when the plane ends, so that long answers end too.
        failed: why the plane had to end by itself, "" while it did not.
        packing: where long answers are compressed; its thread is begun with the background.
        pages: where pages of the journal are read.
    """

    birth: Birth
    policy: Policy
    clock: Clock
    database: Database
    record: Record
    tokens: Tokens
    previews: Previews
    operator: Operator
    watcher: Watcher
    commanding: Commanding
    breakers: Breakers
    relay: Relay
    sources: list[Source]
    checkpoints: Checkpoints
    wrong_codes: WrongCodes
    guard: GuardKeeper
    blobs: Blobs
    closing: Bell
    is_closing: bool = False
    failed: str = ""

    def __post_init__(self) -> None:
        """Nothing runs yet; `run_in_background` starts it."""
        self._tasks: list[asyncio.Task[None]] = []
        self.packing = ThreadPoolExecutor(1, thread_name_prefix="plane-packing")
        self.pages = SharedPages(self.database)
        self._stop: Callable[[], None] = lambda: None
        self._sending = [asyncio.Lock() for _ in range(_SENDING)]

    @classmethod
    async def started(cls, settings: PlaneSettings, secrets: Secrets, clock: Clock = wall_clock) -> Self:
        """Open the plane that the settings name.

        Raises a ConsoleError when its database, keys or policy cannot be used.
        """
        policy = load(settings.policy or default_path())
        database = Database.opened(database_url(settings.database))
        try:
            birth = await database.read(birth_of)
            key_file = settings.device_key or beside(settings.database)
            key = read_key(key_file, DEVICE_KEY)
            _check_key(key, birth)
            guard = guard_file(settings.database, key_file)
            birth = await opened_epoch(database, birth, key, policy.hash, clock, guard)
            record = Record(birth, key, policy.hash, clock)
            record.lent_most_h = policy.switches.limits.delegation_max_h
            await database.read(record.load)
            keeper, judging = GuardKeeper(guard, record), await _judging(database, policy)
            blobs = Blobs(blobs_folder(settings.database, key_file))
            blobs.forget_old_parts()
            return cls._assembled(settings, secrets, clock, policy, database, record, keeper, judging, blobs)
        except BaseException:
            database.close()
            raise

    @classmethod
    def _assembled(
        cls,
        settings: PlaneSettings,
        secrets: Secrets,
        clock: Clock,
        policy: Policy,
        database: Database,
        record: Record,
        guard: GuardKeeper,
        judging: Judging,
        blobs: Blobs,
    ) -> Self:
        rules = Rules(policy.inventory, policy.switches, policy.hash)
        times = policy.switches.times
        previews = Previews(times.observation_fresh_s, times.probe_stream_max_s)
        back_ends = connected(settings, secrets, policy.inventory)
        for back_end in back_ends.values():
            if isinstance(back_end, ServedFlags):
                back_end.keep_in(database)
        operator = Operator(database, record, rules, back_ends, previews, clock)
        watcher = Watcher(database, record, rules, operator, clock)
        relay, breakers = Relay(), Breakers(database, record, policy, operator, clock)
        sources = [
            Source(back_end, judging, database, record, policy, relay, watcher, breakers, clock)
            for back_end in operator.back_ends.values()
            if isinstance(back_end, ServiceBackEnd)
        ]
        commanding = Commanding(database, record, rules, operator, previews, clock)
        return cls(
            birth=record.birth,
            policy=policy,
            clock=clock,
            database=database,
            record=record,
            tokens=Tokens(),
            previews=previews,
            operator=operator,
            watcher=watcher,
            commanding=commanding,
            breakers=breakers,
            relay=relay,
            sources=sources,
            checkpoints=Checkpoints(record.birth.origin, record.key),
            wrong_codes=WrongCodes(),
            guard=guard,
            blobs=blobs,
            closing=Bell(),
        )

    async def run_in_background(self, stop: Callable[[], None]) -> None:
        """Mark what an earlier run left unknown, then watch and judge until `close`; on a failure `stop` is called."""
        self._stop = stop
        self.packing.submit(int)  # its thread is there from now on, and no answer waits for it to be made
        await self.watcher.mark_interrupted()
        self._spawn(self.watcher.run(), "watcher")
        self._spawn(self.guard.run(self.database.changed, lambda: self.is_closing), "guard file")
        self._spawn(self._turn_away_the_revoked(), "revocations")
        self._spawn(self.breakers.run(), "breakers")
        for source in self.sources:
            self._spawn(source.run(), "telemetry")

    def sending(self, sha256: str, device: str) -> asyncio.Lock:
        """One at a time adds to what a device sends of a blob; now and then two blobs share a lock."""
        return self._sending[zlib.crc32(f"{sha256}{device}".encode()) % len(self._sending)]

    def end_long_answers(self) -> None:
        """Let streams and long polls come to their end; call it before the server stops."""
        self.is_closing = True
        self.relay.close()
        self.closing.ring()
        self.database.changed.ring()

    async def close(self) -> None:
        """End the background, then the back-ends' connections, then the database."""
        self.end_long_answers()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.operator.close()
        await self.previews.close()
        for back_end in self.operator.back_ends.values():
            await back_end.close()
        self.packing.shutdown()
        self.guard.close()
        self.database.close()

    async def _turn_away_the_revoked(self) -> None:
        """End tokens and streams of whoever is revoked, as soon as it is committed; requests ask for themselves."""
        known = self.record.identities
        while not self.is_closing:  # the last ring and the cancellation come together, and the ring wins
            await self.database.changed.wait(_LOOK_ANYWAY_S)
            if self.record.identities is not known:
                known = self.record.identities
                self.tokens.turn_away(known.revocation)
                self.relay.turn_away(known.revocation)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.is_closing:
            return
        error = task.exception()
        _log.critical(
            "The plane's %s ended by a fault of the program; the plane stops.", task.get_name(), exc_info=error
        )
        self.failed = f"the {task.get_name()} ended"
        self._stop()


async def _judging(database: Database, policy: Policy) -> Judging:
    return Judging(policy.thresholds, await database.read(standing_breaches))


def _check_key(key: SigningKey, birth: Birth) -> None:
    if key.id != birth.plane_device:
        raise ConsoleError(
            "The plane's device key is not the one this plane was founded with; restore the key file of this database."
        )

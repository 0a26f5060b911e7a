"""From a back-end's samples to lamps, breaches, incidents and the desks: reads the stream, judges, records, relays.

Reading never waits for the database: what is to be recorded is queued and tried until it is on the disk. A source that
breaks off is connected to again, from the last batch it gave.
"""

from __future__ import annotations

import asyncio
import logging

from console.domain.errors import ConsoleError, EnvironmentFault, InputError
from console.domain.judge import UNKNOWN, Breach, Clearing
from console.domain.times import to_epoch_us
from console.plane import intake
from console.plane.backends import BackEndFault, ServiceBackEnd
from console.plane.breaking import Breakers
from console.plane.db import Database, Transaction
from console.plane.intake import Circumstances
from console.plane.judging import Judging, Lamps
from console.plane.ledger import Command
from console.plane.record import Clock, Record
from console.plane.stream import Relay
from console.plane.watching import Watcher
from console.policy import Policy

_log = logging.getLogger(__name__)

JUDGE_EVERY_S = 1.0
"""How often series are judged without a batch, so that silence is noticed."""
CAPTURE_S = 1.5
CAPTURE_ITEMS = 3
LAMPS_EVERY_S = 2.0
"""The shortest time between two records of an incident's lamps."""
RETRY_S = (0.1, 2.0)


class Source:
    """One back-end's samples.

    Attributes:
        reachable: whether batches come in now.
    """

    def __init__(
        self,
        back_end: ServiceBackEnd,
        judging: Judging,
        database: Database,
        record: Record,
        policy: Policy,
        relay: Relay,
        watcher: Watcher,
        breakers: Breakers,
        clock: Clock,
    ) -> None:
        self.reachable = False
        self._back_end, self._judging, self._database, self._record = back_end, judging, database, record
        self._policy, self._relay, self._watcher, self._clock = policy, relay, watcher, clock
        self._breakers = breakers
        self._news: asyncio.Queue[Breach | Clearing] = asyncio.Queue()
        self._last_id = 0
        self._lamps_at: dict[str, float] = {}

    async def run(self) -> None:
        """Read, judge and record until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._judge_silence())
            group.create_task(self._record_news())

    async def _read(self) -> None:
        pause = RETRY_S[0]
        while True:
            try:
                async for batch in self._back_end.telemetry(self._last_id):
                    if not self.reachable:
                        self.reachable, pause = True, RETRY_S[0]
                        self._watcher.poke()
                    self._last_id = batch.id
                    self._judging.feed(batch, self._now_us())
                    self._judge()
                    self._relay.publish(batch.id, batch.raw)
            except BackEndFault as fault:
                if self.reachable:
                    _log.info("telemetry of %s: %s", self._back_end.name, fault.sentence)
                    self.reachable = False
                    self._watcher.poke()
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_S[1])

    async def _judge_silence(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_EVERY_S)
            self._judge()
            try:
                await self._record_lamps()
            except EnvironmentFault as fault:
                _log.warning("lamps could not be recorded: %s", fault.sentence)

    def _judge(self) -> None:
        opened, cleared = self._judging.judge(self._now_us())
        for breach in opened:
            self._news.put_nowait(breach)
        for clearing in cleared:
            self._news.put_nowait(clearing)
        self._relay.publish_lamps(self._judging.lamps().as_object() | {"source": {"reachable": self.reachable}})

    async def _record_news(self) -> None:
        while True:
            news = await self._news.get()
            seen = await self._circumstances(news) if isinstance(news, Breach) else Circumstances()
            while not await self._recorded(news, seen):
                await asyncio.sleep(JUDGE_EVERY_S)

    async def _recorded(self, news: Breach | Clearing, seen: Circumstances) -> bool:
        try:
            if isinstance(news, Breach):
                self._breakers.carry_out(await self._database.write(lambda tx: self._open(tx, news, seen)))
            else:
                await self._database.write(lambda tx: intake.clear_intake(tx, self._record, news))
        except EnvironmentFault as fault:
            _log.warning("a breach could not be recorded yet: %s", fault.sentence)
            return False
        except InputError as error:
            _log.error("a breach of %s cannot be recorded: %s", _metric(news), error.sentence)
        return True

    def _open(self, tx: Transaction, breach: Breach, seen: Circumstances) -> list[Command]:
        """The intake of a breach, and the automatic stops that it is cause for."""
        incident = intake.open_intake(tx, self._record, self._policy, breach, seen, self._clock())
        return self._breakers.trip(tx, breach, incident)

    async def _circumstances(self, breach: Breach) -> Circumstances:
        """What a real request of the target shows; nothing when the source does not say in time."""
        try:
            target = intake.target_for(self._policy, breach)
            async with asyncio.timeout(CAPTURE_S):
                return intake.circumstances_in(await self._back_end.capture(target.id, CAPTURE_ITEMS))
        except (ConsoleError, TimeoutError):
            return Circumstances()

    async def _record_lamps(self) -> None:
        now = asyncio.get_running_loop().time()
        for incident, target, written in await self._database.read(intake.open_incidents):
            lamps = self._lamps_of(target)
            if lamps is None or now - self._lamps_at.get(incident, -LAMPS_EVERY_S) < LAMPS_EVERY_S:
                continue
            if intake.lamps_text(lamps) != written and lamps.service.state != UNKNOWN != lamps.behaviour.state:
                self._lamps_at[incident] = now
                await self._write_lamps(incident, target, lamps)

    async def _write_lamps(self, incident: str, target: str, lamps: Lamps) -> None:
        await self._database.write(
            lambda tx: intake.write_lamps(tx, self._record, incident, target, lamps, self._clock())
        )

    def _lamps_of(self, target: str) -> Lamps | None:
        item = self._policy.inventory.items.get(target)
        return self._judging.lamps(item) if item is not None else None

    def _now_us(self) -> int:
        return to_epoch_us(self._clock())


def _metric(news: Breach | Clearing) -> str:
    return news.metric if isinstance(news, Breach) else news.breach.metric

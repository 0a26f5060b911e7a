"""The reconciler: notices restarts and drift of a back-end, keeps stops in force, resolves commands left unknown.

A restart is probed *before* anything is asserted again, so that "survives a restart" is what was seen and not what was
repaired. Only stops are asserted again by themselves: a switch that is found stopped where it should run stays stopped
until a person restores it, and is reported as drift (stopping is cheap, restoring is gated).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.domain.commands import ACKNOWLEDGED, DISPATCHED, UNKNOWN
from console.domain.errors import EnvironmentFault
from console.domain.switches import STOPPED
from console.domain.times import format_utc, parse_utc
from console.plane import desired, ledger, probes
from console.plane.backends import Assertion, BackEnd, BackEndFault, BackEndRefusal, Held, ReadBack
from console.plane.db import Database, Transaction
from console.plane.desired import Desired
from console.plane.ledger import Command, Result
from console.plane.operating import Observed, Operator, effect_detail
from console.plane.orders import Rules
from console.plane.probes import Aim, Effect
from console.plane.record import Clock, Record
from console.plane.tables import BACK_END
from console.proof.envelope import SYSTEM

_log = logging.getLogger(__name__)

EVERY_S = 1.0
LONGEST_PATIENCE_S = 60.0
"""Seconds between two assertions of a stop that does not come into force."""
REASSERT_TTL_S = 30
LEFT_AFTER = timedelta(seconds=5)
"""Age at which a command that is neither at an end nor being carried out has been left by a fault."""

_NEWER = "newer:"


class Watcher:
    """Looks at every back-end each second, and at once when `poke` is called.

    Attributes:
        faults: adapter name -> why it could not be looked at last time, "" when it could.
    """

    def __init__(self, database: Database, record: Record, rules: Rules, operator: Operator, clock: Clock) -> None:
        self.faults: dict[str, str] = dict.fromkeys(operator.back_ends, "it was not asked yet")
        self._database, self._record, self._rules = database, record, rules
        self._operator, self._clock = operator, clock
        self._poked = asyncio.Event()
        self._patience: dict[tuple[str, str], tuple[float, float]] = {}

    def poke(self) -> None:
        """Look now: something may have happened to a back-end."""
        self._poked.set()

    async def mark_interrupted(self) -> int:
        """At the start: what an earlier run left under way is unknown now; how many those are."""

        def work(tx: Transaction) -> int:
            left = [c for c in ledger.unresolved(tx.connection) if c.state in (ACKNOWLEDGED, DISPATCHED)]
            for command in left:
                ledger.move(tx.connection, command.command_id, UNKNOWN)
                sentence = "The plane stopped while it carried this out; it is being looked up."
                body = {"command_id": command.command_id, "state": UNKNOWN, "sentence": sentence}
                self._record.write(tx, "switch.ended", command.incident, body)
            return len(left)

        return await self._database.write(work)

    async def run(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            self._poked.clear()
            try:
                await self.look()
            except EnvironmentFault as fault:
                _log.warning("the state of the switches could not be recorded: %s", fault.sentence)
            try:
                await asyncio.wait_for(self._poked.wait(), EVERY_S)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Look once at every back-end, and resolve what is unresolved."""
        for name, back_end in self._operator.back_ends.items():
            try:
                await self._look_at(back_end)
                self.faults[name] = ""
            except (BackEndFault, BackEndRefusal) as fault:
                if self.faults[name] != fault.sentence:
                    _log.info("%s: %s", name, fault.sentence)
                self.faults[name] = fault.sentence
        for command in await self._database.read(ledger.unresolved):
            if self._is_left(command):
                try:
                    await self._operator.resolve(command)
                except (BackEndFault, BackEndRefusal):
                    continue

    def _is_left(self, command: Command) -> bool:
        """Whether nobody is carrying this command out; one that was taken a moment ago is about to be."""
        if self._operator.is_busy(command.switch, command.target):
            return False
        return command.state == UNKNOWN or self._clock() - parse_utc(command.acknowledged_at) > LEFT_AFTER

    async def _look_at(self, back_end: BackEnd) -> None:
        if back_end.name not in self._operator.capabilities:
            self._operator.capabilities[back_end.name] = await back_end.capabilities()
        # desired first: what is ordered after this must not look like drift
        wanted = {(row.switch, row.target): row for row in await self._database.read(desired.all_desired)}
        boot_before = await self._database.read(lambda connection: _boot_id(connection, back_end.name))
        read = await back_end.read_back()
        if boot_before and boot_before != read.boot_id:
            await self._check_restart(back_end, wanted, read, boot_before)
        if boot_before != read.boot_id:
            now = format_utc(self._clock())
            await self._database.write(lambda tx: _keep_boot_id(tx.connection, back_end.name, read.boot_id, now))
        for (switch, target), held in read.switches.items():
            if back_end.name not in self._rules.inventory.adapters_for(switch, target):
                continue
            row = wanted.get((switch, target), Desired(switch, target))
            if not self._operator.is_busy(switch, target):
                await self._reconcile(back_end, row, held)

    async def _check_restart(
        self, back_end: BackEnd, wanted: Mapping[tuple[str, str], Desired], read: ReadBack, boot_before: str
    ) -> None:
        for row in wanted.values():
            mine = self._operator.back_end(row.switch, row.target) is back_end
            if mine and row.want == STOPPED and row.command_id and not row.drift:
                detail = {"previous_boot_id": boot_before, "boot_id": read.boot_id}
                await self._observe(back_end, row, detail, restarted=True)

    async def _reconcile(self, back_end: BackEnd, row: Desired, held: Held) -> None:
        if held.state == row.want and held.generation >= row.generation:
            if held.generation > row.generation or row.drift:
                await self._settled(row, held.generation)
            return
        if await self._database.read(lambda c: ledger.pending(c, row.switch, row.target)):
            return  # what became of that command is being found out; it is no drift yet
        word = f"{held.state}/{held.generation}"
        if row.drift.removeprefix(_NEWER) != word:
            changed = await self._report_drift(row, held, word)
            if changed is None:
                return
            row = changed
        if row.want == STOPPED and not row.drift.startswith(_NEWER) and self._is_due(row):
            await self._assert_again(back_end, row, held)

    async def _report_drift(self, row: Desired, held: Held, word: str) -> Desired | None:
        """Say once that the back-end is not where it should be; the row as it is then, None when it changed."""
        body: dict[str, Any] = {
            "switch": row.switch,
            "target": row.target,
            "desired": row.want,
            "observed": held.state,
            "generation": held.generation,
            "observed_at": format_utc(self._clock()),
        }
        # a newer generation was set by somebody with the back-end's own credentials: told, not undone
        drift = _NEWER + word if held.generation > row.generation else word
        # a generation only grows: the next command must be newer than what the back-end holds
        changed = replace(row, drift=drift, generation=max(row.generation, held.generation))

        def work(tx: Transaction) -> Desired | None:
            if desired.desired(tx.connection, row.switch, row.target) != row:
                return None
            self._record.write(tx, "switch.drifted", row.incident or SYSTEM, body)
            desired.set_desired(tx.connection, changed)
            return changed

        return await self._database.write(work)

    async def _settled(self, row: Desired, generation: int = 0) -> None:
        """The back-end is where it should be, at that generation or the row's."""
        self._patience.pop((row.switch, row.target), None)

        def work(tx: Transaction) -> None:
            if desired.desired(tx.connection, row.switch, row.target) == row:
                newest = max(row.generation, generation)
                desired.set_desired(tx.connection, replace(row, drift="", generation=newest))

        await self._database.write(work)

    def _is_due(self, row: Desired) -> bool:
        """Whether to assert again now: at once, then ever more seldom while it does not help."""
        at, now = (row.switch, row.target), asyncio.get_running_loop().time()
        due, pause = self._patience.get(at, (0.0, EVERY_S))
        if now < due:
            return False
        self._patience[at] = (now + 2 * pause, min(2 * pause, LONGEST_PATIENCE_S))
        return True

    async def _assert_again(self, back_end: BackEnd, row: Desired, held: Held) -> None:
        """Set a stop again under an id of the plane's own, for the generation held; then probe and record."""
        expires = format_utc(self._clock() + timedelta(seconds=REASSERT_TTL_S))
        generation = row.generation if held.generation < row.generation else row.generation + 1
        again = replace(row, generation=generation, enforced_by=str(uuid.uuid4()))

        def work(tx: Transaction) -> bool:
            if desired.desired(tx.connection, row.switch, row.target) != row:
                return False
            desired.set_desired(tx.connection, again)
            return True

        if not await self._database.write(work):
            return
        assertion = Assertion(row.switch, row.target, STOPPED, generation, again.enforced_by, expires)
        await back_end.apply(assertion, probes.DEADLINE_S)
        effect = await self._observe(back_end, again, {"asserted_again": "true"}, restarted=False)
        if effect is not None and effect.seen == "in_effect":
            # at once, not at the next look: a restart in between is to be checked like any other
            await self._settled(again)

    async def _observe(
        self, back_end: BackEnd, row: Desired, more: Mapping[str, str], *, restarted: bool
    ) -> Effect | None:
        """Probe a switch that a person commanded and record what was seen; None when it cannot be probed."""
        command = await self._database.read(lambda connection: ledger.find(connection, row.command_id))
        item = self._rules.inventory.item(row.target)
        if command is None or not back_end.can_probe(row.switch, item):
            return None
        aim = Aim(row.switch, row.target, row.want, row.generation, row.enforced_by)
        effect = await probes.watch_effect(back_end, item, aim)
        event_id = self._record.new_id()
        refuses = effect.refuses_new(row.want)
        survives = command.result("survives_restart")
        if restarted:
            result = _survived(effect)
            survives = Result(result, event_id if result != "unknown" else "")
        results = {
            "refuses_new": Result(refuses, event_id if refuses != "unknown" else ""),
            "streams_cut": command.result("streams_cut"),
            "survives_restart": survives,
        }
        detail = effect_detail(effect, aim) | dict(more)
        await self._operator.write_observed(
            Observed(command.command_id, row.incident, aim, effect, "probe", results, detail, event_id)
        )
        return effect


def _survived(effect: Effect) -> str:
    return {"in_effect": "true", "not_in_effect": "false"}.get(effect.seen, "unknown")


def _boot_id(connection: Connection, adapter: str) -> str:
    row = connection.execute(select(BACK_END.c.boot_id).where(BACK_END.c.adapter == adapter)).first()
    return row.boot_id if row is not None else ""


def _keep_boot_id(connection: Connection, adapter: str, boot_id: str, now: str) -> None:
    known = connection.execute(
        update(BACK_END).where(BACK_END.c.adapter == adapter).values(boot_id=boot_id, seen_at=now)
    )
    if known.rowcount == 0:
        connection.execute(insert(BACK_END).values(adapter=adapter, boot_id=boot_id, seen_at=now))

"""The reconciler: notices restarts and drift of a back-end, keeps stops in force, resolves commands left unknown.

A restart is probed *before* anything is asserted again, so that "survives a restart" is what was seen and not what was
repaired. Only stops are asserted again by themselves: a switch that is found stopped where it should run stays stopped
until a person restores it, and is reported as drift (stopping is cheap, restoring is gated).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.domain.commands import ACKNOWLEDGED, DISPATCHED, UNKNOWN
from console.domain.errors import EnvironmentFault
from console.domain.sighting import Aim
from console.domain.switches import STOPPED
from console.domain.switches import UNKNOWN as UNKNOWN_STATE
from console.domain.times import format_utc, parse_utc
from console.plane import acting, desired, ledger, probes
from console.plane.acting import Deed, Dispatch
from console.plane.backends import Assertion, BackEnd, BackEndFault, BackEndRefusal, Held, ReadBack
from console.plane.db import Database, Transaction
from console.plane.desired import Desired, Enforced
from console.plane.ledger import Command
from console.plane.operating import NOT_CONNECTED, Operator
from console.plane.orders import Rules
from console.plane.outcomes import Observed
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
        named = dict.fromkeys((e.adapter for e in rules.inventory.enforcements), NOT_CONNECTED)
        self.faults: dict[str, str] = named | dict.fromkeys(operator.back_ends, "it was not asked yet")
        self._database, self._record, self._rules = database, record, rules
        self._operator, self._clock = operator, clock
        self._poked = asyncio.Event()
        self._patience: dict[tuple[str, str, str], tuple[float, float]] = {}

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
        """Look once at every back-end, and resolve what is unresolved; one that dawdles keeps no other waiting."""
        looks = (self._look_or_say(name, back_end) for name, back_end in self._operator.back_ends.items())
        await _all_of(looks)
        left = [command for command in await self._database.read(ledger.unresolved) if self._is_left(command)]
        await _all_of(self._resolve(command) for command in left)

    async def _resolve(self, command: Command) -> None:
        with contextlib.suppress(BackEndFault, BackEndRefusal):  # it is tried again at the next look
            await self._operator.resolve(command)

    async def _look_or_say(self, name: str, back_end: BackEnd) -> None:
        """Look at one back-end, and keep why it could not be looked at."""
        try:
            await self._look_at(back_end)
            self.faults[name] = ""
        except (BackEndFault, BackEndRefusal) as fault:
            if self.faults[name] != fault.sentence:
                _log.info("%s: %s", name, fault.sentence)
            self.faults[name] = fault.sentence

    def _is_left(self, command: Command) -> bool:
        """Whether nobody is carrying this command out; one that was taken a moment ago is about to be."""
        if self._operator.is_busy(command.switch, command.target):
            return False
        return command.state == UNKNOWN or self._clock() - parse_utc(command.acknowledged_at) > LEFT_AFTER

    async def _look_at(self, back_end: BackEnd) -> None:
        if back_end.name not in self._operator.capabilities:
            self._operator.capabilities[back_end.name] = await back_end.capabilities()
        # desired first: what is ordered after this must not look like drift
        wanted = await self._database.read(lambda connection: self._to_hold(connection, back_end.name))
        boot_before = await self._database.read(lambda connection: _boot_id(connection, back_end.name))
        read = await back_end.read_back()
        if boot_before and boot_before != read.boot_id:
            await self._check_restart(back_end, wanted, read, boot_before)
        if boot_before != read.boot_id:
            now = format_utc(self._clock())
            await self._database.write(lambda tx: _keep_boot_id(tx.connection, back_end.name, read.boot_id, now))
        lost = {at: _NOTHING for at, due in wanted.items() if due.row.want == STOPPED and at not in read.switches}
        for at, held in (dict(read.switches) | lost).items():
            if back_end.name not in self._operator.adapters(*at):
                continue
            due = wanted.get(at) or _Due(Desired(*at), Enforced(back_end.name, *at))
            if not self._operator.is_busy(*at):
                await self._reconcile(back_end, due, held)

    def _to_hold(self, connection: Connection, adapter: str) -> dict[tuple[str, str], _Due]:
        """What one back-end should hold, by switch and target."""
        return {
            (row.switch, row.target): _Due(row, desired.enforced(connection, adapter, row))
            for row in desired.all_desired(connection)
            if adapter in self._operator.adapters(row.switch, row.target)
        }

    async def _check_restart(
        self, back_end: BackEnd, wanted: Mapping[tuple[str, str], _Due], read: ReadBack, boot_before: str
    ) -> None:
        for due in wanted.values():
            if due.row.want == STOPPED and due.row.command_id and not due.mark.drift:
                detail = {"previous_boot_id": boot_before, "boot_id": read.boot_id}
                await self._observe(back_end, due, detail, restarted=True)

    async def _reconcile(self, back_end: BackEnd, due: _Due, held: Held) -> None:
        row, mark = due.row, due.mark
        is_followed = held.generation >= mark.generation and not desired.is_leap(held.generation, mark.generation)
        if held.state == row.want and is_followed:
            if held.generation > mark.generation or mark.drift:
                await self._settled(due, held.generation)
            return
        if await self._database.read(lambda connection: self._is_being_found_out(connection, row)):
            return
        word = f"{held.state}/{held.generation}"
        if mark.drift.removeprefix(_NEWER) != word:
            changed = await self._report_drift(due, held, word)
            if changed is None:
                return
            due = changed
        if row.want == STOPPED and not due.mark.drift.startswith(_NEWER) and self._is_due(due.mark):
            await self._assert_again(back_end, due, held)

    def _is_being_found_out(self, connection: Connection, row: Desired) -> bool:
        """Whether what became of its command is not known at any back-end: then a difference is no drift yet.

        A stop that took effect at one back-end is to hold at every other, whatever was heard of those.
        """
        if not ledger.pending(connection, row.switch, row.target):
            return False
        marks = (desired.enforced(connection, name, row) for name in self._operator.adapters(row.switch, row.target))
        return not any(mark.seen_at for mark in marks)

    async def _change(self, due: _Due, changed: _Due) -> bool:
        """Replace what a back-end should hold; False, and nothing changed, when it is not what it was."""

        def work(tx: Transaction) -> bool:
            if not _stands(tx.connection, due):
                return False
            _keep(tx.connection, changed)
            return True

        return await self._database.write(work)

    async def _report_drift(self, due: _Due, held: Held, word: str) -> _Due | None:
        """Say once that the back-end is not where it should be; what is due then, None when it changed."""
        row = due.row
        body: dict[str, Any] = {
            "switch": row.switch,
            "target": row.target,
            "desired": row.want,
            "observed": held.state,
            "generation": held.generation,
            "observed_at": format_utc(self._clock()),
        }
        # a newer generation was set by somebody with the back-end's own credentials: told, not undone
        drift = _NEWER + word if held.generation > due.mark.generation else word
        # a generation only grows: the next command must be newer than what the back-end holds
        changed = due.at_generation(held.generation, drift)

        def work(tx: Transaction) -> _Due | None:
            if not _stands(tx.connection, due):
                return None
            self._record.write(tx, "switch.drifted", row.incident or SYSTEM, body)
            _keep(tx.connection, changed)
            return changed

        return await self._database.write(work)

    async def _settled(self, due: _Due, generation: int = 0) -> None:
        """The back-end is where it should be, at that generation or the one it was given."""
        self._patience.pop(_place(due.mark), None)
        await self._change(due, due.at_generation(generation, ""))

    def _is_due(self, mark: Enforced) -> bool:
        """Whether to assert again now: at once, then ever more seldom while it does not help."""
        at, now = _place(mark), asyncio.get_running_loop().time()
        due, pause = self._patience.get(at, (0.0, EVERY_S))
        if now < due:
            return False
        self._patience[at] = (now + 2 * pause, min(2 * pause, LONGEST_PATIENCE_S))
        return True

    async def _assert_again(self, back_end: BackEnd, due: _Due, held: Held) -> None:
        """Set a stop again under an id of the plane's own, for the generation held; then probe and record."""
        row = due.row
        expires = format_utc(self._clock() + timedelta(seconds=REASSERT_TTL_S))
        generation = row.generation if held.generation < row.generation else row.generation + 1
        mark = Enforced(back_end.name, row.switch, row.target, generation, str(uuid.uuid4()), due.mark.drift)
        again = _Due(replace(row, generation=generation), mark)
        if not await self._change(due, again):
            return
        assertion = Assertion(row.switch, row.target, STOPPED, generation, mark.assertion_id, expires)
        applied = await back_end.apply(assertion, probes.DEADLINE_S)
        await self._answered(again, acting.claim(applied))
        deed = await self._observe(back_end, again, {"asserted_again": "true"}, restarted=False)
        if deed is not None and deed.in_effect:
            # at once, not at the next look: a restart in between is to be checked like any other
            now = await self._database.read(lambda connection: desired.enforced(connection, mark.adapter, again.row))
            await self._settled(_Due(again.row, now))

    async def _answered(self, due: _Due, words: str) -> None:
        """For a command that is not at its end yet this is the answer of that back-end."""
        command = await self._database.read(lambda connection: ledger.find(connection, due.row.command_id))
        if command is not None and not command.is_over:
            reply = Dispatch(due.mark.adapter, f"asserted again: {words}", format_utc(self._clock()))
            await self._operator.outcomes.dispatched(command, reply)

    async def _observe(self, back_end: BackEnd, due: _Due, more: Mapping[str, str], *, restarted: bool) -> Deed | None:
        """Probe a switch that a person commanded, everywhere, and record what was seen; what it showed at `back_end`.

        None when it cannot be probed there.
        """
        row = due.row
        command = await self._database.read(lambda connection: ledger.find(connection, row.command_id))
        if command is None or not back_end.can_probe(row.switch, self._rules.inventory.item(row.target)):
            return None
        names = self._operator.adapters(row.switch, row.target)
        marks = await self._database.read(lambda c: [desired.enforced(c, name, row) for name in names])
        deeds = await asyncio.gather(*(self._look_for(row, mark, back_end.name) for mark in marks))
        effect = acting.overall(deeds)
        if effect is not None:
            name = back_end.name if restarted else ""
            seen = Observed(command, deeds, effect, self._record.new_id(), more, restarted=name)
            await self._operator.outcomes.looked_after(seen)
        return deeds[names.index(back_end.name)]

    async def _look_for(self, row: Desired, mark: Enforced, longest: str) -> Deed:
        """One look at a back-end, and as long as it may take at the one named `longest`."""
        aim = Aim(row.switch, row.target, row.want, mark.generation, mark.assertion_id)
        return await self._operator.look(mark.adapter, aim, seconds=None if mark.adapter == longest else 0)


@dataclass(frozen=True, slots=True)
class _Due:
    """What must be true of a switch, and what one back-end should hold of it."""

    row: Desired
    mark: Enforced

    def at_generation(self, generation: int, drift: str) -> _Due:
        """The same with that drift, at that generation or the newer one it is at."""
        return _Due(
            replace(self.row, generation=desired.newest(generation, self.row.generation)),
            replace(self.mark, generation=desired.newest(generation, self.mark.generation), drift=drift),
        )


_NOTHING = Held(UNKNOWN_STATE, 0, "")
"""What is held of a stop that a back-end does not know of any more."""


async def _all_of(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all of it, then raise what the first that failed raised."""
    for fault in await asyncio.gather(*work, return_exceptions=True):
        if fault is not None:
            raise fault


def _place(mark: Enforced) -> tuple[str, str, str]:
    return mark.adapter, mark.switch, mark.target


def _stands(connection: Connection, due: _Due) -> bool:
    """Whether that is still what must be true and what is to be held there."""
    row = desired.desired(connection, due.row.switch, due.row.target)
    return row == due.row and desired.enforced(connection, due.mark.adapter, row) == due.mark


def _keep(connection: Connection, due: _Due) -> None:
    desired.set_desired(connection, due.row)
    desired.set_enforced(connection, due.mark)


def _boot_id(connection: Connection, adapter: str) -> str:
    row = connection.execute(select(BACK_END.c.boot_id).where(BACK_END.c.adapter == adapter)).first()
    return row.boot_id if row is not None else ""


def _keep_boot_id(connection: Connection, adapter: str, boot_id: str, now: str) -> None:
    known = connection.execute(
        update(BACK_END).where(BACK_END.c.adapter == adapter).values(boot_id=boot_id, seen_at=now)
    )
    if known.rowcount == 0:
        connection.execute(insert(BACK_END).values(adapter=adapter, boot_id=boot_id, seen_at=now))

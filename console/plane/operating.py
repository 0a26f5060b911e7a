"""Carrying a command out: record, then act, then probe, then record.

The intent is committed before anything happens, so a plane that dies in between leaves a row that says so; `resolve`
finds out afterwards what became of it and never sends what is over. Whatever is not seen is "unknown".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import update

from console.domain.commands import (
    DISPATCHED,
    EXPIRED,
    REFUSED,
    SUPERSEDED,
    UNKNOWN,
    VERIFIED,
    may_move,
    order_from_object,
)
from console.domain.errors import EnvironmentFault
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc, parse_utc
from console.plane import desired, ledger, probes
from console.plane.backends import Applied, Assertion, BackEnd, BackEndFault, BackEndRefusal, Capability, ProbeStream
from console.plane.db import Database, Transaction
from console.plane.ledger import Command, Result
from console.plane.orders import Rules
from console.plane.previews import Previews
from console.plane.probes import Aim, Effect
from console.plane.record import ACTOR, Clock, Record
from console.plane.tables import INCIDENT
from console.proof.canonical import parse_canonical

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """One observation of a switch, to be recorded as an event and in the ledger.

    `command_id` is the person's command, `aim` what was looked for (under the id the back-end holds it by).
    """

    command_id: str
    incident: str
    aim: Aim
    effect: Effect
    method: str
    results: Mapping[str, Result]
    detail: Mapping[str, str]
    event_id: str


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What the back-end answered to a command, and when; recorded with what the first probe saw, or before the next."""

    adapter: str
    reply: str
    at: str


class Operator:
    """Dispatches, probes and records; one command at a time on each switch, a newer one ends the older.

    Attributes:
        back_ends: by adapter name; those that are not there are "not reachable".
        capabilities: what each back-end declared, by adapter and switch; filled as they are asked.
    """

    def __init__(
        self,
        database: Database,
        record: Record,
        rules: Rules,
        back_ends: Mapping[str, BackEnd],
        previews: Previews,
        clock: Clock,
    ) -> None:
        self.back_ends = back_ends
        self.capabilities: dict[str, Mapping[str, Capability]] = {}
        self._database, self._record, self._rules = database, record, rules
        self._previews, self._clock = previews, clock
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self, command: Command) -> None:
        """Begin carrying out an acknowledged command, in the background."""
        at = (command.switch, command.target)
        older = self._running.get(at)
        if older is not None:
            older.cancel()
        task = asyncio.get_running_loop().create_task(self._guarded(command))
        self._running[at] = task
        task.add_done_callback(lambda done: self._finished(at, done))

    def _finished(self, at: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._running.get(at) is task:
            del self._running[at]
        if not task.cancelled() and task.exception() is not None:
            _log.critical("A command failed by a fault of the program; it is looked up.", exc_info=task.exception())

    def is_busy(self, switch: str, target: str) -> bool:
        """Whether a command on that switch is being carried out right now."""
        return (switch, target) in self._running

    def back_end(self, switch: str, target: str) -> BackEnd | None:
        """The back-end that enforces that switch there, None when none is connected."""
        return self.back_ends.get(next(iter(self._rules.inventory.adapters_for(switch, target)), ""))

    async def close(self) -> None:
        """Stop what is under way; it is resolved at the next start."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def resolve(self, command: Command) -> None:
        """Find out what became of a command nobody is carrying out: by read-back and probe.

        Sends it again only when the back-end never answered to it, never had it, it has not ended yet, and the ledger
        was not put back since: an older ledger does not know what happened after it. Raises BackEndFault when the
        back-end does not answer; the command stays unknown.
        """
        back_end = self.back_end(command.switch, command.target)
        if back_end is None:
            raise BackEndFault(f"No back-end is connected for {command.switch} on {command.target}.")
        read = await back_end.read_back()
        held = read.switches.get((command.switch, command.target))
        generation = held.generation if held is not None else 0
        if held is not None and (generation, held.assertion_id) == (command.generation, command.command_id):
            found = Dispatch(back_end.name, "found by read-back", format_utc(self._clock()))
            await self._observe(back_end, command, None, None if command.dispatched_at else found, seconds=0)
        elif command.dispatched_at and generation < command.generation:
            await self._observe(back_end, command, None, None, seconds=0)  # it said "applied" and does not hold it
        elif generation >= command.generation:
            await self._end(command, (SUPERSEDED,), "The back-end holds a newer state than this command's.", generation)
        elif self._epoch_of(command) != self._record.birth.epoch:
            sentence = "The plane was restored from a backup meanwhile; nothing of before is sent on, order it again."
            await self._end(command, (UNKNOWN, EXPIRED), sentence, generation)
        elif parse_utc(command.expires) > self._clock():
            await self._carry_out(command)
        else:
            await self._end(
                command, (UNKNOWN, EXPIRED), "It ended before it reached the back-end; nothing was done.", generation
            )

    def _epoch_of(self, command: Command) -> str:
        """The epoch of the journal that the order was given in."""
        return order_from_object(parse_canonical(command.canon.encode("utf-8"))).epoch

    async def write_observed(self, observed: Observed, to_state: str = "", dispatch: Dispatch | None = None) -> None:
        """Record an observation, and move its command to `to_state` when one is given and it may go there.

        `dispatch` is recorded first when it was not before.
        """

        def work(tx: Transaction) -> None:
            held = ledger.find(tx.connection, observed.command_id)
            if held is None or (to_state and held.is_over):
                return
            if dispatch is not None:
                self._enter_dispatch(tx, held, dispatch)
            self._record.write(
                tx, "switch.observed", observed.incident, observed_body(observed), event_id=observed.event_id
            )
            changes: dict[str, Any] = {"observation": _observation(observed), "results": _merged(held, observed)}
            if to_state and may_move(DISPATCHED if dispatch else held.state, to_state):
                changes |= {"state": to_state, "observed_at": format_utc(observed.effect.at)}
            ledger.amend(tx.connection, held.command_id, **changes)
            if observed.aim.want == RUNNING and observed.effect.seen == "in_effect":
                # the next lamps are the first ones measured after this restore, and are recorded whatever they show
                tx.connection.execute(update(INCIDENT).where(INCIDENT.c.incident == observed.incident).values(lamps=""))

        await self._database.write(work)

    async def _guarded(self, command: Command) -> None:
        try:
            await self._carry_out(command)
        except EnvironmentFault as fault:
            # the row says "acknowledged" or "dispatched"; the watcher resolves it as soon as the fault is over
            _log.warning("command %s could not be carried to its end: %s", command.command_id, fault.sentence)

    async def _carry_out(self, command: Command) -> None:
        back_end = self.back_end(command.switch, command.target)
        if back_end is None:
            await self._write_unknown(command, "No back-end is connected that could be asked.")
            return
        left = (parse_utc(command.expires) - self._clock()).total_seconds()
        if left <= 0:
            await self._end(command, (UNKNOWN, EXPIRED), "It ended before it could be sent on; nothing was done.")
            return
        stream = self._previews.take_stream(command.switch, command.target) if command.want == STOPPED else None
        try:
            await self._dispatch(back_end, command, stream, min(left, probes.DEADLINE_S))
        finally:
            if stream is not None:
                await stream.close()

    async def _dispatch(self, back_end: BackEnd, command: Command, stream: ProbeStream | None, seconds: float) -> None:
        assertion = Assertion(
            command.switch, command.target, command.want, command.generation, command.command_id, command.expires
        )
        try:
            applied = await back_end.apply(assertion, seconds)
        except BackEndRefusal as refusal:
            await self._refused(command, refusal)
        except BackEndFault as fault:
            await self._write_unknown(command, fault.sentence)
        else:
            answered = Dispatch(back_end.name, _claim(applied), format_utc(self._clock()))
            await self._observe(back_end, command, stream, answered)

    async def _observe(
        self,
        back_end: BackEnd,
        command: Command,
        stream: ProbeStream | None,
        dispatch: Dispatch | None,
        *,
        seconds: float | None = None,
    ) -> None:
        item = self._rules.inventory.item(command.target)
        aim = Aim(command.switch, command.target, command.want, command.generation, command.command_id)

        async def write_dispatch() -> None:
            if dispatch is not None:
                await self._write_dispatch(command, dispatch)

        if not back_end.can_probe(command.switch, item):
            await write_dispatch()
            return  # a read-back alone is never more than "dispatched"
        effect = await probes.watch_effect(back_end, item, aim, seconds, not_at_once=write_dispatch)
        capability = await self._capability(back_end, command.switch)
        in_effect, event_id = effect.seen == "in_effect", self._record.new_id()
        cut, word = await probes.watch_cut(
            stream, aim, can_cut=capability.cuts_streams, in_effect=in_effect, event_id=event_id
        )
        refuses = effect.refuses_new(command.want)
        results = {
            "refuses_new": Result(refuses, event_id if refuses != "unknown" else ""),
            "streams_cut": cut if cut.result != "unknown" else command.result("streams_cut"),
            "survives_restart": command.result("survives_restart"),
        }
        detail = effect_detail(effect, aim) | {"streams": word}
        observed = Observed(command.command_id, command.incident, aim, effect, "probe", results, detail, event_id)
        if command.state == UNKNOWN and not in_effect and _same_sight(command, observed):
            return  # nothing new since it was last looked at
        await self.write_observed(observed, VERIFIED if in_effect else UNKNOWN, dispatch)

    async def _capability(self, back_end: BackEnd, switch: str) -> Capability:
        if back_end.name not in self.capabilities:
            try:
                self.capabilities[back_end.name] = await back_end.capabilities()
            except EnvironmentFault:
                return Capability(())
        return self.capabilities[back_end.name].get(switch, Capability(()))

    async def _refused(self, command: Command, refusal: BackEndRefusal) -> None:
        if refusal.kind == "stale":
            await self._end(command, (SUPERSEDED,), "The back-end holds a newer state already.", refusal.generation)
        elif refusal.kind == "expired":
            await self._end(command, (UNKNOWN, EXPIRED), "It ended before it reached the back-end; nothing was done.")
        else:
            await self._end(command, (UNKNOWN, REFUSED), refusal.sentence)

    async def _write_dispatch(self, command: Command, dispatch: Dispatch) -> None:
        await self._database.write(lambda tx: self._enter_dispatch(tx, command, dispatch))

    def _enter_dispatch(self, tx: Transaction, command: Command, dispatch: Dispatch) -> None:
        held = ledger.find(tx.connection, command.command_id)
        if held is None or held.dispatched_at:
            return
        body = {
            "command_id": command.command_id,
            "adapter": dispatch.adapter,
            "reply": dispatch.reply,
            "dispatched_at": dispatch.at,
        }
        self._record.write(tx, "switch.dispatched", command.incident, body)
        ledger.move(tx.connection, command.command_id, DISPATCHED)
        ledger.amend(tx.connection, command.command_id, dispatched_at=dispatch.at)

    async def _write_unknown(self, command: Command, sentence: str) -> None:
        body = {"command_id": command.command_id, "state": UNKNOWN, "sentence": sentence}

        def work(tx: Transaction) -> None:
            if ledger.move(tx.connection, command.command_id, UNKNOWN):
                self._record.write(tx, "switch.ended", command.incident, body)

        await self._database.write(work)

    async def _end(self, command: Command, states: tuple[str, ...], sentence: str, generation: int = 0) -> None:
        """Bring a command to an end without effect: what was desired before it is desired again.

        By way of each of `states`: what was acknowledged becomes expired or refused only out of "unknown".
        """
        body = {"command_id": command.command_id, "state": states[-1], "sentence": sentence}

        def work(tx: Transaction) -> None:
            connection = tx.connection
            moved = [ledger.move(connection, command.command_id, state) for state in states]
            if not moved[-1]:
                return
            wanted = desired.desired(connection, command.switch, command.target)
            if wanted.generation == command.generation:
                back = replace(wanted, want=command.was or RUNNING, generation=max(generation, wanted.generation))
                desired.set_desired(connection, back)
            self._record.write(tx, "switch.ended", command.incident, body)

        await self._database.write(work)


def observed_body(observed: Observed) -> dict[str, Any]:
    """The body of a `switch.observed` event."""
    return {
        "command_id": observed.command_id,
        "switch": observed.aim.switch,
        "target": observed.aim.target,
        "state": observed.effect.state(observed.aim.want),
        "generation": observed.aim.generation,
        "by": ACTOR,
        "method": observed.method,
        "observed_at": format_utc(observed.effect.at),
        "results": {name: {"result": r.result, "evidence": r.evidence} for name, r in observed.results.items()},
        "detail": dict(observed.detail),
    }


def effect_detail(effect: Effect, aim: Aim) -> dict[str, str]:
    """What stands beside an observation: what the probe met, and the durable form as read back."""
    return {
        "probe": effect.outcome,
        "probes": str(effect.probes),
        "hidden_by": effect.hidden_by,
        "durable": probes.durable_form(effect.read, aim),
        "boot_id": effect.read.boot_id if effect.read is not None else "",
        "enforced_by": aim.assertion_id,
    }


def _observation(observed: Observed) -> dict[str, Any]:
    return {
        "state": observed.effect.state(observed.aim.want),
        "observed_at": format_utc(observed.effect.at),
        "method": observed.method,
        "generation": observed.aim.generation,
        "command_id": observed.command_id,
    }


def _merged(command: Command, observed: Observed) -> dict[str, Result]:
    """The results now; one that did not change keeps the event that showed it first, like its clock."""
    return {
        name: before if (before := command.result(name)).result == now.result and before.evidence else now
        for name, now in observed.results.items()
    }


def _same_sight(command: Command, observed: Observed) -> bool:
    before = command.observation.get("state"), command.result("refuses_new").result
    return before == (observed.effect.state(observed.aim.want), observed.results["refuses_new"].result)


def _claim(applied: Applied) -> str:
    durable = "durable" if applied.durable else "not durable"
    return f"{applied.state} at generation {applied.generation}, {applied.streams_cut} streams cut, {durable}"

"""Carrying a command out: record, then act, then probe, then record.

The intent is committed before anything happens, so a plane that dies in between leaves a row that says so; `resolve`
finds out afterwards what became of it and never sends what is over. Whatever is not seen is "unknown". Where several
back-ends enforce one switch, all are acted on at once, and the command is verified when a probe saw it at every one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping
from typing import Literal, TypeVar

from console.domain.commands import EXPIRED, REFUSED, SUPERSEDED, UNKNOWN, order_from_object
from console.domain.errors import EnvironmentFault
from console.domain.sighting import Aim
from console.domain.switches import STOPPED
from console.domain.times import format_utc, parse_utc
from console.plane import acting, desired, probes
from console.plane.acting import Deed, Dispatch
from console.plane.backends import (
    Assertion,
    BackEnd,
    BackEndFault,
    BackEndRefusal,
    Capability,
    ProbeStream,
    ReadBack,
    TellingBackEnd,
)
from console.plane.db import Database
from console.plane.desired import Enforced
from console.plane.ledger import Command
from console.plane.orders import Rules
from console.plane.outcomes import Outcomes
from console.plane.previews import Previews
from console.plane.record import Clock, Record
from console.proof.canonical import parse_canonical

_log = logging.getLogger(__name__)

T = TypeVar("T")

NOTICE_S = 1.0
"""How long an answer may take that shows what users are told."""
NOT_CONNECTED = "it is not connected; what it holds is unknown"
TOO_LATE = "It ended before it reached the back-end; nothing was done."

_Fate = Literal["silent", "holds it", "lost it", "newer", "never had it", "too old", "too late"]


class Operator:
    """Dispatches, probes and records; one command at a time on each switch, a newer one ends the older.

    Attributes:
        back_ends: by adapter name; those that are not there are "not reachable".
        capabilities: what each back-end declared, by adapter and switch; filled as they are asked.
        outcomes: how what became of commands is written down.
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
        self.outcomes = Outcomes(database, record, rules)
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

    def adapters(self, switch: str, target: str) -> tuple[str, ...]:
        """Every adapter that enforces that switch there, connected or not."""
        return self._rules.inventory.adapters_for(switch, target)

    async def close(self) -> None:
        """Stop what is under way; it is resolved at the next start."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def resolve(self, command: Command) -> None:
        """Find out what became of a command nobody is carrying out: by read-back and probe, at every back-end.

        Sends it again only where a back-end never answered to it, never had it, it has not ended yet, and the ledger
        was not put back since: an older ledger does not know what happened after it. Raises BackEndFault when no
        back-end answers; the command stays unknown.
        """
        names = self.adapters(command.switch, command.target)
        marks = await self._database.read(
            lambda c: {
                name: desired.enforced(c, name, desired.desired(c, command.switch, command.target)) for name in names
            }
        )
        reads = dict(zip(names, await asyncio.gather(*map(self._read, names)), strict=True))
        if not any(isinstance(read, ReadBack) for read in reads.values()):
            raise BackEndFault(
                acting.sentence_of([Deed(n, _aim(command), trouble=str(reads[n])) for n in names])
                if names
                else f"No back-end is connected for {command.switch} on {command.target}."
            )
        fates = {name: self._fate(command, marks[name], reads[name]) for name in names}
        newest = max(_held_generation(read, command) for read in reads.values())
        if set(fates.values()) <= {"newer", "too old", "too late"}:
            await self._end_unsent(command, set(fates.values()), newest)
        elif set(fates.values()) == {"never had it"}:
            await self._carry_out(command)
        else:
            deeds = await _all(self._pursue(command, name, fates[name], marks[name], reads[name]) for name in names)
            await self._conclude(command, deeds)

    async def look(
        self, name: str, aim: Aim, *, seconds: float | None = None, dispatch: Dispatch | None = None
    ) -> Deed:
        """What a probe shows of a switch at one back-end, for `seconds` at most (0: now)."""
        back_end, item = self.back_ends.get(name), self._rules.inventory.item(aim.target)
        if back_end is None:
            return Deed(name, aim, trouble=NOT_CONNECTED)
        if not back_end.can_probe(aim.switch, item):
            # a read-back alone is never more than "dispatched"
            return Deed(name, aim, dispatch, trouble="it answered, and no probe can see it", is_unprobed=True)
        return Deed(name, aim, dispatch, await probes.watch_effect(back_end, item, aim, seconds))

    async def _read(self, name: str) -> ReadBack | str:
        """What a back-end holds, or why that is not known."""
        back_end = self.back_ends.get(name)
        if back_end is None:
            return NOT_CONNECTED
        try:
            return await back_end.read_back()
        except (BackEndFault, BackEndRefusal) as fault:
            return fault.sentence

    def _fate(self, command: Command, mark: Enforced, read: ReadBack | str) -> _Fate:
        """What became of a command at one back-end, from what that one holds."""
        if isinstance(read, str):
            return "silent"
        held = read.switches.get((command.switch, command.target))
        generation = held.generation if held is not None else 0
        if held is not None and (generation, held.assertion_id) == (mark.generation, mark.assertion_id):
            return "holds it"
        if generation >= mark.generation:
            return "newer"
        if mark.dispatched_at or command.dispatched_at:
            return "lost it"  # it said "applied" and does not hold it
        if self._epoch_of(command) != self._record.birth.epoch:
            return "too old"
        return "never had it" if parse_utc(command.expires) > self._clock() else "too late"

    async def _pursue(self, command: Command, name: str, fate: _Fate, mark: Enforced, read: ReadBack | str) -> Deed:
        """Act where it was never sent, look where it was, and say what stands in the way elsewhere."""
        aim = _aim(command, mark)
        if isinstance(read, str):
            return Deed(name, aim, trouble=read)
        if fate == "never had it":
            return await self._act(command, name, None, probes.DEADLINE_S)
        if fate == "newer":
            return Deed(name, aim, refusal=BackEndRefusal("stale", "it holds a newer state than this command's"))
        if fate in ("too old", "too late"):
            return Deed(name, aim, trouble="the command ended before it reached it")
        answered = mark.dispatched_at or command.dispatched_at or fate == "lost it"
        found = None if answered else Dispatch(name, "found by read-back", format_utc(self._clock()))
        return await self._seen(command, name, aim, None, found, seconds=0)

    async def _end_unsent(self, command: Command, fates: set[_Fate], newest: int) -> None:
        if "newer" in fates:
            sentence = "The back-end holds a newer state than this command's."
            await self.outcomes.ended(command, (SUPERSEDED,), sentence, newest)
        elif "too old" in fates:
            sentence = "The plane was restored from a backup meanwhile; nothing of before is sent on, order it again."
            await self.outcomes.ended(command, (UNKNOWN, EXPIRED), sentence, newest)
        else:
            await self.outcomes.ended(command, (UNKNOWN, EXPIRED), TOO_LATE, newest)

    def _epoch_of(self, command: Command) -> str:
        """The epoch of the journal that the order was given in."""
        return order_from_object(parse_canonical(command.canon.encode("utf-8"))).epoch

    async def _guarded(self, command: Command) -> None:
        try:
            await self._carry_out(command)
        except EnvironmentFault as fault:
            # the row says "acknowledged" or "dispatched"; the watcher resolves it as soon as the fault is over
            _log.warning("command %s could not be carried to its end: %s", command.command_id, fault.sentence)

    async def _carry_out(self, command: Command) -> None:
        names = self.adapters(command.switch, command.target)
        if not any(name in self.back_ends for name in names):
            await self.outcomes.unknown(command, "No back-end is connected that could be asked.")
            return
        left = (parse_utc(command.expires) - self._clock()).total_seconds()
        if left <= 0:
            sentence = "It ended before it could be sent on; nothing was done."
            await self.outcomes.ended(command, (UNKNOWN, EXPIRED), sentence)
            return
        streams = {name: self._take_stream(command, name) for name in names}
        try:
            seconds = min(left, probes.DEADLINE_S)
            deeds = await _all(self._act(command, name, streams[name], seconds) for name in names)
            await self._conclude(command, deeds)
        finally:
            for stream in streams.values():
                if stream is not None:
                    await stream.close()

    def _take_stream(self, command: Command, name: str) -> ProbeStream | None:
        if command.want != STOPPED:
            return None
        return self._previews.take_stream(command.switch, command.target, name)

    async def _act(self, command: Command, name: str, stream: ProbeStream | None, seconds: float) -> Deed:
        back_end, aim = self.back_ends.get(name), _aim(command)
        if back_end is None:
            return Deed(name, aim, trouble=NOT_CONNECTED)
        assertion = Assertion(
            command.switch, command.target, command.want, command.generation, command.command_id, command.expires
        )
        try:
            applied = await back_end.apply(assertion, seconds)
        except BackEndRefusal as refusal:
            return Deed(name, aim, refusal=refusal)
        except BackEndFault as fault:
            return Deed(name, aim, trouble=fault.sentence)
        answered = Dispatch(name, acting.claim(applied), format_utc(self._clock()))
        return await self._seen(command, name, aim, stream, answered)

    async def _seen(
        self,
        command: Command,
        name: str,
        aim: Aim,
        stream: ProbeStream | None,
        dispatch: Dispatch | None,
        *,
        seconds: float | None = None,
    ) -> Deed:
        """What a probe sees of a command at a back-end that has answered to it, and whether its stream was cut."""
        back_end, item = self.back_ends[name], self._rules.inventory.item(aim.target)

        async def write_dispatch() -> None:
            if dispatch is not None:
                await self.outcomes.dispatched(command, dispatch)

        if not back_end.can_probe(aim.switch, item):
            await write_dispatch()
            return await self.look(name, aim)
        effect = await probes.watch_effect(back_end, item, aim, seconds, not_at_once=write_dispatch)
        if len(self.adapters(aim.switch, aim.target)) > 1:
            await write_dispatch()  # the others may take their time
        can_cut = (await self._capability(back_end, aim.switch)).cuts_streams
        in_effect = effect.seen == "in_effect"
        cut, word = await probes.watch_cut(stream, aim, can_cut=can_cut, in_effect=in_effect)
        notice = await self._notice(back_end, aim) if in_effect else ""
        return Deed(name, aim, dispatch, effect, cut, word, notice=notice)

    async def _notice(self, back_end: BackEnd, aim: Aim) -> str:
        """Whether those who are served in a reduced form were told, "" where nobody has to be (SWI-10)."""
        item = self._rules.inventory.item(aim.target)
        if aim.want != STOPPED or not self._rules.catalogue.switch(aim.switch).tells_users(item):
            return ""
        if not isinstance(back_end, TellingBackEnd):
            return acting.NOTICE_UNSEEABLE
        told = await back_end.notice(item, NOTICE_S)
        return acting.NOTICE_SEEN if told.notice else acting.NOTICE_MISSING

    async def _conclude(self, command: Command, deeds: list[Deed]) -> None:
        """Record what all of them together mean for the command."""
        refusals = [deed.refusal for deed in deeds if deed.refusal is not None]
        effect = acting.overall(deeds)
        if len(refusals) == len(deeds):
            await self._refused(command, refusals, acting.sentence_of(deeds))
        elif effect is not None:
            await self.outcomes.observed(command, deeds, effect)
        elif not all(deed.is_unprobed for deed in deeds):
            await self.outcomes.unknown(command, acting.sentence_of(deeds))

    async def _refused(self, command: Command, refusals: list[BackEndRefusal], sentence: str) -> None:
        """No back-end took it: nothing was done anywhere."""
        kinds = {refusal.kind for refusal in refusals}
        if kinds == {"stale"}:
            newest = max(refusal.generation for refusal in refusals)
            await self.outcomes.ended(command, (SUPERSEDED,), "The back-end holds a newer state already.", newest)
        elif kinds == {"expired"}:
            await self.outcomes.ended(command, (UNKNOWN, EXPIRED), TOO_LATE)
        else:
            await self.outcomes.ended(command, (UNKNOWN, REFUSED), sentence)

    async def _capability(self, back_end: BackEnd, switch: str) -> Capability:
        if back_end.name not in self.capabilities:
            try:
                self.capabilities[back_end.name] = await back_end.capabilities()
            except EnvironmentFault:
                return Capability(())
        return self.capabilities[back_end.name].get(switch, Capability(()))


def _aim(command: Command, mark: Enforced | None = None) -> Aim:
    """What is to be seen: the command's will, under its own id or the one a back-end holds it by now."""
    generation, named = (mark.generation, mark.assertion_id) if mark else (command.generation, command.command_id)
    return Aim(command.switch, command.target, command.want, generation, named)


def _held_generation(read: ReadBack | str, command: Command) -> int:
    held = read.switches.get((command.switch, command.target)) if isinstance(read, ReadBack) else None
    return held.generation if held is not None else 0


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all, once every one has ended; raises what the first of them raised."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [one for one in found if not isinstance(one, BaseException)]

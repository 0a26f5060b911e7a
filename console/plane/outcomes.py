"""Writing down what became of a command: each back-end's answer, what was seen, and the end.

Events, ledger row, desired state and what each back-end should hold change together, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import update

from console.domain.commands import DISPATCHED, UNKNOWN, VERIFIED
from console.domain.switches import RUNNING
from console.domain.times import format_utc
from console.plane import acting, desired, ledger
from console.plane.acting import Deed, Dispatch
from console.plane.db import Database, Transaction
from console.plane.ledger import Command, Result
from console.plane.orders import Rules
from console.plane.probes import Effect
from console.plane.record import ACTOR, Record
from console.plane.tables import INCIDENT


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a switch, wherever it is enforced: recorded as an event and in the ledger.

    `effect` is `acting.overall` of `deeds`; `more` is written beside what the deeds say; `restarted` names the back-end
    that had restarted before it was looked at, "" when none had.
    """

    command: Command
    deeds: Sequence[Deed]
    effect: Effect
    event_id: str
    more: Mapping[str, str]
    restarted: str = ""


class Outcomes:
    """The pen of whoever carries commands out or watches over them."""

    def __init__(self, database: Database, record: Record, rules: Rules) -> None:
        self._database, self._record, self._rules = database, record, rules

    async def observed(self, command: Command, deeds: Sequence[Deed], effect: Effect) -> None:
        """Record what was seen of a command, and its answers; it is verified or unknown now.

        Says nothing when it was unknown and nothing new was seen.
        """
        seen = Observed(command, deeds, effect, self._record.new_id(), {})

        def work(tx: Transaction) -> None:
            held = ledger.find(tx.connection, command.command_id)
            if held is None or held.is_over or self._is_old_news(tx, held, seen):
                return
            for deed in deeds:
                if deed.dispatch is not None:
                    self._enter_dispatch(tx, held, deed.dispatch)
            self._enter_observed(tx, held, seen)
            untold = any(deed.notice == acting.NOTICE_MISSING for deed in deeds)
            state = VERIFIED if effect.seen == "in_effect" and not untold else UNKNOWN
            moved = ledger.move(tx.connection, command.command_id, state, observed_at=format_utc(effect.at))
            if moved and state == UNKNOWN and (untold or len(deeds) > 1):
                self._say(tx, held, UNKNOWN, acting.sentence_of(deeds))

        await self._database.write(work)

    async def looked_after(self, seen: Observed) -> None:
        """Record what the watcher saw of a switch that a person commanded; its command is not moved."""

        def work(tx: Transaction) -> None:
            held = ledger.find(tx.connection, seen.command.command_id)
            if held is not None:
                self._enter_observed(tx, held, seen)

        await self._database.write(work)

    async def dispatched(self, command: Command, dispatch: Dispatch) -> None:
        """Record a back-end's answer, once."""
        await self._database.write(lambda tx: self._enter_dispatch(tx, command, dispatch))

    async def unknown(self, command: Command, sentence: str) -> None:
        """Nobody saw what became of it."""

        def work(tx: Transaction) -> None:
            if ledger.move(tx.connection, command.command_id, UNKNOWN):
                self._say(tx, command, UNKNOWN, sentence)

        await self._database.write(work)

    async def ended(self, command: Command, states: tuple[str, ...], sentence: str, generation: int = 0) -> None:
        """Bring a command to an end without effect: what was desired before it is desired again.

        By way of each of `states`: what was acknowledged becomes expired or refused only out of "unknown".
        """

        def work(tx: Transaction) -> None:
            connection = tx.connection
            moved = [ledger.move(connection, command.command_id, state) for state in states]
            if not moved[-1]:
                return
            wanted = desired.desired(connection, command.switch, command.target)
            if wanted.generation == command.generation:
                newest = desired.newest(generation, wanted.generation)
                for adapter in self._adapters(command):
                    mark = desired.enforced(connection, adapter, wanted)
                    desired.set_enforced(connection, replace(mark, generation=newest))
                back = replace(wanted, want=command.was or RUNNING, generation=newest)
                desired.set_desired(connection, back)
            self._say(tx, command, states[-1], sentence)

        await self._database.write(work)

    def _adapters(self, command: Command) -> tuple[str, ...]:
        return self._rules.inventory.adapters_for(command.switch, command.target)

    def _say(self, tx: Transaction, command: Command, state: str, sentence: str) -> None:
        body = {"command_id": command.command_id, "state": state, "sentence": sentence}
        self._record.write(tx, "switch.ended", command.incident, body)

    def _is_old_news(self, tx: Transaction, held: Command, seen: Observed) -> bool:
        """Whether this says no more of an unknown command than what was recorded last."""
        untold = any(deed.notice == acting.NOTICE_MISSING for deed in seen.deeds)
        if held.state != UNKNOWN or (seen.effect.seen == "in_effect" and not untold):
            return False
        before = held.observation.get("state"), held.result("refuses_new").result
        if before != (seen.effect.state(held.want), acting.refuses_new(seen.deeds)):
            return False
        wanted = desired.desired(tx.connection, held.switch, held.target)
        known = {d.adapter for d in seen.deeds if desired.enforced(tx.connection, d.adapter, wanted).seen_at}
        return all(deed.adapter in known for deed in seen.deeds if deed.in_effect)

    def _enter_dispatch(self, tx: Transaction, command: Command, dispatch: Dispatch) -> None:
        connection = tx.connection
        held = ledger.find(connection, command.command_id)
        wanted = desired.desired(connection, command.switch, command.target)
        mark = desired.enforced(connection, dispatch.adapter, wanted)
        ours = wanted.command_id == command.command_id
        if held is None or held.dispatched_at or (ours and mark.dispatched_at):
            return
        body = {
            "command_id": command.command_id,
            "adapter": dispatch.adapter,
            "reply": dispatch.reply,
            "dispatched_at": dispatch.at,
        }
        self._record.write(tx, "switch.dispatched", command.incident, body)
        if ours:
            desired.set_enforced(connection, replace(mark, dispatched_at=dispatch.at))
        marks = [desired.enforced(connection, adapter, wanted) for adapter in self._adapters(command)]
        if not ours or all(one.dispatched_at for one in marks):
            ledger.move(connection, command.command_id, DISPATCHED)
            ledger.amend(connection, command.command_id, dispatched_at=dispatch.at)

    def _enter_observed(self, tx: Transaction, held: Command, seen: Observed) -> None:
        connection, at = tx.connection, format_utc(seen.effect.at)
        survives = self._keep_sights(tx, held, seen)
        results = self._results(held, seen, survives)
        body = {
            "command_id": held.command_id,
            "switch": held.switch,
            "target": held.target,
            "state": seen.effect.state(held.want),
            "generation": max(deed.aim.generation for deed in seen.deeds),
            "by": ACTOR,
            "method": "probe",
            "observed_at": at,
            "results": {name: {"result": r.result, "evidence": r.evidence} for name, r in results.items()},
            "detail": acting.detail_of(seen.deeds) | dict(seen.more),
        }
        self._record.write(tx, "switch.observed", held.incident, body, event_id=seen.event_id)
        names = ("state", "observed_at", "method", "generation", "command_id")
        observation = {name: body[name] for name in names}
        ledger.amend(connection, held.command_id, observation=observation, results=_merged(held, results))
        if held.want == RUNNING and seen.effect.seen == "in_effect":
            # the next lamps are the first ones measured after this restore, and are recorded whatever they show
            connection.execute(update(INCIDENT).where(INCIDENT.c.incident == held.incident).values(lamps=""))

    def _keep_sights(self, tx: Transaction, held: Command, seen: Observed) -> str:
        """Keep by back-end what was seen; whether all of them survived a restart, as far as that was seen."""
        wanted = desired.desired(tx.connection, held.switch, held.target)
        survived = []
        for deed in seen.deeds:
            mark = desired.enforced(tx.connection, deed.adapter, wanted)
            now = mark
            if deed.effect is not None and (mark.generation, mark.assertion_id) == (
                deed.aim.generation,
                deed.aim.assertion_id,
            ):
                if deed.in_effect and not mark.seen_at:
                    now = replace(now, seen_at=format_utc(deed.effect.at))
                if deed.adapter == seen.restarted:
                    now = replace(now, survived=_SURVIVED.get(deed.effect.seen, ""))
            if now != mark:
                desired.set_enforced(tx.connection, now)
            survived.append(now.survived)
        return acting.together(survived)

    def _results(self, held: Command, seen: Observed, survives: str) -> dict[str, Result]:
        refuses, cut = acting.refuses_new(seen.deeds), acting.together(deed.cut for deed in seen.deeds)
        return {
            "refuses_new": self._result(refuses, seen),
            "streams_cut": self._result(cut, seen) if cut != "unknown" else held.result("streams_cut"),
            "survives_restart": self._result(survives, seen) if seen.restarted else held.result("survives_restart"),
        }

    def _result(self, word: str, seen: Observed) -> Result:
        return Result(word, seen.event_id if word != "unknown" else "")


_SURVIVED = {"in_effect": "true", "not_in_effect": "false"}


def _merged(command: Command, results: Mapping[str, Result]) -> dict[str, Result]:
    """The results now; one that did not change keeps the event that showed it first, like its clock."""
    return {
        name: before if (before := command.result(name)).result == now.result and before.evidence else now
        for name, now in results.items()
    }

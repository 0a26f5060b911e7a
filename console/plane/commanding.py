"""What a desk asks about switches: a preview, an order, where an order stands.

`submit` is the only way a switch moves by a person's will. Intent, ledger row, raised generation and journal event are
one transaction; it returns right after the commit, and the rest happens in the background.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from console.domain.commands import ACKNOWLEDGED, EXPIRED, REFUSED, STALE, Order, order_from_object
from console.domain.errors import ConsoleError, InputError
from console.domain.switches import STOPPED
from console.domain.times import format_utc
from console.plane import desired, ledger
from console.plane.accepting import take_up
from console.plane.backends import NO_ANSWER, Capability, ProbeReply
from console.plane.db import Database, Transaction
from console.plane.desired import Desired, Enforced
from console.plane.identities import Identities
from console.plane.ledger import Command
from console.plane.operating import Operator
from console.plane.orders import Rules, Situation, authorship_problem, order_problem
from console.plane.paging import Pages
from console.plane.previews import Preview, Previews
from console.plane.proofs import asked_by_another, proven_ids, recent_break_glass, taken_back
from console.plane.record import Clock, Record
from console.plane.showing import counting_for, sight_of, together
from console.proof.canonical import parse_canonical
from console.proof.keys import leaf_digest
from console.protocol.messages import CommandRequest, SelectRequest
from console.protocol.problems import Problem

_log = logging.getLogger(__name__)

OPEN_STREAM_S = 1.5
"""How long a preview waits for its probe before it says "unknown"."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SHUT_OUT = "The commander limited the access to this incident; ask them to be let in, or order it in another."
_NOT_ITS_ID = "Another order was sent or asked for under this id before; it stays what it is."
_END_OF = {"stale": STALE, "epoch_changed": STALE, "expired": EXPIRED}
_MAX_NAME = 100


class Refused(ConsoleError):
    """A desk's request is refused; `problem` is what it is told."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview: what the data path shows now, what a command would reach, and the token for having seen it."""

    token: str
    generation: int
    state: str
    observed_at: datetime
    method: str
    command_id: str
    scope: str
    ids: tuple[str, ...]
    counts: Mapping[str, int]
    reached: Mapping[str, Mapping[str, int]]
    counted_at: str
    adapter: str
    capability: Capability | None
    pending: str


class Commanding:
    """Previews and orders, by the plane's own rules."""

    def __init__(
        self,
        database: Database,
        record: Record,
        rules: Rules,
        operator: Operator,
        previews: Previews,
        clock: Clock,
    ) -> None:
        self._database, self._record, self._rules = database, record, rules
        self._operator, self._previews, self._clock = operator, previews, clock

    async def select(self, request: SelectRequest, device: str) -> Shown:
        """Look at a switch through the data path, and keep a probe stream open for the command that may follow.

        Raises Refused for a target that is not in the inventory or a switch that no adapter enforces there.
        """
        try:
            item = self._rules.inventory.item(request.target)
            switch = self._rules.catalogue.switch(request.switch)
        except InputError as error:
            raise Refused(Problem("not_found", error.sentence)) from error
        names = self._operator.adapters(switch.id, item.id)
        if not names:
            raise Refused(
                Problem("not_found", f"No adapter enforces {switch.id} on {item.id}; do it by hand: {switch.fallback}")
            )
        wanted, marks, pending = await self._database.read(lambda c: _standing(c, switch.id, item.id, names))
        radius = self._rules.inventory.blast_radius(item.id)
        counting = counting_for(self._operator.back_ends, names, radius.ids)
        probing = asyncio.gather(*(self._probe(name, request) for name in names))
        counts, replies = await asyncio.gather(counting, probing)
        sight = sight_of(replies, wanted, marks)
        now = self._clock()
        preview = Preview(device, request.incident, switch.id, item.id, request.want, wanted.generation, now)
        return Shown(
            token=self._previews.give(preview, now),
            generation=wanted.generation,
            state=sight.state,
            observed_at=min(reply.at for reply in replies),  # no fresher than its oldest part
            method=sight.method,
            command_id=sight.command_id,
            scope=radius.scope,
            ids=radius.ids,
            counts=counts.by_id.get(item.id, {}),
            reached={one: dict(counts.by_id[one]) for one in radius.ids if one in counts.by_id},
            counted_at=counts.counted_at or format_utc(now),
            adapter=self._rules.inventory.adapter_names(switch.id, item.id),
            capability=together([self._operator.capabilities.get(name, {}).get(switch.id) for name in names]),
            pending=pending,
        )

    async def submit(self, request: CommandRequest, sender: str) -> Command:
        """Judge a signed order sent by device `sender`, record it, and begin to carry it out.

        The same order again gives the same row and does nothing. Raises Refused.
        """
        order, text = read_order(request.canon)
        now = self._clock()
        preview = self._previews.find(order.select_token, now)

        def work(tx: Transaction) -> tuple[Command | None, Problem | None, bool]:
            return self._judge(tx, order, text, request, sender, preview, now)

        command, problem, fresh = await self._database.write(work)
        if problem is not None or command is None:
            problem = problem or Problem("internal", "The order was neither taken nor refused.")
            _log.info("order %s on %s refused: %s", order.command_id, order.target, problem.kind)
            raise Refused(problem)
        if fresh:
            self._previews.use(order.select_token, order.command_id)
            self._operator.start(command)
        return command

    async def status(self, command_id: str) -> Command:
        """Where an order stands; raises Refused when there is none of that id."""
        found = await self._database.read(lambda connection: ledger.find(connection, command_id))
        if found is None:
            raise Refused(Problem("not_found", "This plane never received a command of that id."))
        return found

    async def _probe(self, name: str, request: SelectRequest) -> ProbeReply:
        """What the data path of one back-end shows; its stream is kept for the stop that may follow."""
        back_end = self._operator.back_ends.get(name)
        if back_end is None:
            return ProbeReply(NO_ANSWER, self._clock())
        item = self._rules.inventory.item(request.target)
        reply, stream = await back_end.open_stream(request.switch, item, OPEN_STREAM_S)
        if stream is not None and request.want != STOPPED:
            await stream.close()
            stream = None
        self._previews.keep_stream(request.switch, request.target, name, stream)
        return reply

    def _judge(
        self,
        tx: Transaction,
        order: Order,
        text: bytes,
        request: CommandRequest,
        sender: str,
        preview: Preview | None,
        now: datetime,
    ) -> tuple[Command | None, Problem | None, bool]:
        """(row, problem, whether it is new). An order that nobody provably signed leaves no row."""
        identities = self._record.identities
        unsigned = authorship_problem(order, text, request.sig, request.person_sig, sender, identities)
        if unsigned is not None:
            return None, unsigned, False
        if not all(self._record.access(order.incident).lets_in(one) for one in _authors(order, identities)):
            return None, Problem("forbidden", _SHUT_OUT), False
        digest = leaf_digest(text).hex()
        known = ledger.find(tx.connection, order.command_id)
        if known is not None and known.order_hash == digest:
            return known, _problem_of(known), False
        if known is not None or asked_by_another(tx.connection, order, identities):
            return None, Problem("conflict", _NOT_ITS_ID), False
        wanted = desired.desired(tx.connection, order.switch, order.target)
        situation = Situation(
            identities=identities,
            exercise=self._record.birth.exercise,
            epoch=self._record.birth.epoch,
            generation=wanted.generation,
            preview=preview,
            proven=self._proven(tx.connection, order, now),
            now=now,
            recent_break_glass=recent_break_glass(tx.connection, order, identities, now) if order.break_glass else 0,
            taken_back=taken_back(tx.connection, order, identities, now),
        )
        problem = order_problem(order, self._rules, situation)
        row = Command(
            command_id=order.command_id,
            order_hash=digest,
            canon=request.canon,
            sig=request.sig,
            person_sig=request.person_sig,
            incident=order.incident,
            switch=order.switch[:_MAX_NAME],
            target=order.target[:_MAX_NAME],
            want=order.want[:_MAX_NAME],
            state=ACKNOWLEDGED,
            expires=order.expires,
        )
        if problem is not None:
            return self._refuse(tx, row, problem), problem, False
        return self._take(tx, row, order), None, True

    def _proven(self, connection: Connection, order: Order, now: datetime) -> frozenset[str]:
        switch = self._rules.catalogue.switches.get(order.switch)
        known = self._record.identities
        return proven_ids(connection, order, switch, known, now) if switch is not None else frozenset()

    def _refuse(self, tx: Transaction, row: Command, problem: Problem) -> Command:
        refused = replace(row, state=_END_OF.get(problem.kind, REFUSED), problem=problem.as_object())
        ledger.enter(tx.connection, refused)
        body: dict[str, Any] = {
            "command_id": row.command_id,
            "switch": row.switch,
            "target": row.target,
            "want": row.want,
            "gates": list(problem.gates) or [problem.kind],
            "sentence": problem.detail,
        }
        self._record.write(tx, "switch.refused", row.incident, body)
        return refused

    def _take(self, tx: Transaction, row: Command, order: Order) -> Command:
        at = format_utc(self._clock())
        command = take_up(tx, self._record, row, self._operator.adapters(row.switch, row.target), at)
        body: dict[str, Any] = {
            "command_id": row.command_id,
            "switch": row.switch,
            "target": row.target,
            "want": row.want,
            "generation": command.generation,
            "order_hash": row.order_hash,
            "acknowledged_at": at,
        }
        self._record.write(tx, "switch.acknowledged", row.incident, body)
        Pages(self._record, self._clock()).page_for(tx, order)
        return command


def _authors(order: Order, identities: Identities) -> set[str]:
    """Who orders: the person, and the one whose device it is."""
    return {order.person, identities.person_of(order.device)} - {""}


def read_order(canon: str) -> tuple[Order, bytes]:
    """The order in a canonical text, and its bytes; raises Refused when it is not one."""
    try:
        text = canon.encode("utf-8")
        order = order_from_object(parse_canonical(text))
    except (InputError, UnicodeError) as error:
        raise Refused(Problem("malformed", str(error)[:300])) from error
    if not _UUID7.fullmatch(order.incident) or not _UUID7.fullmatch(order.command_id):
        raise Refused(
            Problem(
                "malformed", "The order's incident or command id is not a UUID of version 7; confirm again on the desk."
            )
        )
    return order, text


def _standing(
    connection: Connection, switch: str, target: str, adapters: Sequence[str]
) -> tuple[Desired, list[Enforced], str]:
    wanted = desired.desired(connection, switch, target)
    marks = [desired.enforced(connection, adapter, wanted) for adapter in adapters]
    return wanted, marks, ledger.pending(connection, switch, target)


def _problem_of(command: Command) -> Problem | None:
    if not command.problem:
        return None
    gates = tuple(str(gate) for gate in command.problem.get("gates", ()))
    return Problem(str(command.problem["kind"]), str(command.problem["detail"]), gates)

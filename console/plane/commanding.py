"""What a desk asks about switches: a preview, an order, where an order stands.

`submit` is the only way a switch moves by a person's will. Intent, ledger row, raised generation and journal event are
one transaction; it returns right after the commit, and the rest happens in the background.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from console.domain.commands import ACKNOWLEDGED, EXPIRED, REFUSED, STALE, SUPERSEDED, Order, order_from_object
from console.domain.errors import ConsoleError, InputError
from console.domain.switches import RUNNING, STOPPED, UNKNOWN
from console.domain.times import format_utc
from console.plane import desired, ledger
from console.plane.backends import SERVED, SWITCHED_OFF, BackEnd, Capability, Counts, ProbeReply, ServiceBackEnd
from console.plane.db import Database, Transaction
from console.plane.desired import Desired
from console.plane.ledger import Command
from console.plane.operating import Operator
from console.plane.orders import Rules, Situation, authorship_problem, order_problem
from console.plane.previews import Preview, Previews
from console.plane.proofs import proven_ids
from console.plane.record import Clock, Record
from console.proof.canonical import parse_canonical
from console.proof.keys import leaf_digest
from console.protocol.messages import CommandRequest, SelectRequest
from console.protocol.problems import Problem

_log = logging.getLogger(__name__)

OPEN_STREAM_S = 1.5
"""How long a preview waits for its probe before it says "unknown"."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
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
        adapter = next(iter(self._rules.inventory.adapters_for(switch.id, item.id)), "")
        if not adapter:
            raise Refused(
                Problem("not_found", f"No adapter enforces {switch.id} on {item.id}; do it by hand: {switch.fallback}")
            )
        wanted, pending = await self._database.read(lambda c: _standing(c, switch.id, item.id))
        back_end = self._operator.back_ends.get(adapter)
        reply, counts = ProbeReply("no_answer", self._clock()), Counts("", {})
        if back_end is not None:
            reply, counts = await asyncio.gather(self._probe(back_end, request), _counts_of(back_end))
        state, method, shown_by = _sight(reply, wanted)
        radius = self._rules.inventory.blast_radius(item.id)
        now = self._clock()
        preview = Preview(device, request.incident, switch.id, item.id, request.want, wanted.generation, now)
        return Shown(
            token=self._previews.give(preview, now),
            generation=wanted.generation,
            state=state,
            observed_at=reply.at,
            method=method,
            command_id=shown_by,
            scope=radius.scope,
            ids=radius.ids,
            counts=counts.by_id.get(item.id, {}),
            reached={one: dict(counts.by_id[one]) for one in radius.ids if one in counts.by_id},
            counted_at=counts.counted_at or format_utc(now),
            adapter=adapter,
            capability=self._operator.capabilities.get(adapter, {}).get(switch.id),
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

    async def _probe(self, back_end: BackEnd, request: SelectRequest) -> ProbeReply:
        item = self._rules.inventory.item(request.target)
        reply, stream = await back_end.open_stream(request.switch, item, OPEN_STREAM_S)
        if stream is not None and request.want != STOPPED:
            await stream.close()
            stream = None
        self._previews.keep_stream(request.switch, request.target, stream)
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
        digest = leaf_digest(text).hex()
        known = ledger.find(tx.connection, order.command_id)
        if known is not None:
            if known.order_hash != digest:
                return (
                    None,
                    Problem("conflict", "Another order was sent under this id before; it stays what it is."),
                    False,
                )
            return known, _problem_of(known), False
        wanted = desired.desired(tx.connection, order.switch, order.target)
        situation = Situation(
            identities=identities,
            exercise=self._record.birth.exercise,
            epoch=self._record.birth.epoch,
            generation=wanted.generation,
            preview=preview,
            proven=self._proven(tx.connection, order),
            now=now,
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
        return self._take(tx, row, wanted), None, True

    def _proven(self, connection: Connection, order: Order) -> frozenset[str]:
        switch = self._rules.catalogue.switches.get(order.switch)
        return proven_ids(connection, order, switch, self._record.identities) if switch is not None else frozenset()

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

    def _take(self, tx: Transaction, row: Command, wanted: Desired) -> Command:
        at = format_utc(self._clock())
        for older in ledger.supersede(tx.connection, row.switch, row.target):
            sentence = f"A newer command ({row.command_id}) was given for this switch."
            ended = {"command_id": older.command_id, "state": SUPERSEDED, "sentence": sentence}
            self._record.write(tx, "switch.ended", older.incident, ended)
        generation = wanted.generation + 1
        command = replace(row, generation=generation, was=wanted.want, acknowledged_at=at)
        ledger.enter(tx.connection, command)
        desired.set_desired(
            tx.connection,
            Desired(row.switch, row.target, row.want, generation, row.command_id, row.command_id, row.incident, at),
        )
        body: dict[str, Any] = {
            "command_id": row.command_id,
            "switch": row.switch,
            "target": row.target,
            "want": row.want,
            "generation": generation,
            "order_hash": row.order_hash,
            "acknowledged_at": at,
        }
        self._record.write(tx, "switch.acknowledged", row.incident, body)
        return command


def read_order(canon: str) -> tuple[Order, bytes]:
    """The order in a canonical text, and its bytes; raises Refused when it is not one."""
    try:
        text = canon.encode("utf-8")
        order = order_from_object(parse_canonical(text))
    except (InputError, UnicodeError) as error:
        raise Refused(Problem("malformed", str(error)[:300])) from error
    if not _UUID7.fullmatch(order.incident) or not _UUID.fullmatch(order.command_id):
        raise Refused(
            Problem("malformed", "The order's incident or command id is not a UUID; confirm again on the desk.")
        )
    return order, text


def _standing(connection: Connection, switch: str, target: str) -> tuple[Desired, str]:
    return desired.desired(connection, switch, target), ledger.pending(connection, switch, target)


def _sight(reply: ProbeReply, wanted: Desired) -> tuple[str, str, str]:
    """(state, method, command) that one reply shows of this switch."""
    if reply.outcome == SERVED:
        return RUNNING, "probe", wanted.command_id if wanted.want == RUNNING else ""
    if reply.outcome == SWITCHED_OFF:
        ours = [r for r in reply.refused_by if (r.switch, r.target) == (wanted.switch, wanted.target)]
        if ours:
            named = ours[0].assertion_id
            return STOPPED, "probe", wanted.command_id if named == wanted.enforced_by else named
    return UNKNOWN, "none", ""


async def _counts_of(back_end: BackEnd) -> Counts:
    try:
        return await back_end.counts() if isinstance(back_end, ServiceBackEnd) else Counts("", {})
    except ConsoleError:
        return Counts("", {})


def _problem_of(command: Command) -> Problem | None:
    if not command.problem:
        return None
    gates = tuple(str(gate) for gate in command.problem.get("gates", ()))
    return Problem(str(command.problem["kind"]), str(command.problem["detail"]), gates)

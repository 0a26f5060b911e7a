"""Automatic breakers: the plane itself stops a switch when a metric it judges fails (SWI-9).

A breaker never reaches wider than a tenant, trips once a breach whatever restarts in between, and lifts nothing: at its
end it is said again, and a person restores through the gate like after any stop. Its order is a document of the same
form as a person's, by the role "breaker" and signed by the plane's own device alone.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update

from console.domain.commands import ACKNOWLEDGED, REFUSED, Order
from console.domain.errors import EnvironmentFault, InputError
from console.domain.inventory import SCOPES, Inventory, InventoryItem
from console.domain.judge import Breach
from console.domain.switches import STOPPED, Breaker
from console.domain.times import format_utc, parse_utc
from console.plane import desired, intake, journal, ledger
from console.plane.accepting import take_up
from console.plane.db import Database, Transaction
from console.plane.ledger import Command
from console.plane.operating import Operator
from console.plane.paging import Pages
from console.plane.record import ACTOR, Clock, Record
from console.plane.tables import TRIP
from console.policy import Policy
from console.proof.canonical import canonical
from console.proof.keys import leaf_digest
from console.protocol.problems import Problem

_log = logging.getLogger(__name__)

ROLE = "breaker"
ORDER_TTL_S = 30
LOOK_EVERY_S = 2.0
"""How often it is looked for trips whose time is over."""

_NAMESPACE = uuid.UUID("5c3f7f0e-9b52-4f6b-8a39-1f2f0c1d7a64")


class Breakers:
    """The breakers of the plane's own policy."""

    def __init__(self, database: Database, record: Record, policy: Policy, operator: Operator, clock: Clock) -> None:
        self._database, self._record, self._policy = database, record, policy
        self._operator, self._clock = operator, clock

    def trip(self, tx: Transaction, breach: Breach, incident: str) -> list[Command]:
        """Record the stops that this breach is cause for, in the transaction of its intake; those to be carried out.

        The same breach again gives none.
        """
        found = (one for one in self._policy.switches.breakers.values() if one.metric == breach.metric)
        stops = [self._trip(tx, breaker, breach, incident) for breaker in found]
        return [command for command in stops if command is not None]

    def carry_out(self, commands: list[Command]) -> None:
        """Begin to act on what was recorded; call it once the transaction is committed."""
        for command in commands:
            _log.info("breaker: %s on %s is stopped", command.switch, command.target)
            self._operator.start(command)

    async def run(self) -> None:
        """Say it once when a breaker's time is over and nobody took its stop over or lifted it; until cancelled."""
        while True:
            try:
                await self._database.write(self._end_trips)
            except EnvironmentFault as fault:
                _log.warning("the end of a breaker could not be recorded: %s", fault.sentence)
            await asyncio.sleep(LOOK_EVERY_S)

    def _trip(self, tx: Transaction, breaker: Breaker, breach: Breach, incident: str) -> Command | None:
        command_id = str(uuid.uuid5(_NAMESPACE, f"{breaker.id}|{breach.fingerprint}"))
        if ledger.find(tx.connection, command_id) is not None:
            return None
        target = intake.target_for(self._policy, breach)
        item = narrowest(self._policy, breaker, target)
        order = self._order(command_id, breaker, incident, item or target)
        row = self._row(order)
        if item is None:
            self._refuse(tx, row, breaker, target)
            return None
        wanted = desired.desired(tx.connection, breaker.switch, item.id)
        if wanted.want == STOPPED:
            _log.info("breaker %s: %s on %s is to be stopped already", breaker.id, breaker.switch, item.id)
            return None
        order = replace(order, generation=wanted.generation)
        now = self._clock()
        adapters = self._operator.adapters(row.switch, row.target)
        command = take_up(tx, self._record, self._row(order), adapters, format_utc(now))
        expires = format_utc(now + timedelta(minutes=breaker.expires_min))
        tx.connection.execute(
            insert(TRIP).values(
                command_id=command_id,
                breaker=breaker.id,
                fingerprint=breach.fingerprint,
                owner_role=breaker.owner_role,
                expires=expires,
                ended_at="",
            )
        )
        body: dict[str, Any] = {
            "command_id": command_id,
            "breaker": breaker.id,
            "switch": command.switch,
            "target": command.target,
            "generation": command.generation,
            "fingerprint": breach.fingerprint,
            "owner_role": breaker.owner_role,
            "expires": expires,
            "sentence": breaker.sentence,
        }
        self._record.write(tx, "breaker.tripped", incident, body)
        return command

    def _refuse(self, tx: Transaction, row: Command, breaker: Breaker, target: InventoryItem) -> None:
        """Nothing it may reach enforces the switch there: said in the log and the record, once a breach."""
        sentence = (
            f"The breaker {breaker.id} stopped nothing: nothing of a tenant's scope around {target.id} enforces "
            f"{breaker.switch}; stop it by hand where it is needed."
        )
        _log.info("%s", sentence)
        problem = Problem("gates_unmet", sentence, ("unmapped",))
        ledger.enter(tx.connection, replace(row, state=REFUSED, problem=problem.as_object()))
        body = {
            "command_id": row.command_id,
            "switch": row.switch,
            "target": row.target,
            "want": STOPPED,
            "gates": ["unmapped"],
            "sentence": sentence,
        }
        self._record.write(tx, "switch.refused", row.incident, body)

    def _order(self, command_id: str, breaker: Breaker, incident: str, item: InventoryItem) -> Order:
        now, birth = self._clock(), self._record.birth
        return Order(
            command_id=command_id,
            incident=incident,
            switch=breaker.switch,
            target=item.id,
            want=STOPPED,
            epoch=birth.epoch,
            generation=0,
            blast_radius=self._policy.inventory.blast_radius(item.id),
            policy_hash=self._policy.hash,
            expires=format_utc(now + timedelta(seconds=ORDER_TTL_S)),
            authorised_at=format_utc(now),
            reason=breaker.sentence,
            typed_name="",
            dwell_ms=0,
            gesture="",
            person=ACTOR,
            role=ROLE,
            for_owner="",
            device=self._record.key.id,
            exercise=birth.exercise,
            select_token="",
            confirmation="",
            criteria={},
        )

    def _row(self, order: Order) -> Command:
        text = canonical(order.as_object())
        return Command(
            command_id=order.command_id,
            order_hash=leaf_digest(text).hex(),
            canon=text.decode(),
            sig=self._record.key.sign_text(text),
            person_sig="",
            incident=order.incident,
            switch=order.switch,
            target=order.target,
            want=order.want,
            state=ACKNOWLEDGED,
            expires=order.expires,
        )

    def _end_trips(self, tx: Transaction) -> None:
        now = self._clock()
        for row in tx.connection.execute(select(TRIP).where(TRIP.c.ended_at == "")).all():
            if parse_utc(row.expires) <= now:
                ended = update(TRIP).where(TRIP.c.command_id == row.command_id).values(ended_at=format_utc(now))
                tx.connection.execute(ended)
                command = ledger.find(tx.connection, row.command_id)
                if command is not None and self._is_still_the_machines(tx, command):
                    reason = (
                        f"the time of the breaker {row.breaker} is over, and its stop stands until a person lifts it"
                    )
                    Pages(self._record, now).page(tx, command.incident, command.command_id, row.owner_role, reason)

    def _is_still_the_machines(self, tx: Transaction, command: Command) -> bool:
        wanted = desired.desired(tx.connection, command.switch, command.target)
        if wanted.command_id != command.command_id:
            return False
        taken = journal.accepted_of_types(tx.connection, command.incident, ["breaker.taken_over"])
        return not any(event.envelope.body["command_id"] == command.command_id for event in taken)


def narrowest(policy: Policy, breaker: Breaker, target: InventoryItem) -> InventoryItem | None:
    """What a breaker stops for a breach on `target`: that item, or the narrowest one that holds all of it.

    None when nothing of a tenant's scope enforces the switch there.
    """
    switch = policy.switches.switches.get(breaker.switch)
    if switch is None:
        return None
    return next(
        (
            item
            for item in _around(policy.inventory, target)
            if item.kind in switch.kinds
            and policy.inventory.adapters_for(switch.id, item.id)
            and SCOPES.index(policy.inventory.blast_radius(item.id).scope) <= SCOPES.index("tenant")
        ),
        None,
    )


def _around(inventory: Inventory, target: InventoryItem) -> list[InventoryItem]:
    """The item itself, what it is a part of, and the one tenant whose traffic alone passes through it."""
    wider = [target.of] if target.of else []
    if len(target.tenants) == 1:
        wider += target.tenants
    found = [target]
    for one in wider:
        try:
            found.append(inventory.item(one))
        except InputError:  # the policy's own check says so; total for foreign data
            continue
    return found

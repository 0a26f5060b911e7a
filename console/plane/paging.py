"""Saying in the record that somebody is called: whoever holds a role now, by name.

The event reaches every desk; it is written in the transaction of what it is about. How it also reaches a pager is not
the plane's business here.
"""

from __future__ import annotations

from datetime import datetime

from console.domain.commands import Order
from console.plane.db import Transaction
from console.plane.identities import Identities
from console.plane.record import Record

EXECUTIVE = "executive"
"""The role of data/roles that hears of every broken glass."""


class Pages:
    """The pages that one moment gives cause for, written with what caused them."""

    def __init__(self, record: Record, now: datetime) -> None:
        self._record, self._now = record, now

    def page(self, tx: Transaction, incident: str, command_id: str, role: str, reason: str) -> None:
        """Record that the holders of a role are paged about a command; with nobody certified the list is empty."""
        persons = list(holders(self._record.known(tx), role, self._now))
        body = {"command_id": command_id, "role": role, "persons": persons, "reason": reason}
        self._record.write(tx, "owner.paged", incident, body)

    def page_for(self, tx: Transaction, order: Order) -> None:
        """Page the owner a commander stands in for, and the executive when glass was broken (design.md, *Gates*)."""
        if order.for_owner:
            reason = f"{order.person} stopped {order.switch} on {order.target} in your stead"
            self.page(tx, order.incident, order.command_id, order.for_owner, reason)
        if order.break_glass:
            reason = f"{order.person} broke the glass to stop {order.switch} on {order.target}"
            self.page(tx, order.incident, order.command_id, EXECUTIVE, reason)


def holders(known: Identities, role: str, now: datetime) -> tuple[str, ...]:
    """Every certified person who holds that role now, sorted; the revoked hold none."""
    held = (person for person, roles in known.roles_at(now).items() if role in roles)
    return tuple(sorted(person for person in held if person in known.persons and person not in known.revoked_persons))

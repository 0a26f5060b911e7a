"""What the plane itself holds to judge an order by: its evidence, broken glass, requests that were taken back.

An id that the journal has not accepted in that very incident does not exist here, and only orders that this plane took
are counted; what a desk says of either is not read.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection

from console.domain.commands import Order
from console.domain.restoring import ITEM, Piece, piece_of_event
from console.domain.restoring import proven_ids as ids_that_prove
from console.domain.switches import Switch
from console.domain.times import format_utc
from console.plane import journal, ledger
from console.plane.identities import Identities
from console.proof.envelope import Envelope


def proven_ids(
    connection: Connection, order: Order, switch: Switch, identities: Identities, now: datetime
) -> frozenset[str]:
    """The cited ids that hold for every criterion under which they are cited; roles are those held `now`."""
    cited = sorted({one for ids in order.criteria.values() for one in ids})
    if not cited:
        return frozenset()
    held = identities.roles_at(now)
    pieces = {item: Piece(item, ITEM) for item in _items(connection, order.incident)}
    for event_id, signed in journal.accepted_events(connection, order.incident, cited).items():
        event = signed.envelope
        piece = piece_of_event(event_id, event.type, event.body, held.get(event.actor, ()))
        if piece is None:
            pieces.pop(event_id, None)
        else:
            pieces[event_id] = piece
    return ids_that_prove(switch, order.target, order.criteria, pieces)


def recent_break_glass(connection: Connection, order: Order, identities: Identities, now: datetime) -> int:
    """How many orders of the author's key, under whatever name, broke the glass within the hour before `now`."""
    taken = ledger.taken_since(connection, format_utc(now - timedelta(hours=1)))
    orders = [json.loads(one.canon) for one in taken if one.canon and one.command_id != order.command_id]
    broken = [str(one.get("person", "")) for one in orders if one.get("break_glass")]
    return sum(identities.same_key(person, order.person) for person in broken)


_REQUEST_TYPES = ("approval.requested", "approval.declined", "approval.withdrawn")


def taken_back(connection: Connection, order: Order, identities: Identities, now: datetime) -> bool:
    """Whether the request under which the order was approved had been declined or withdrawn in the journal (SWI-3).

    Either is about every request for that command until then: by whoever asked for one, or by a certified person with
    a role and another key. A request is told by its end, which every approval signs, so that asking anew revives none.
    """
    if not order.approvals:
        return False
    held = identities.roles_at(now)
    told = [signed.envelope for signed in journal.accepted_of_types(connection, order.incident, _REQUEST_TYPES)]
    asked: list[Envelope] = []
    ended: set[str] = set()
    for event in told:
        if event.body["command_id"] != order.command_id:
            continue
        if event.type == "approval.requested":
            asked.append(event)
        elif event.type == "approval.withdrawn":
            ended |= {str(one.body["expires"]) for one in asked if one.actor == event.actor}
        elif event.actor in identities.persons and held.get(event.actor):
            ended |= {str(one.body["expires"]) for one in asked if not identities.same_key(one.actor, event.actor)}
    return order.request_expires in ended


def asked_by_another(connection: Connection, order: Order, identities: Identities) -> bool:
    """Whether this command's id is that of somebody else's request, which everybody can read: it is theirs then."""
    asked = journal.accepted_of_types(connection, order.incident, ("approval.requested",))
    first = next((one.envelope for one in asked if one.envelope.body["command_id"] == order.command_id), None)
    return first is not None and not identities.same_key(first.actor, order.person)


def _items(connection: Connection, incident: str) -> frozenset[str]:
    captured = journal.accepted_of_types(connection, incident, ("evidence.captured",))
    return frozenset(str(event.envelope.body["item"]) for event in captured)

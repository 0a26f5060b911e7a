"""What the plane itself holds to judge an order by: what its evidence shows, how often its author broke the glass.

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


def _items(connection: Connection, incident: str) -> frozenset[str]:
    captured = journal.accepted_of_types(connection, incident, ("evidence.captured",))
    return frozenset(str(event.envelope.body["item"]) for event in captured)

"""What the plane's own journal holds of the ids an order cites; `domain.restoring` decides what they prove.

Nothing else is read: an id that the journal has not accepted in that very incident does not exist here.
"""

from __future__ import annotations

from sqlalchemy import Connection

from console.domain.commands import Order
from console.domain.restoring import ITEM, Piece, piece_of_event
from console.domain.restoring import proven_ids as ids_that_prove
from console.domain.switches import Switch
from console.plane import journal
from console.plane.identities import Identities


def proven_ids(connection: Connection, order: Order, switch: Switch, identities: Identities) -> frozenset[str]:
    """The cited ids that hold for every criterion under which they are cited."""
    cited = sorted({one for ids in order.criteria.values() for one in ids})
    if not cited:
        return frozenset()
    pieces = {item: Piece(item, ITEM) for item in _items(connection, order.incident)}
    for event_id, signed in journal.accepted_events(connection, order.incident, cited).items():
        event = signed.envelope
        piece = piece_of_event(event_id, event.type, event.body, identities.roles.get(event.actor, ()))
        if piece is None:
            pieces.pop(event_id, None)
        else:
            pieces[event_id] = piece
    return ids_that_prove(switch, order.target, order.criteria, pieces)


def _items(connection: Connection, incident: str) -> frozenset[str]:
    captured = journal.accepted_of_types(connection, incident, ("evidence.captured",))
    return frozenset(str(event.envelope.body["item"]) for event in captured)

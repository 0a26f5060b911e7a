"""Which of the ids an order cites prove what the criterion asks for: read from the plane's own journal, nothing else.

An id counts only where it shows the right thing: a measured validation of that very target, a captured or sealed item
of that incident, a criterion signed off by somebody who holds the role that the switch names.
"""

from __future__ import annotations

from sqlalchemy import Connection

from console.domain.commands import Order
from console.domain.switches import RestoreCriterion, Switch
from console.plane import journal
from console.plane.identities import Identities
from console.proof.envelope import Envelope, SignedEvent

_ITEM_TYPES = ("evidence.captured", "evidence.sealed")


def proven_ids(connection: Connection, order: Order, switch: Switch, identities: Identities) -> frozenset[str]:
    """The cited ids that hold for every criterion under which they are cited."""
    cited = sorted({one for ids in order.criteria.values() for one in ids})
    if not cited:
        return frozenset()
    events = journal.accepted_events(connection, order.incident, cited)
    items = _items(connection, order.incident)
    proven, failed = set[str](), set[str]()
    for criterion in switch.criteria:
        ids = order.criteria.get(criterion.id, ())
        shown = {one for one in ids if _shows(events.get(one), one in items, criterion, order, identities)}
        if not any(_is_main(events.get(one), criterion) for one in shown):
            shown = set()
        proven |= shown
        failed |= set(ids) - shown
    return frozenset(proven - failed)


def _shows(
    signed: SignedEvent | None, is_item: bool, criterion: RestoreCriterion, order: Order, identities: Identities
) -> bool:
    if signed is None:
        return is_item
    event = signed.envelope
    if event.type == "criterion.signed":
        return _signed_off(event, criterion, order, identities)
    if event.type == "validation.measured":
        return bool(event.body["target"] == order.target)
    return event.type in _ITEM_TYPES


def _is_main(signed: SignedEvent | None, criterion: RestoreCriterion) -> bool:
    """Whether this is the kind of proof the criterion asks for; other kinds may stand beside it, never alone."""
    if signed is None or signed.envelope.type in _ITEM_TYPES:
        return criterion.evidence == "sealed_item"
    wanted = {"validation": "validation.measured", "statement": "criterion.signed"}.get(criterion.evidence)
    return signed.envelope.type == wanted


def _signed_off(event: Envelope, criterion: RestoreCriterion, order: Order, identities: Identities) -> bool:
    body = event.body
    about = (body["switch"], body["target"], body["criterion"]) == (order.switch, order.target, criterion.id)
    return about and (not criterion.signed_by or criterion.signed_by in identities.roles.get(event.actor, ()))


def _items(connection: Connection, incident: str) -> frozenset[str]:
    captured = journal.accepted_of_types(connection, incident, ("evidence.captured",))
    return frozenset(str(event.envelope.body["item"]) for event in captured)

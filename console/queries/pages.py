"""Whom the plane paged because an owner is needed, newest first: what a desk shows loudly to whoever holds the role."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from console.store.facts import certified_people
from console.store.readers import Rows

MOST = 20


@dataclass(frozen=True, slots=True)
class OwnerPage:
    """One page of the plane: who is asked for (a role, and persons where it named them), why, in which incident."""

    event_id: str
    incident: str
    title: str
    target: str
    role: str
    reason: str


def owner_pages(reader: Rows, person: str, roles: Collection[str], now: datetime) -> tuple[OwnerPage, ...]:
    """The newest pages for this person, one of these roles or one lent to them, of incidents that are not closed."""
    known = certified_people(reader, now).get(person)
    held = {*roles, *(known.roles if known is not None else ())}
    rows = reader.tuples(
        "SELECT t.event_id, t.incident, i.title, i.target FROM timeline t JOIN incident i ON i.incident = t.incident "
        "WHERE t.type = 'owner.paged' AND t.status <> 'rejected' AND i.state <> 'closed' ORDER BY t.n DESC LIMIT ?",
        (MOST,),
    )
    found = []
    for event_id, incident, title, target in rows:
        signed = reader.event(str(event_id))
        body = signed.envelope.body if signed is not None else {}
        role, persons = str(body.get("role", "")), body.get("persons", ())
        if role in held or (isinstance(persons, list | tuple) and person in persons):
            found.append(OwnerPage(event_id, incident, title, target, role, str(body.get("reason", ""))))
    return tuple(found)

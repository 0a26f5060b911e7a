"""What the record says now of the person who sits at this desk: their roles, and whether their key is still theirs.

The invitation is only what somebody was promised. Until the record has heard of a person nothing here is known of
them, and that is said, so that nobody takes "not told yet" for "turned away".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.store.facts import certified_people
from console.store.own_key import key_fault
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class SeatNow:
    """Roles by id, those held by a grant first; `lent` says of each borrowed one until when (RFC 3339).

    `known` is whether the record has ever heard of the person; `key_fault` why their key here is not the one that the
    organisation's record has for them, "" when it is.
    """

    known: bool
    roles: tuple[str, ...] = ()
    lent: Mapping[str, str] = field(default_factory=dict)
    key_fault: str = ""


def seat_now(reader: Rows, person: str, public_key: str, device: str, now: datetime) -> SeatNow:
    """Who the person is now; `public_key` is of the key they signed in with at `device` ("" while they have not)."""
    known = certified_people(reader, now).get(person)
    if known is None:
        heard = reader.value("SELECT count(*) FROM certified_person WHERE person = ?", (person,), 0)
        return SeatNow(bool(heard))
    roles = sorted(known.roles, key=lambda role: (role in known.lent, role))
    fault = key_fault(reader, person, public_key, device) if public_key else ""
    return SeatNow(True, tuple(roles), known.lent, fault)

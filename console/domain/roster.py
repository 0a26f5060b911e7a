"""Who is reached how when nobody is being paged: people, their numbers, their roles and who stands in (CMD-1).

It is the organisation's own reviewed list and needs no plane. It gives nobody a right: what somebody may do comes from
the root's grants alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One person: `roles` are those they fill, `hours` when they can be reached, as people write it."""

    person: str
    display_name: str
    phone: str
    roles: tuple[str, ...]
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """The people in the list's order, and who stands in for each role, in the order in which they are called."""

    entries: tuple[RosterEntry, ...] = ()
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def entry(self, person: str) -> RosterEntry | None:
        """What the list says of a person, None when they are not in it."""
        return next((entry for entry in self.entries if entry.person == person), None)

    def stand_ins_for(self, role: str) -> tuple[RosterEntry, ...]:
        """Who stands in for a role, the one to call first first."""
        found = (self.entry(person) for person in self.stand_ins.get(role, ()))
        return tuple(entry for entry in found if entry is not None)

    def stands_in(self, person: str) -> tuple[str, ...]:
        """The roles for which a person stands in."""
        return tuple(role for role, people in self.stand_ins.items() if person in people)

    def phone_list(self, roles: Collection[str]) -> tuple[RosterEntry, ...]:
        """Whom to call for these roles: those who fill one, then those who stand in, each once."""
        holders = [entry for entry in self.entries if not set(roles).isdisjoint(entry.roles)]
        others = [entry for role in roles for entry in self.stand_ins_for(role)]
        return tuple(dict.fromkeys((*holders, *others)))


NOBODY = Roster()
"""The list of an organisation that keeps none here."""

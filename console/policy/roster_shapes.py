"""The shape of data/roster.yml and the roster built of it; that its names resolve is asked in `references`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from console.domain.roster import NOBODY, Roster, RosterEntry
from console.policy.shapes import Id, Names, PersonId, Phone, Shape, Text


class PersonShape(Shape):
    """One person; fields as in `domain.roster.RosterEntry`."""

    name: Text
    phone: Phone
    roles: Names
    hours: Annotated[str, Field(max_length=200)] = ""


class RosterShape(Shape):
    """data/roster.yml."""

    people: dict[PersonId, PersonShape] = Field(default_factory=dict)
    stand_ins: dict[Id, Annotated[list[PersonId], Field(min_length=1)]] = Field(default_factory=dict)


def build_roster(shape: RosterShape | None) -> Roster:
    """The roster; an organisation without the file has nobody in it."""
    if shape is None:
        return NOBODY
    return Roster(
        tuple(RosterEntry(who, one.name, one.phone, tuple(one.roles), one.hours) for who, one in shape.people.items()),
        {role: tuple(people) for role, people in shape.stand_ins.items()},
    )

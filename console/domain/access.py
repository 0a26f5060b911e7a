"""Who may read and write one incident: open to everybody until its commander limits it, then by role or by name.

A pure fold over the accepted events of the incident in journal order. Whoever judges adds the two that are always let
in, the plane and the organisation's root, and names a person only where it knows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.domain.errors import InputError

COMMANDER = "incident_commander"
LIMITED, GRANTED, WITHDRAWN, ROLE_TAKEN = "access.limited", "access.granted", "access.withdrawn", "role.taken"
ACCESS_TYPES = frozenset({LIMITED, GRANTED, WITHDRAWN})
"""What only the incident's commander may write."""
FOLDED_TYPES = ACCESS_TYPES | {ROLE_TAKEN}
"""What changes who may read and write; everything else can be left out of the fold."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let into one incident at one journal position.

    Attributes:
        limited: whether it is closed to those who are not named below.
        holders: role -> the person who took it last.
        granted: persons let in by name and not withdrawn since.
        withdrawn: persons shut out by name and not let in since; a role that they take or are given lets nobody back.
    """

    limited: bool = False
    holders: Mapping[str, str] = field(default_factory=dict)
    granted: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()

    @property
    def commander(self) -> str:
        """Who commands the incident, "" while nobody does."""
        return self.holders.get(COMMANDER, "")

    def lets_in(self, person: str) -> bool:
        """Whether that person may read and write here now."""
        if not self.limited or person in self.granted or (person and person == self.commander):
            return True
        return person in self.holders.values() and person not in self.withdrawn

    def after(self, event_type: str, body: Mapping[str, Any]) -> Access:
        """What holds after an accepted event of this incident; its body was checked."""
        if event_type == LIMITED:
            return replace(self, limited=True)
        if event_type == GRANTED:
            person = {str(body["person"])}
            return replace(self, granted=self.granted | person, withdrawn=self.withdrawn - person)
        if event_type == WITHDRAWN:
            person = {str(body["person"])}
            return replace(self, granted=self.granted - person, withdrawn=self.withdrawn | person)
        if event_type == ROLE_TAKEN:
            return replace(self, holders={**self.holders, str(body["role"]): str(body["person"])})
        return self

    def as_object(self) -> dict[str, Any]:
        """A plain object to be kept; `access_from_object` reads it back."""
        names = {"granted": sorted(self.granted), "withdrawn": sorted(self.withdrawn)}
        return {"limited": self.limited, "holders": dict(self.holders)} | names


OPEN = Access()
"""An incident that nobody limited and in which nobody took a role."""


def access_from_object(value: Any) -> Access:
    """The access that `as_object` wrote; raises InputError when it is none."""
    try:
        named = (frozenset(value["granted"]), frozenset(value.get("withdrawn", ())))
        return Access(bool(value["limited"]), dict(value["holders"]), *named)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("What is kept about the access to an incident is damaged; restore a backup.") from error

"""Who may do what in an incident: the command roles, the names they also go by, and who must be in the room (CMD-1).

A role is an id in snake_case wherever it is kept or signed; titles and the sources' other names resolve to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from console.domain.errors import InputError


@dataclass(frozen=True, slots=True)
class Role:
    """One role; `inferred` are the fields of it that no source gives and that are therefore ours."""

    id: str
    title: str
    responsibility: str
    authority: str
    escalation: str
    audit: str
    source: str
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleBook:
    """Every role by id, other names (alias -> id), and the roles that must be in the room at the listed levels."""

    roles: Mapping[str, Role]
    aliases: Mapping[str, str]
    room_levels: tuple[str, ...]
    room_roles: tuple[str, ...]

    def role(self, name: str) -> Role:
        """The role of that id or alias; raises InputError when there is none."""
        found = self.roles.get(self.aliases.get(name, name))
        if found is None:
            raise InputError(f"There is no role '{name[:40]}'; choose one of {', '.join(sorted(self.roles))}.")
        return found

    def missing_from_room(self, level: str, present: Collection[str]) -> tuple[str, ...]:
        """The roles that must be in the room at this severity and are not; names may be aliases."""
        if level not in self.room_levels:
            return ()
        held = {self.role(name).id for name in present}
        return tuple(role for role in self.room_roles if role not in held)

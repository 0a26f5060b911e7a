"""Whom an incident needs, from reviewed data alone: for the phone list of a desk whose plane is gone (TEL-3)."""

from __future__ import annotations

import contextlib

from console.domain.errors import InputError
from console.domain.inventory import Inventory
from console.domain.severity import LEVELS, SeverityModel


def roles_to_call(severity: SeverityModel, inventory: Inventory, level: str, target: str) -> tuple[str, ...]:
    """The role ids to phone, the most needed first: who owns the level, who owns the target, whom the level pages.

    An ungraded incident is read as the strictest level, as everywhere; a target that is not mapped adds nobody.
    """
    row = severity.level(level or LEVELS[0])
    owners = [row.owner_role]
    with contextlib.suppress(InputError):
        owners.append(inventory.item(target).owner_role)
    return tuple(dict.fromkeys(role for role in (*owners, *row.pages) if role))

"""Words of the people page: roles by their titles, and how long something still lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from console.policy import Policy
from console.ui.ages import duration, moment_of
from console.ui.text import display

MOST_ROLE = 40


def role_title(policy: Policy, role: str) -> str:
    """The title of a role, or its id in words where the policy does not know it."""
    known = policy.roles.roles.get(policy.roles.aliases.get(role, role))
    return display(known.title if known is not None else role.replace("_", " "), MOST_ROLE)


def role_titles(policy: Policy, roles: Iterable[str]) -> str:
    """Several of them, in one line."""
    return ", ".join(role_title(policy, role) for role in roles)


def time_left(until: str, now: datetime) -> str:
    """`until 14:02:11 UTC, 38:20 left`, and that it is over once it is."""
    moment = moment_of(until)
    if moment is None:
        return f"until {display(until, 40)}"
    left = (moment - now).total_seconds()
    return f"until {moment:%H:%M} UTC, {duration(left)} left" if left > 0 else f"ended at {moment:%H:%M} UTC"

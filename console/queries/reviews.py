"""What somebody still has to look at, over all incidents: broken glass, approvals at one desk, breakers, no reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.store.facts import certified_people
from console.store.passed import NO_REASON, may_settle, owed
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class OwedReview:
    """One later look that is owed; `why` is "break_glass", "same_desk", "automatic" or "no_reason".

    `by` is who gave the command, or the breaker that tripped; `at` the plane's time, RFC 3339; `reason` what was
    written then, "" without.
    """

    command_id: str
    incident: str
    switch: str
    target: str
    why: str
    by: str
    at: str
    reason: str


def owed_reviews(reader: Rows, me: str = "", now: datetime | None = None) -> tuple[OwedReview, ...]:
    """Every look that is owed and that `me` may take, oldest first; all of them for "" (SWI-3, SWI-9, SWI-11).

    With `now`, roles that are lent then count as well.
    """
    people = certified_people(reader, now)
    return tuple(
        OwedReview(one.command_id, one.incident, one.switch, one.target, one.why, one.by, one.at, one.reason)
        for one in owed(reader)
        if not me or may_settle(one, me, people)
    )


def unreasoned_commands(reader: Rows, incident: str = "") -> tuple[str, ...]:
    """Ids of the commands that still owe a reason, oldest first; of all incidents unless one is named."""
    return tuple(one.command_id for one in owed(reader, incident) if one.why == NO_REASON)

"""In which order switches are listed so that any of them is found: proposed first, then by step, by hand last.

No widget in here. Within a group the order is that of the domain, the smallest step first (SWI-5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.reach import STEPS, Reach
from console.domain.switches import SwitchCatalogue

PROPOSED, BY_HAND = "proposed", "by_hand"
TITLES = {
    PROPOSED: "PROPOSED BY TRIAGE",
    "local": "LOCAL: one tenant, session or part",
    "scoped": "SCOPED: one capability",
    "failover": "FAILOVER: reduced answers go on",
    "fail_closed": "FAIL CLOSED: nobody is answered",
    BY_HAND: "BY HAND ONLY: nothing enforces these here",
}


@dataclass(frozen=True)
class Group:
    """A heading and what stands under it."""

    name: str
    reaches: tuple[Reach, ...]

    @property
    def title(self) -> str:
        """What stands over it."""
        return f"{TITLES.get(self.name, self.name)}  ({len(self.reaches)})"


def grouped(reaches: Sequence[Reach]) -> tuple[Group, ...]:
    """The groups that hold something."""
    found = [
        Group(name, tuple(one for one in reaches if group_of(one) == name)) for name in (PROPOSED, *STEPS, BY_HAND)
    ]
    return tuple(group for group in found if group.reaches)


def group_of(reach: Reach) -> str:
    """The group of one switch."""
    if not reach.adapter:
        return BY_HAND
    return PROPOSED if reach.proposed else reach.step


def searched(catalogue: SwitchCatalogue, reach: Reach, crumb: str) -> str:
    """Everything a person may type to find it, folded."""
    switch = catalogue.switch(reach.switch)
    return f"{crumb} {switch.title} {switch.cuts} {reach.step} {reach.adapter}".casefold()


def matches(text: str, typed: str) -> bool:
    """Whether every word that was typed stands somewhere in the text."""
    return all(word in text for word in typed.casefold().split())

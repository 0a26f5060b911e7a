"""What a preview shows of a switch that one or several back-ends enforce: never more than all of them show together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.domain.errors import ConsoleError
from console.domain.switches import RUNNING, STOPPED, UNKNOWN
from console.plane.backends import (
    ABILITIES,
    SERVED,
    SWITCHED_OFF,
    BackEnd,
    Capability,
    Counts,
    ProbeReply,
    ServiceBackEnd,
)
from console.plane.desired import Desired, Enforced

_NO_COUNTS = Counts("", {})


@dataclass(frozen=True, slots=True)
class Sight:
    """The state that was seen, by "probe" or "none", and the command it is the doing of ("" when none is named)."""

    state: str
    method: str
    command_id: str


def sight_of(replies: Sequence[ProbeReply], wanted: Desired, marks: Sequence[Enforced]) -> Sight:
    """What the replies of all back-ends show; where they differ, the state of the switch is unknown."""
    sights = [_sight(reply, wanted, mark) for reply, mark in zip(replies, marks, strict=True)]
    first = sights[0]
    if all(sight == first for sight in sights):
        return first
    if all(sight.state == first.state for sight in sights):
        return Sight(first.state, first.method, "")
    return Sight(UNKNOWN, "probe", "")


def together(found: Sequence[Capability | None]) -> Capability | None:
    """What all of them can do; None when one of them did not say."""
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    kinds = tuple(kind for kind in known[0].kinds if all(kind in one.kinds for one in known))
    return Capability(kinds, **{name: all(one.flags()[name] for one in known) for name in ABILITIES})


async def counting_for(back_ends: Mapping[str, BackEnd], first: Sequence[str], ids: Iterable[str]) -> Counts:
    """Live numbers of `ids`: from a back-end named in `first`, else from any that stands before the service."""
    names = [*first, *(name for name in back_ends if name not in first)]
    for name in names:
        counts = await _counts_of(back_ends.get(name))
        if any(one in counts.by_id for one in ids):
            return counts
    return _NO_COUNTS


def _sight(reply: ProbeReply, wanted: Desired, mark: Enforced) -> Sight:
    """What one reply shows of this switch."""
    if reply.outcome == SERVED:
        return Sight(RUNNING, "probe", wanted.command_id if wanted.want == RUNNING else "")
    if reply.outcome == SWITCHED_OFF:
        ours = [r for r in reply.refused_by if (r.switch, r.target) == (wanted.switch, wanted.target)]
        if ours:
            named = ours[0].assertion_id
            return Sight(STOPPED, "probe", wanted.command_id if named == mark.assertion_id else named)
    return Sight(UNKNOWN, "none", "")


async def _counts_of(back_end: BackEnd | None) -> Counts:
    try:
        return await back_end.counts() if isinstance(back_end, ServiceBackEnd) else _NO_COUNTS
    except ConsoleError:
        return _NO_COUNTS

"""Judging what one request through the data path met: the only thing that makes a command "verified", here or there.

The plane and a desk that looks for itself judge by these same rules, so that their words can be compared. A refusal
counts only when it names the switch, the target, the generation and the id that were sent; a refusal by somebody else
hides the answer, and an overloaded or silent service tells nothing (SWI-4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from console.domain.switches import RUNNING, STOPPED, UNKNOWN

SERVED, SWITCHED_OFF, OVERLOADED, NO_ANSWER = "served", "switched_off", "overloaded", "no_answer"
"""What a probe met: an answer that begins, a refusal by a switch, an overloaded service, nothing to be relied on."""

BY_PLANE, BY_DESK = "plane", "desk"
"""Whose word an observation is; the two are never merged into one."""

Seen = Literal["in_effect", "not_in_effect", "hidden", "unknown"]


@dataclass(frozen=True, slots=True)
class Refuser:
    """A switch that refused a request, as the data path names it."""

    switch: str
    target: str
    generation: int
    assertion_id: str


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """What one request through the data path met at `at`, and every switch it was refused by.

    `notice` is what the user was told of anything missing, where the probe read that far (SWI-10).
    """

    outcome: str
    at: datetime
    refused_by: tuple[Refuser, ...] = ()
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """What should be seen: the state, under this generation and id."""

    switch: str
    target: str
    want: str
    generation: int
    assertion_id: str


def judge_reply(reply: ProbeReply, aim: Aim) -> Seen:
    """What one reply says about `aim`; a served request names no command, so for a restore it is the state alone."""
    if reply.outcome == SERVED:
        return "in_effect" if aim.want == RUNNING else "not_in_effect"
    if reply.outcome != SWITCHED_OFF:
        return "unknown"
    ours = [r for r in reply.refused_by if (r.switch, r.target) == (aim.switch, aim.target)]
    if not ours:
        return "hidden"
    if aim.want == RUNNING:
        return "not_in_effect"
    named = any((r.generation, r.assertion_id) == (aim.generation, aim.assertion_id) for r in ours)
    return "in_effect" if named else "unknown"


def state_seen(seen: Seen, want: str) -> str:
    """The state that was observed: "running", "stopped" or "unknown"."""
    other = RUNNING if want == STOPPED else STOPPED
    return {"in_effect": want, "not_in_effect": other}.get(seen, UNKNOWN)


@dataclass(frozen=True, slots=True)
class OwnLook:
    """What a desk saw for itself at `at`, by its own clock; `why` says in words why the state is unknown."""

    aim: Aim
    state: str
    at: datetime
    why: str = ""


def contradicts(want: str, verified_at: str, state: str, looked_at: str) -> bool:
    """Whether a desk saw the opposite of what the plane verified, and not before (RFC 3339, the desk's clock).

    What could not be seen contradicts nothing, and neither does a look from before the effect.
    """
    return state in (RUNNING, STOPPED) and state != want and looked_at >= verified_at

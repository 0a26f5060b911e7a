"""Kill switches: what each cuts, who may throw it, and what must be shown before it is restored (SWI-1, SWI-2).

A switch holds a desired *state*, never a toggle: "stopped" is the contained state, "running" the normal one. Polarity
is "AI enabled", so a lost state means stopped wherever a gateway asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.budgets import Caps
from console.domain.errors import InputError
from console.domain.inventory import InventoryItem

STOPPED = "stopped"
RUNNING = "running"
UNKNOWN = "unknown"
WANTS = (STOPPED, RUNNING)

TEL_3_CAPS = Caps(turns=10, input_tokens=100_000, writes=5, micro_usd=5_000_000)
"""The caps of the sources, where an organisation sets none of its own."""


@dataclass(frozen=True, slots=True)
class RestoreCriterion:
    """One thing that must be proven before a restore: `id` within its switch, our wording, and who signs it off."""

    id: str
    text: str
    signed_by: str
    evidence: str
    """What kind of evidence is asked for: "validation" (a measured run), "sealed_item" or "statement"."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One row of the switch table.

    `kinds` are the inventory kinds it can be thrown on; `owner_role` may restore it; `thrown_by` are the roles that may
    stop with it (a commander may stop up to tenant scope for an absent owner besides); `step` is its place in graduated
    containment (SWI-5): "local", "scoped", "failover", "fail_closed"; `reversible` is False where it cannot be undone.
    """

    id: str
    title: str
    cuts: str
    mechanism: str
    kinds: tuple[str, ...]
    owner_role: str
    thrown_by: tuple[str, ...]
    step: str
    reversible: bool
    criteria: tuple[RestoreCriterion, ...]
    fallback: str
    """What a person can do by hand when the plane cannot be reached (the fallback card)."""
    source: str
    notice: bool = False
    """Whether those who are served in a reduced form must be told; it is in effect only when that was seen (SWI-10)."""

    def tells_users(self, item: InventoryItem) -> bool:
        """Whether a stop on `item` reduces what others are still served, so that its notice has to be seen.

        A model that was derived from none is what the others fall back to: stopping it alone reduces nobody's answers.
        """
        return self.notice and (item.kind != "model" or bool(item.derived_from))


@dataclass(frozen=True, slots=True)
class GateTimes:
    """Durations of the gates in milliseconds, settings in `data/switches` (guides of the desk; SWI-3)."""

    dwell_ms: int
    hold_ms: int
    reflex_fail_ms: int
    reflex_warn_ms: int
    lockout_ms: int
    command_ttl_s: int
    approval_ttl_s: int
    observation_fresh_s: int
    probe_stream_max_s: int


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Other numbers of the gates, settings in `data/switches` too: the unit ends the name.

    One person may break the glass `break_glass_per_hour` times (SWI-11); who approves was certified at least
    `approver_age_h` hours ago; a role is lent for at most `delegation_max_h` hours; a desk that nobody touched for
    `idle_lock_s` seconds locks its keys.
    """

    break_glass_per_hour: int = 3
    approver_age_h: int = 24
    delegation_max_h: int = 24
    idle_lock_s: int = 900


@dataclass(frozen=True, slots=True)
class Breaker:
    """An automatic stop (SWI-9): when `metric` fails, `switch` is stopped on the item that the breach names.

    `owner_role` is paged and lifts it through the restore gate; it is the machine's for `expires_min` minutes, then a
    person must have taken it over. `sentence` is what people read.
    """

    id: str
    metric: str
    switch: str
    owner_role: str
    expires_min: int
    sentence: str


@dataclass(frozen=True, slots=True)
class SwitchCatalogue:
    """Every switch by id, every further action by id (title), and the times of the gates.

    `limits` are the gates' other numbers, `breakers` the automatic stops by id, `budgets` the caps that a gateway
    reserves from (TEL-3).
    """

    switches: Mapping[str, Switch]
    actions: Mapping[str, str]
    times: GateTimes
    limits: GateLimits = GateLimits()
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    budgets: Caps = TEL_3_CAPS

    def switch(self, switch_id: str) -> Switch:
        """The switch of that id; raises InputError when there is none."""
        try:
            return self.switches[switch_id]
        except KeyError:
            raise InputError(
                f"There is no switch '{switch_id[:60]}'; choose one of {', '.join(sorted(self.switches))}."
            ) from None

"""Budgets of agents: reserve what a step may cost, then settle what it did cost, and never pass a cap (TEL-3).

Counting afterwards lets calls that run side by side pass a cap together, so what is under way counts in full until it
is settled, released or over. Whole numbers only, money in micro-USD. The same rule stands in the Redis function library
`plane/adapters/onboarding/budget.lua`, where gateways ask it; change both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal

from console.domain.errors import InputError

MOST = 10**12
"""The largest amount that is accepted anywhere; sums of it stay exact in a double."""
LASTS_S = 120
"""Seconds after which a reservation that nobody settled stops counting."""
MOST_STEPS = 1000
"""Reservations, settled ones included, that one workflow may have."""

_USD = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_MICRO = 1_000_000


def _check(amounts: Cost | Caps) -> None:
    for entry in fields(amounts):
        value = getattr(amounts, entry.name)
        if type(value) is not int or not 0 <= value <= MOST:
            raise InputError(f"{entry.name} must be a whole number from 0 to {MOST}; {str(value)[:40]} is not.")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step takes: whole numbers from 0 to MOST. Raises InputError for anything else."""

    turns: int = 0
    input_tokens: int = 0
    writes: int = 0
    micro_usd: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        _check(self)

    def __add__(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(*(getattr(self, name) + getattr(other, name) for name in MEASURES))


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent: `turns`, `input_tokens` and `writes` by one session, `micro_usd` by one workflow.

    Raises InputError for anything but whole numbers from 0 to MOST.
    """

    turns: int
    input_tokens: int
    writes: int
    micro_usd: int

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        _check(self)


MEASURES = tuple(entry.name for entry in fields(Cost))
"""What is counted, in the order in which a refusal looks for the cap that is short."""
OF_WORKFLOW = "micro_usd"
"""The measure that all sessions of a workflow share; the others are counted by session."""
NOTHING = Cost()
STOPPED = Caps(0, 0, 0, 0)
"""The caps of a tenant whose budget is switched off (FF_TOKEN_BUDGET)."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A step that may be taken: it counts until `expires_us` (epoch microseconds)."""

    id: str
    session: str
    cost: Cost
    expires_us: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A step that was taken, and what it did cost."""

    id: str
    session: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that may not be taken: `cap` is a measure, or "reservation" for an id or a workflow that is used up."""

    cap: str
    left: int

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.cap == "reservation":
            return "This reservation is settled, not known, or one too many; begin the step with a new one."
        return f"The budget has {self.left} {self.cap.replace('_', ' ')} left, and this step would take more."


@dataclass(frozen=True, slots=True)
class Account:
    """The budget of one workflow: every function gives back the account as it is afterwards, and what came of it.

    `now_us` is epoch microseconds; time may only move forward.
    """

    caps: Caps
    steps: Mapping[str, Reserved | Settled] = field(default_factory=dict)

    def spent(self, session: str, now_us: int, but: str = "") -> Cost:
        """What is settled or reserved just now, without the step `but`: money of all, the rest of `session`."""
        total = NOTHING
        for step in self._counting(now_us):
            if step.id != but:
                total += step.cost if step.session == session else Cost(micro_usd=step.cost.micro_usd)
        return total

    def left(self, session: str, now_us: int) -> Cost:
        """What that session may still reserve."""
        spent = self.spent(session, now_us)
        return Cost(*(max(0, getattr(self.caps, name) - getattr(spent, name)) for name in MEASURES))

    def reserve(
        self, step: str, session: str, cost: Cost, now_us: int, lasts_s: int = LASTS_S
    ) -> tuple[Account, Reserved | Refusal]:
        """Set `cost` aside under the id `step`; the same again gets the same answer, with no second effect."""
        known = self.steps.get(step)
        if isinstance(known, Reserved) and (known.session, known.cost) == (session, cost) and known.expires_us > now_us:
            return self, known
        if known is not None or len(self.steps) >= MOST_STEPS:
            return self, Refusal("reservation", 0)
        short = self._short(session, cost, now_us)
        if short is not None:
            return self, short
        reserved = Reserved(step, session, cost, now_us + lasts_s * 1_000_000)
        return self._with(step, reserved), reserved

    def settle(self, step: str, actual: Cost, now_us: int) -> tuple[Account, Settled | Refusal]:
        """Count what the step did cost in place of its reservation.

        More than was reserved, or later than it lasted, is counted only where the caps have room for it; otherwise it
        is refused and the reservation stays as it is. The same again gets the same answer.
        """
        known = self.steps.get(step)
        if isinstance(known, Settled) and known.cost == actual:
            return self, known
        if not isinstance(known, Reserved):
            return self, Refusal("reservation", 0)
        short = self._short(known.session, actual, now_us, but=step)
        if short is not None:
            return self, short
        settled = Settled(step, known.session, actual)
        return self._with(step, settled), settled

    def release(self, step: str) -> Account:
        """Give back the reservation of a step that was not taken; what is settled stays."""
        if not isinstance(self.steps.get(step), Reserved):
            return self
        return replace(self, steps={name: kept for name, kept in self.steps.items() if name != step})

    def _short(self, session: str, cost: Cost, now_us: int, but: str = "") -> Refusal | None:
        spent = self.spent(session, now_us, but)
        for name in MEASURES:
            left = getattr(self.caps, name) - getattr(spent, name)
            if getattr(cost, name) > max(0, left):
                return Refusal(name, max(0, left))
        return None

    def _counting(self, now_us: int) -> Iterator[Reserved | Settled]:
        for step in self.steps.values():
            if isinstance(step, Settled) or step.expires_us > now_us:
                yield step

    def _with(self, name: str, step: Reserved | Settled) -> Account:
        return replace(self, steps={**self.steps, name: step})


def micro_usd(text: str) -> int:
    """Dollars as decimal text, like "5.00", in micro-USD. Raises InputError for anything else."""
    if not _USD.fullmatch(text):
        raise InputError(f"'{str(text)[:40]}' is not an amount in dollars; write it as text, like \"5.00\".")
    return int(Decimal(text) * _MICRO)

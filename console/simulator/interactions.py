"""The last interactions of each tenant, kept in memory so that evidence can be captured of what really happened.

What stands out - hostile prompt, ungrounded, violating or looping answer - is kept apart, so that a minute of normal
traffic does not wash it away. Texts are cut to the bounds below; the hash and size are of the whole.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from console.simulator.service import Outcome
from console.simulator.world import Route

KEPT_ORDINARY, KEPT_NOTABLE = 48, 48
PROMPT_CHARS, ANSWER_CHARS = 4000, 2000


@dataclass(frozen=True, slots=True)
class Interaction:
    """One finished request; `at_us` is epoch microseconds of its end, texts are already cut."""

    number: int
    request_id: str
    traceparent: str
    session: str
    route: Route
    at_us: int
    prompt: str
    prompt_sha256: str
    prompt_bytes: int
    answer: str
    outcome: Outcome
    first_token_ms: float
    latency_ms: float
    documents: tuple[int, ...] = ()

    def touches(self, target: str) -> bool:
        """Whether it passed through that inventory id."""
        return (
            target in self.route.places
            or target in (self.outcome.model, self.route.index)
            or target in self.outcome.tools
        )


def is_notable(outcome: Outcome, *, hostile: bool) -> bool:
    """Whether an investigator would want to see it."""
    return hostile or outcome.kind in ("ungrounded", "violating") or outcome.turns > 1 or outcome.schema_error


class Recent:
    """Two bounded rings a tenant: what was ordinary, and what stood out."""

    def __init__(self) -> None:
        self._rings: dict[tuple[str, bool], deque[Interaction]] = {}
        self._number = 0

    def next_number(self) -> int:
        """A running number for the next interaction, unique within this process."""
        self._number += 1
        return self._number

    def keep(self, interaction: Interaction, *, notable: bool) -> None:
        """Adds one, and forgets the oldest of its ring."""
        key = (interaction.route.tenant, notable)
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = deque(maxlen=KEPT_NOTABLE if notable else KEPT_ORDINARY)
        ring.append(interaction)

    def touching(self, target: str, limit: int) -> list[Interaction]:
        """At most `limit` that passed through `target`, newest first; at least half notable ones if there are any."""
        found: dict[bool, list[Interaction]] = {True: [], False: []}
        for (_, notable), ring in self._rings.items():
            found[notable].extend(one for one in ring if one.touches(target))
        for shelf in found.values():
            shelf.sort(key=lambda one: one.number, reverse=True)
        notable_count = min(len(found[True]), max(limit - len(found[False]), (limit + 1) // 2))
        chosen = found[True][:notable_count] + found[False][: limit - notable_count]
        return sorted(chosen, key=lambda one: one.number, reverse=True)

"""One seeded world on a virtual clock: what happens when, who can reach whom, and the history of it for a reader.

Nothing sleeps and nothing threads. `World.now_us` is the true time (the plane's clock); every chance comes from the
one seeded source, so a seed is a run. A broken promise raises `Violation`, which names the invariant.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.domain.times import format_utc, from_epoch_us
from console.sync.values import Failure

if TYPE_CHECKING:
    from tests.histories.actuator import Actuator

T0_US = 1_770_000_000_000_000
LAST_STEPS = 60
MOST_STEPS = 40_000
"""A run that needs more than this has something going round in circles."""

Answer = Callable[[Any], None]


class Violation(AssertionError):
    """A promise that did not hold: `invariant` is its name in `invariants`."""

    def __init__(self, invariant: str, sentence: str) -> None:
        super().__init__(f"{invariant}: {sentence}")
        self.invariant, self.sentence = invariant, sentence


def demand(holds: object, invariant: str, sentence: str) -> None:
    """Raises Violation unless `holds`."""
    if not holds:
        raise Violation(invariant, sentence)


@dataclass
class Trouble:
    """Chances of each fault; all zero once the world is healed."""

    lose: float = 0.06
    repeat: float = 0.08
    late: float = 0.05
    busy: float = 0.03
    forget_token: float = 0.02
    write_fails: float = 0.02
    crash_at_write: float = 0.015
    plane_dies_at_push: float = 0.01
    back_end_loses: float = 0.2


class World:
    """Clock, chance, lines and history; the desks, the plane and the actuators hang on to it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.rng, self.aside = random.Random(seed), random.Random(-seed - 1)
        self.now_us = T0_US
        self.trouble = Trouble()
        self.steps = 0
        self.healed = False
        self.history: deque[tuple[int, str, str]] = deque(maxlen=LAST_STEPS)
        self.counts: dict[str, int] = {}
        self.actuators: dict[bool, Actuator] = {}
        self.richer = seed % 3 == 2
        """In every third seed roles are lent, a person is revoked, and a second back-end enforces one switch as well.

        The others stay the histories that they were, and with them the seeds that are kept.
        """
        self.seconds: dict[bool, Actuator] = {}
        self.twice: frozenset[tuple[str, str]] = frozenset()
        """The switches that the second back-end enforces too."""
        self.again: dict[str, str] = {}
        """Assertions of the plane's own, by which it brings a back-end along -> the order that it does so for."""
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ids = itertools.count(1)

    # -- chance and time

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def later(self, delay_us: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now_us + max(int(delay_us), 1), next(self._order), act))

    def run(self, for_us: float) -> None:
        until = self.now_us + int(for_us)
        while self._heap and self._heap[0][0] <= until:
            at, _, act = heapq.heappop(self._heap)
            self.now_us = max(self.now_us, at)
            self.steps += 1
            demand(self.steps < MOST_STEPS, "bounded requests", f"{MOST_STEPS} steps and no end of it")
            act()
        self.now_us = until

    def fresh_id(self) -> str:
        """A UUID no one else has, the same in every run of the seed."""
        n = next(self._ids)
        return f"0190a000-{self.seed & 0xFFFF:04x}-7000-8000-{n:012x}"

    def enforcing(self, switch: tuple[str, str], *, exercise: bool) -> tuple[Actuator, ...]:
        """Every system that has to hold that switch."""
        second = self.seconds.get(exercise) if switch in self.twice else None
        return (self.actuators[exercise],) if second is None else (self.actuators[exercise], second)

    # -- history

    def tell(self, who: str, what: str) -> None:
        self.history.append((self.now_us, who, what))

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def story(self) -> str:
        """The last steps, oldest first, with seconds since the start of the run."""
        return "\n".join(f"{(at - T0_US) / 1e6:10.3f} s  {who:<9} {what}" for at, who, what in self.history)

    # -- faults

    def heal(self) -> None:
        """From now on nothing goes wrong by itself."""
        self.trouble = Trouble(*([0.0] * len(Trouble.__dataclass_fields__)))
        self.healed = True


class Line:
    """The way from one desk to the plane; a message may be lost, doubled, late, and so overtaken."""

    def __init__(self, world: World, name: str, reachable: Callable[[], bool]) -> None:
        self.world, self.name, self._reachable = world, name, reachable
        self.up = True
        self.black_hole = False
        """While cut: whether messages vanish in silence instead of being turned away at once."""

    def ask(
        self, serve: Callable[[Answer], None], hear: Answer, *, timeout_us: int, sent: Callable[[], None] | None = None
    ) -> None:
        """Carry one request: `serve(reply)` at the plane for each copy that arrives, `hear(result)` for each answer.

        `hear` gets a Failure when nothing left the desk ("offline"), and in any case when the time is over ("lost").
        """
        world = self.world
        if not self._passes() and not (not self.up and self.black_hole):
            refused = Failure("offline", "The plane cannot be reached.")
            world.later(world.rng.uniform(1e3, 5e4), lambda: hear(refused))
            return
        if sent is not None:
            sent()
        lost = Failure("lost", "No answer came in time.")
        world.later(timeout_us, lambda: hear(lost))
        if world.chance(world.trouble.lose):
            return
        for _ in range(2 if world.chance(world.trouble.repeat) else 1):
            world.later(self._delay_us(), partial(self._arrive, serve, hear))

    def _arrive(self, serve: Callable[[Answer], None], hear: Answer) -> None:
        if self._passes():
            serve(partial(self._reply, hear))

    def _reply(self, hear: Answer, result: Any) -> None:
        world = self.world
        if world.chance(world.trouble.lose):
            return
        for _ in range(2 if world.chance(world.trouble.repeat) else 1):
            world.later(self._delay_us(), lambda: hear(result) if self.up else None)

    def _passes(self) -> bool:
        return self.up and self._reachable()

    def _delay_us(self) -> float:
        late = self.world.chance(self.world.trouble.late)
        return self.world.rng.uniform(5e5, 2e7) if late else self.world.rng.uniform(1e3, 8e4)


def text_of(moment_us: int) -> str:
    """RFC 3339 of microseconds since 1970."""
    return format_utc(from_epoch_us(moment_us))

"""One run of chaos: a seeded series of faults on a working world, then quiet, then the reckoning.

The faults are drawn, what the operating system makes of them is not: two runs of a seed are alike, never the same.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.link import HOLE, OPEN, REFUSE
from tests.chaos.reckoning import Reckoning, reckon
from tests.chaos.world import DeskProcess, World
from tests.fakes.planes import Client
from tests.waiting import wait_until

SETTLED_WITHIN_S = 90.0
SKEWS_S = (-7200.0, -90.0, 0.0, 45.0, 600.0)
"""How wrong a desk's clock is in its next life; 600 s is more than the plane takes for a good clock."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did and what was left of it; `kills` of desks and plane, `cuts` of lines, all `faults` by name."""

    kills: int
    cuts: int
    faults: dict[str, int]
    settled_s: float
    reckoning: Reckoning

    @property
    def equal(self) -> bool:
        """Whether every record was the same in the end and sound in itself."""
        return not self.reckoning.unequal


@dataclass
class Campaign:
    """The faults of one run; `seconds` is how long they go on."""

    world: World
    seed: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.faults: dict[str, Callable[[], None]] = {
            "desk killed": self._kill_desk,
            "plane killed": self._kill_plane,
            "desk paused": self._pause_desk,
            "plane paused": self._pause_plane,
            "line refused": lambda: self._part(REFUSE),
            "line swallowed": lambda: self._part(HOLE),
            "line cut": self._cut,
            "gateway killed": self._kill_gateway,
        }

    def run(self) -> Outcome:
        """Breaks things for a while, mends all lines, waits until both desks hold everything, and counts."""
        backup = self.world.back_up_plane()
        begun, restore_at = time.monotonic(), self.seconds * self.chance.uniform(0.4, 0.7)
        while (gone := time.monotonic() - begun) < self.seconds:
            if gone > restore_at and not self.world.restores:
                self._restore(backup)
            name = self.chance.choice(list(self.faults))
            self.faults[name]()
            self.done[name] += 1
            self._live_for(0.1, 0.8)
        return self._end()

    # -- the faults

    def _desk(self) -> DeskProcess:
        return self.chance.choice(self.world.desks)

    def _kill_desk(self) -> None:
        desk = self._desk()
        desk.kill()
        desk.skew_s = self.chance.choice(SKEWS_S)
        self._live_for(0.0, 0.5)
        desk.start()

    def _kill_plane(self) -> None:
        self.world.kill_plane()
        self._live_for(0.0, 1.0)
        self.world.start_plane()

    def _pause_desk(self) -> None:
        desk = self._desk()
        desk.pause(True)
        self._live_for(0.2, 1.5)
        desk.pause(False)

    def _pause_plane(self) -> None:
        self.world.pause_plane(True)
        self._live_for(0.2, 1.5)
        self.world.pause_plane(False)

    def _part(self, mode: str) -> None:
        desk = self._desk()
        desk.link.set_mode(mode)
        self._live_for(0.2, 2.0)
        desk.link.set_mode(OPEN)

    def _cut(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self._desk().link.cut()
            self._live_for(0.0, 0.1)

    def _kill_gateway(self) -> None:
        self.world.range.restart_gateway("KILL")

    def _restore(self, backup: Path) -> None:
        self.world.kill_plane()
        self.world.restore_plane(backup)
        self.world.start_plane()
        self.done["plane restored from an old backup"] += 1

    def _live_for(self, least_s: float, most_s: float) -> None:
        until = time.monotonic() + self.chance.uniform(least_s, most_s)
        wait_until(lambda: time.monotonic() >= until, most_s + 5, "time to pass")

    # -- the end

    def _end(self) -> Outcome:
        world, begun = self.world, time.monotonic()
        for desk in world.desks:
            desk.link.set_mode(OPEN)
            desk.tell("rest")
            desk.tell("sync")
        try:
            wait_until(self._is_settled, SETTLED_WITHIN_S, "both desks to hold everything")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._standing()}") from error
        settled_s = time.monotonic() - begun
        for desk in world.desks:
            desk.stop()
        world.stop_plane()
        left = reckon(world.database, [(desk.name, desk.folder, desk.promised) for desk in world.desks])
        kills = world.plane_kills + sum(desk.kills for desk in world.desks)
        cuts = sum(self.done[name] for name in ("line refused", "line swallowed", "line cut"))
        return Outcome(kills, cuts, dict(self.done), settled_s, left)

    def _is_settled(self) -> bool:
        """Both desks have sent everything and hold as much as the plane, which writes of its own all along."""
        desks = [dict(desk.last) for desk in self.world.desks]
        if any(desk.get("queued") != 0 or desk.get("at") is None for desk in desks):
            return False
        size = self._plane_size()
        return all(desk.last.get("at") == size and desk.last.get("queued") == 0 for desk in self.world.desks)

    def _plane_size(self) -> int:
        with Client(self.world.plane_url, self.world.desks[0].key) as client:
            return int(client.log_in().get("/v1/checkpoint").json()["size"])

    def _standing(self) -> str:
        return ", ".join(f"{desk.name} {desk.last}" for desk in self.world.desks)


def run(folder: Path, seed: int, seconds: float, rate: float) -> Outcome:
    """One run in `folder`, which is emptied first; `rate` is actions a second and desk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with World(folder, seed, rate) as world:
        return Campaign(world, seed, seconds).run()

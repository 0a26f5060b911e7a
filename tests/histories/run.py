"""One seed, one run: builds the world, lets people act and faults happen, heals it, and holds it to its promises.

`run_seed` returns what became of it; `Outcome.story` is the readable history of a failing one.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

from console.proof import keys
from console.store.opening import open_store
from tests.histories import cast
from tests.histories.actuator import Actuator
from tests.histories.desk import Desk
from tests.histories.invariants import Checker
from tests.histories.people import People
from tests.histories.plane import Plane
from tests.histories.world import Violation, World

ROUNDS = (6, 13)
QUIET_US = 90_000_000
MOST_WHEN_QUIET = 40
"""Requests of one desk in the last minute and a half of a run in which nothing happens any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to; `invariant` "" when every promise held."""

    seed: int
    invariant: str = ""
    sentence: str = ""
    story: str = ""
    seconds: float = 0.0
    steps: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.invariant

    def told(self) -> str:
        """The history for a person: the last steps, then the promise that was broken."""
        return f"{self.story}\n\nseed {self.seed}: {self.invariant}\n  {self.sentence}"


def run_seed(seed: int, template: Path) -> Outcome:
    """One run; faults of the program under test count as a broken promise too."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="history", dir=template.parent) as folder:
        world = World(seed, Path(folder))
        desks: list[Desk] = []
        invariant = sentence = ""
        try:
            _play(world, desks, template)
        except Violation as violation:
            invariant, sentence = violation.invariant, violation.sentence
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown with its history
            invariant = f"no fault of the program ({type(error).__name__})"
            sentence = "".join(traceback.format_exception(error)[-4:])
        finally:
            for desk in desks:
                desk.close()
    story = world.story() if invariant else ""
    return Outcome(seed, invariant, sentence, story, time.perf_counter() - began, world.steps, world.counts)


@contextmanager
def template_store() -> Iterator[Path]:
    """An empty store to copy for every desk, in memory-backed space where the machine has it.

    Meanwhile a signature that was verified once is remembered: every desk of a run verifies the same ones.
    """
    memory = Path("/dev/shm")
    parent = tempfile.mkdtemp(prefix="histories", dir=memory if memory.is_dir() else None)
    try:
        folder = Path(parent) / "template"
        open_store(folder).close()
        with patch.object(keys, "verify_bytes", lru_cache(maxsize=1 << 14)(keys.verify_bytes)):
            yield folder
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _play(world: World, desks: list[Desk], template: Path) -> None:
    rng = world.rng
    exercise = rng.random() < 0.7
    world.actuators = {True: Actuator(world, "drill"), False: Actuator(world, "live")}
    if world.richer:
        world.twice = cast.TWICE
        world.seconds = {True: Actuator(world, "drill", "second"), False: Actuator(world, "live", "second")}
    plane, checker = Plane(world, exercise=exercise), Checker(world)
    people = People(world, desks)
    checker.begin(plane, desks, people)
    count = rng.choice((2, 2, 3, 4))
    stranger = rng.random() < 0.08
    for number in range(count):
        other_world = stranger and number == count - 1
        desks.append(
            Desk(world, plane, checker, number, exercise=exercise != other_world, template=template)
        )  # fmt: skip
    plane.operator.begin()
    happenings = Happenings(world, plane, people, checker)
    for _ in range(rng.randint(*ROUNDS)):
        for desk in desks:
            if rng.random() < 0.7:
                people.act(desk)
        if rng.random() < 0.8:
            happenings.one()
        world.run(rng.choice((2e5, 3e6, 1.2e7)) * rng.uniform(0.3, 1.5))
        checker.commands.check_effects()
        if rng.random() < 0.2:
            checker.check_plane()
        if rng.random() < 0.04:
            checker.rebuilt_equals(rng.choice([desk for desk in desks if desk.alive] or desks[:0] or [_woken(desks)]))
    _settle(world, plane, desks, checker)


def _woken(desks: list[Desk]) -> Desk:
    desks[0].start()
    return desks[0]


def _settle(world: World, plane: Plane, desks: list[Desk], checker: Checker) -> None:
    """Faults stop, everybody is started, a person looks at what has stopped; then time passes.

    A back-end that is down comes back in its own time, which is long after an order's end.
    """
    world.heal()
    world.tell("world", "is healed")
    plane.denied.clear()
    plane.start()
    for desk in desks:
        desk.line.up = True
        desk.start()
    for _ in range(8):
        world.run(30e6)
        for desk in desks:
            _look_after(desk)
    world.run(120e6)
    before = {desk.number: desk.requests for desk in desks}
    world.run(QUIET_US)
    for desk in desks:
        asked = desk.requests - before[desk.number]
        if desk.exercise == plane.exercise and asked > MOST_WHEN_QUIET:
            raise Violation("bounded requests", f"{desk.name} asked {asked} times in a quiet minute and a half")
    checker.at_the_end()


def _look_after(desk: Desk) -> None:
    """What a person does about a desk that says it has stopped."""
    halt = desk.state.halt
    if halt is None:
        return
    if halt.kind == "stopped":
        desk.sync_now()


class Happenings:
    """The faults that have a beginning and an end, and those that happen at once."""

    def __init__(self, world: World, plane: Plane, people: People, checker: Checker) -> None:
        self.world, self.plane, self.people, self.checker = world, plane, people, checker
        self.desks = people.desks

    def one(self) -> None:
        """One of them, by chance."""
        kinds = (
            (self._partition, 5), (self._desk_dies, 4), (self._plane_stops, 3), (self._back_up, 5),
            (self._restore, 2), (self._roll_back_plane, 3), (self._copy_store, 4), (self._roll_back_desk, 4),
            (self._clock_jumps, 1), (self._deny, 1), (self._network_up, 1), (self._sync_now, 1),
        )  # fmt: skip
        more = ((self._second_dies, 12), (self._revoke, 2)) if self.world.richer else ()
        acts = [*kinds, *more]
        self.world.rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()

    def _desk(self) -> Desk:
        return self.world.rng.choice(self.desks)

    def _some_time(self) -> float:
        return self.world.rng.choice((2e6, 1e7, 4.5e7)) * self.world.rng.uniform(0.5, 1.5)

    def _partition(self) -> None:
        desk = self._desk()
        desk.line.up, desk.line.black_hole = False, self.world.chance(0.5)
        self.world.tell(desk.name, "is cut off" + (" in silence" if desk.line.black_hole else ""))

        def mend() -> None:
            if not desk.line.up:
                desk.line.up = True
                self.world.tell(desk.name, "is reachable again")

        self.world.later(self._some_time(), mend)

    def _desk_dies(self) -> None:
        desk = self._desk()
        desk.crash()
        self.world.later(self._some_time() / 4, desk.start)

    def _plane_stops(self) -> None:
        self.plane.stop()
        self.world.later(self._some_time() / 2, self.plane.start)

    def _back_up(self) -> None:
        self.plane.back_up()

    def _restore(self) -> None:
        if self.plane.restore(new_epoch=True):
            self.checker.plane_restored()

    def _roll_back_plane(self) -> None:
        if self.plane.restore(new_epoch=False):
            self.checker.plane_restored()

    def _copy_store(self) -> None:
        desk = self._desk()
        if desk.alive:
            desk.keep_backup()

    def _roll_back_desk(self) -> None:
        desk = self._desk()
        if desk.roll_back():
            self.world.later(self._some_time() / 10, lambda: self._start_and_write(desk))

    def _start_and_write(self, desk: Desk) -> None:
        desk.start()
        if self.world.chance(0.7):
            self.people.note(desk)  # before the plane has said anything: two ends of one chain

    def _second_dies(self) -> None:
        second = self.world.seconds[self.plane.exercise]
        second.down = True
        self.world.count("second back-end down")
        self.world.tell("second", "is down")

        def back() -> None:
            second.down = False
            self.world.tell("second", "is back with what it held")

        self.world.later(2 * self._some_time(), back)

    def _revoke(self) -> None:
        self.plane.revoke(cast.guest().person)

    def _clock_jumps(self) -> None:
        desk = self._desk()
        desk.skew_us += int(self.world.rng.uniform(-2e8, 2e8))
        desk.clock_moved = True
        self.world.tell(desk.name, f"its clock jumps to {desk.skew_us / 1e6:+.0f} s")

    def _deny(self) -> None:
        desk = self._desk()
        self.plane.denied.add(desk.number)
        self.world.tell("plane", f"denies {desk.name}")
        self.world.later(self._some_time(), lambda: self.plane.denied.discard(desk.number))

    def _network_up(self) -> None:
        self._desk().network_up()

    def _sync_now(self) -> None:
        self._desk().sync_now()

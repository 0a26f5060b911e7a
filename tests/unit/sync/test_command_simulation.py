"""Commands in a seeded world: answers lost, late and twice, desks killed at any moment, planes gone and back.

The plane acts on an order once, refuses it once expired by its own clock, and keeps its ledger for ever. What is
checked is the desk: one send a command, none from offline, none late, and every outcome known and true in the end.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from console.domain.commands import ACKNOWLEDGED, AUTHORISED, ENDS, REFUSED, VERIFIED, may_move
from console.sync.command_values import (
    Answered,
    CommandAuthorised,
    CommandFound,
    CommandInput,
    CommandsState,
    Connected,
    JournalSeen,
    OffsetMeasured,
    PlaneWord,
    RecordCommand,
    Recorded,
    RecordFailed,
    SendCommand,
    SignedOrder,
    Unanswered,
    WaitOver,
)
from console.sync.commands import step
from console.sync.pace import ClockOffset
from console.sync.values import Failure

TTL_US = 30_000_000
LATE_US = 60_000_000


@dataclass
class Row:
    state: str
    expires_us: int
    written: list[str] = field(default_factory=list)


class World:
    """One desk, one plane, one virtual clock; `trouble` is the chance of each fault."""

    def __init__(self, seed: int, trouble: float = 0.15) -> None:
        self.rng, self.trouble = random.Random(seed), trouble
        self.now_us, self._heap, self._order = 1_750_000_000_000_000, list[Any](), itertools.count()
        self.skew_us = self.rng.randrange(-(10**7), 10**7)
        self.rows: dict[str, Row] = {}
        self.ledger: dict[str, int] = {}
        self.effects: list[str] = []
        self.sends: list[str] = []
        self.life, self.up, self.state = 0, True, CommandsState()
        self.start()

    def bad(self) -> bool:
        return self.rng.random() < self.trouble

    def later(self, delay_us: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now_us + delay_us, next(self._order), act))

    def mine(self, delay_us: float, event: CommandInput) -> None:
        life = self.life
        self.later(delay_us, lambda: self.feed(event) if self.life == life else None)

    def run(self, for_us: float) -> None:
        until = self.now_us + for_us
        while self._heap and self._heap[0][0] <= until:
            at, _, act = heapq.heappop(self._heap)
            self.now_us = max(self.now_us, int(at))
            act()
        self.now_us = int(until)

    def start(self) -> None:
        """The desk's process begins again; only the rows are left of the one before."""
        self.life, self.state = self.life + 1, CommandsState()
        for command_id, row in self.rows.items():
            if row.state not in ENDS:
                self.feed(CommandFound(command_id, row.state, row.expires_us))
        self.feed(Connected(self.up))
        self.follow(self.life)

    def follow(self, life: int) -> None:
        """Sync follows the journal beside it, now and then."""
        if life == self.life:
            if self.up:
                self.feed(JournalSeen(self.now_us, 0))
            self.later(25e6, lambda: self.follow(life))

    def confirm(self) -> None:
        command_id = f"command-{len(self.rows)}"
        self.rows[command_id] = Row(AUTHORISED, self.now_us + TTL_US)
        if self.bad():
            self.start()  # killed between the write and the send
            return
        heard = CommandAuthorised(command_id, SignedOrder(command_id, "", ""), self.now_us + TTL_US)
        self.mine(LATE_US if self.bad() else 500, heard)

    def line(self, up: bool) -> None:
        self.up = up
        self.mine(1_000, Connected(up))

    def feed(self, event: CommandInput) -> None:
        done = step(self.state, event, self.now_us, self.rng.random())
        self.state = done.state
        for request in done.requests:
            self.ask(request)
        for write in done.writes:
            life = self.life
            self.later(2_000, lambda write=write, life=life: self.write(write, life))  # type: ignore[misc]
        for timer in done.timers:
            self.mine(timer.delay_s * 1e6, WaitOver(timer.serial))

    def write(self, write: RecordCommand, life: int) -> None:
        if life != self.life or self.bad():
            if life == self.life:
                self.feed(RecordFailed(write.serial))
            return
        row = self.rows[write.command_id]
        assert row.state not in ENDS or row.state == write.state, "an end has moved"
        row.state = write.state
        row.written.append(write.state)
        self.feed(Recorded(write.serial))

    def ask(self, request: Any) -> None:
        if isinstance(request, SendCommand):
            self.sends.append(request.command_id)
            assert self.state.online, "sent while offline"
            assert self.now_us < self.rows[request.command_id].expires_us, "sent after its end"
        begun = self.now_us
        if not self.up:
            self.mine(1_000, Unanswered(request.serial, Failure("offline", "nobody there"), begun, begun))
            return
        if not self.bad():
            for _ in range(2 if self.bad() else 1):
                delay = self.rng.uniform(500, LATE_US if self.bad() else 50_000)
                self.later(delay, lambda life=self.life: self.serve(request, begun, life))  # type: ignore[misc]
        lost = Unanswered(request.serial, Failure("lost", "no answer"), begun, begun + 10_000_000)
        self.mine(10_000_000, lost)

    def serve(self, request: Any, begun: int, life: int) -> None:
        plane_us, command_id = self.now_us + self.skew_us, request.command_id
        if isinstance(request, SendCommand) and command_id not in self.ledger:
            if plane_us > self.rows[command_id].expires_us:
                return self.say(Unanswered(request.serial, Failure("problem", "late", 410, "expired"), begun, 0), life)
            self.ledger[command_id] = self.now_us
            self.effects.append(command_id)
        if command_id not in self.ledger:
            return self.say(Unanswered(request.serial, Failure("problem", "what", 404), begun, 0), life)
        done = self.now_us - self.ledger[command_id] > 200_000
        word = PlaneWord(command_id, VERIFIED if done else ACKNOWLEDGED, observed_plane_us=plane_us if done else 0)
        return self.say(Answered(request.serial, word, begun, 0), life)

    def say(self, event: Any, life: int) -> None:
        for _ in range(0 if self.bad() else 2 if self.bad() else 1):
            delay = int(self.rng.uniform(500, 30_000_000 if self.bad() else 50_000))
            heard = replace(event, received_us=self.now_us + delay)
            self.later(delay, lambda heard=heard: self.hear(heard, life))  # type: ignore[misc]

    def hear(self, event: Any, life: int) -> None:
        if life == self.life and self.up:
            round_trip = event.received_us - event.sent_us
            self.feed(OffsetMeasured(ClockOffset(self.skew_us + round_trip // 3, round_trip, self.now_us)))
            self.feed(event)


@pytest.mark.parametrize("seed", range(150))
def test_at_most_one_send_at_most_one_effect_and_a_true_end(seed: int) -> None:
    world = World(seed)
    for _ in range(12):
        if world.rng.random() < 0.7:
            world.confirm()
        if world.bad():
            world.line(not world.up)
        if world.bad():
            world.start()
        world.run(world.rng.uniform(1e3, 2e7))
    world.trouble = 0.0
    world.line(True)
    world.run(600e6)
    assert len(set(world.sends)) == len(world.sends), "a command was sent twice"
    assert len(set(world.effects)) == len(world.effects)
    assert set(world.effects) <= set(world.sends)
    for command_id, row in world.rows.items():
        assert row.state in ENDS, f"{command_id} is left {row.state}"
        assert (row.state == VERIFIED) == (command_id in world.effects), f"{command_id} is said to be {row.state}"
        if row.state == REFUSED:
            assert command_id not in world.ledger
        for before, after in itertools.pairwise(row.written):
            assert before == after or may_move(before, after)

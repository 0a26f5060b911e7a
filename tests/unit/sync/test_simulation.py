"""The engine in a seeded world of faults: no event twice, none lost, the cursor never ahead of what is kept."""

import pytest

from console.sync.values import SyncNow
from tests.unit.sync.simulated import World

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_arrives_once_whatever_happens(seed: int) -> None:
    world = World(seed, crash=0.03)
    for _ in range(25):
        for desk in world.desks:
            if world.chance(0.6):
                desk.write_note()
            if world.chance(0.05):
                desk.start()  # killed between anything and anything
        world.run(world.rng.uniform(1e3, 8e6))
    world.heal()
    for desk in world.desks:
        assert desk.state.halt is None or desk.state.halt.kind == "stopped", "an honest plane raised an alarm"
        desk.feed(SyncNow())  # a plane that forgot three tokens in a row has made the desk stop: a person looks
    world.run(240e6)
    ids = [row.event.envelope.event_id for row in world.server.rows if row.event is not None]
    assert len(ids) == len(set(ids)), "an event stands twice in the journal"
    for desk in world.desks:
        mine = {event.envelope.event_id for event in desk.disk.events}
        assert mine <= set(ids), "an event never arrived"
        assert desk.disk.outbox == []
        assert set(desk.disk.receipts) == mine
        assert desk.disk.journal == world.server.rows
        assert desk.state.halt is None
        assert desk.state.waiting == 0
    assert world.server.requests < 4_000, "requests are not bounded"


@pytest.mark.parametrize("seed", range(5))
def test_one_event_that_cannot_be_read_never_blocks_the_rest(seed: int) -> None:
    world = World(seed, desks=1, crash=0.0)
    (desk,) = world.desks
    for _ in range(9):
        desk.write_note()
    bad = desk.disk.events[4].envelope.event_id
    world.server.unreadable.add(bad)
    world.heal()
    world.run(120e6)
    assert desk.disk.set_aside == [bad]
    assert desk.disk.outbox == []
    assert len(world.server.rows) == 8


def test_a_quiet_world_is_a_quiet_line() -> None:
    world = World(1, desks=1, crash=0.0)
    world.heal()
    world.run(120e6)
    before = world.server.requests
    world.run(600e6)
    assert world.server.requests - before <= 600 / 25 + 1, "an idle desk asks more than its long poll needs"

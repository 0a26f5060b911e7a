"""Two people at two desks, a switch at two real back-ends: asked, approved, thrown, half lost, found and restored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.actions.opening import open_by_hand
from console.domain.errors import RefusedError
from console.domain.switches import RUNNING, STOPPED
from console.queries.switches import switch_rows
from console.simulator.stand import haproxy, postgres
from tests.flows.two_desks import WITHIN_S, Seat, TwoDesks

pytestmark = pytest.mark.skipif(
    bool(haproxy.missing() or postgres.missing()), reason=f"{haproxy.missing()} {postgres.missing()}".strip()
)
BLOCK, FJORD = "FF_TENANT_BLOCK", "tenant.fjord"
ALL, STAND = "FF_GLOBAL_AI", "environment.stand"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[TwoDesks]:
    with TwoDesks(tmp_path) as open_house:
        yield open_house


def opened(house: TwoDesks, target: str) -> tuple[str, str]:
    """A new incident that both desks know, and the event that opened it."""
    item, seat = house.policy.inventory.item(target), house.here
    made = seat.act(open_by_hand, f"At {item.name}", item, "active", house.policy.severity, seat.actor)
    incident = next(iter(made.incidents))
    house.there.knows(incident)
    return incident, made.events[0]


def together(first: Seat, second: Seat, incident: str, want: str) -> Any:
    """The wide switch to `want`: `first` asks at their desk, `second` approves at the other; the receipt once seen."""
    command, shown = first.ask(incident, ALL, STAND, want)
    with pytest.raises(RefusedError):
        first.confirm(incident, ALL, STAND, want, shown, command)  # nobody has approved it yet
    second.approve(incident, command)
    approvals, ends = first.approved(incident, command)
    (approval,) = approvals
    assert (approval.person, approval.device, approval.same_desk) == (
        second.actor.person, second.device, False,
    )  # fmt: skip
    first.confirm(incident, ALL, STAND, want, shown, command, approvals, ends)
    return first.becomes(command, "verified")


def in_postgres(house: TwoDesks) -> tuple[str, int]:
    """(state, generation) of the tenant as PostgreSQL itself holds it."""
    with house.postgres.connect("postgres") as session:
        row = session.execute(
            "SELECT state, generation FROM console_switch.state WHERE switch = %s AND target = %s", (BLOCK, FJORD)
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def shown_at(seat: Seat, switch: str, target: str) -> str:
    """The observed state as that desk shows it."""
    return seat.desk.query(switch_rows, [(switch, target)])[0].observed.state


@pytest.mark.timeout(180)
def test_two_people_stop_everything_and_its_owner_restores_it_with_the_other(house: TwoDesks) -> None:
    incident, grounds = opened(house, STAND)
    stop = together(house.here, house.there, incident, STOPPED)
    assert stop.results["refuses_new"].result == "true"
    house.wait_for(lambda: shown_at(house.there, ALL, STAND) == STOPPED, "The stop at the other desk", WITHIN_S)
    house.there.prove(incident, ALL, STAND, grounds)
    restore = together(house.there, house.here, incident, RUNNING)
    assert restore.generation == stop.generation + 1
    house.wait_for(lambda: shown_at(house.here, ALL, STAND) == RUNNING, "The restore at the first desk", WITHIN_S)


@pytest.mark.timeout(180)
def test_a_tenant_is_stopped_at_both_and_one_that_dies_meanwhile_is_told_and_brought_back(house: TwoDesks) -> None:
    incident, grounds = opened(house, FJORD)
    commander = house.here
    preview = commander.previewed(incident, BLOCK, FJORD, STOPPED)
    assert preview.adapter == "haproxy, postgres"
    stop = commander.becomes(commander.confirm(incident, BLOCK, FJORD, STOPPED, preview), "verified")
    assert (stop.detail["haproxy"], stop.detail["postgres"]) == ("in effect", "in effect")
    assert in_postgres(house) == (STOPPED, stop.generation + 1)  # the receipt names what was seen before
    commander.prove(incident, BLOCK, FJORD, grounds)
    back = commander.becomes(commander.confirm(incident, BLOCK, FJORD, RUNNING), "verified")
    assert in_postgres(house) == (RUNNING, back.generation + 1)

    second = _stopped_while_postgres_dies(house, incident)
    partial = commander.becomes(second, "unknown")
    assert partial.detail["haproxy"] == "in effect"
    assert "what it did is unknown" in partial.detail["postgres"]
    assert partial.results["refuses_new"].result == "unknown"
    assert shown_at(commander, BLOCK, FJORD) == "unknown"
    house.wait_for(lambda: shown_at(house.there, BLOCK, FJORD) == "unknown", "The doubt at the other desk", WITHIN_S)

    house.postgres.restart()
    whole = commander.becomes(second, "verified")
    assert (whole.detail["haproxy"], whole.detail["postgres"]) == ("in effect", "in effect")
    assert in_postgres(house)[0] == STOPPED
    house.wait_for(lambda: shown_at(house.there, BLOCK, FJORD) == STOPPED, "The stop at the other desk", WITHIN_S)
    commander.becomes(commander.confirm(incident, BLOCK, FJORD, RUNNING), "verified")
    assert in_postgres(house)[0] == RUNNING


def _stopped_while_postgres_dies(house: TwoDesks, incident: str) -> str:
    """A stop that hangs at PostgreSQL, before a lock that somebody holds, when PostgreSQL is killed."""
    holder = house.postgres.connect("postgres")
    holder.execute("SELECT 1 FROM console_switch.state WHERE switch = %s AND target = %s FOR UPDATE", (BLOCK, FJORD))
    command = house.here.confirm(incident, BLOCK, FJORD, STOPPED)
    with house.postgres.connect("postgres") as looking:
        looking.autocommit = True
        hangs = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'console_switch' AND wait_event_type = 'Lock'"
        house.wait_for(lambda: (looking.execute(hangs).fetchone() or (0,))[0], "The order before the lock", WITHIN_S)
    house.postgres.kill()
    holder.close()
    return command

"""A gateway that lies, dawdles, forgets or restarts: the plane says what it saw, and "unknown" when it did not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.times import format_utc, parse_utc
from console.plane import probes, watching
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, Client, World, fresh_id, now
from tests.waiting import wait_until

CASCADE = "tenant.cascade"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plane looks at its back-ends ten times a second here, so that waiting for it is short."""
    monkeypatch.setattr(watching, "EVERY_S", 0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is unknown after half a second instead of two: for tests in which it will be."""
    monkeypatch.setattr(probes, "DEADLINE_S", 0.5)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving
        serving.release()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def desk(gateway: FakeGateway, world: World) -> Iterator[Client]:
    with world.running(gateway.url) as (_, client):
        yield client


def sent(desk: Client, incident: str, *, lives_s: float = 30.0) -> Any:
    """Preview and order a stop; the answer."""
    order = desk.order(incident, desk.select(incident))
    answer = desk.send(replace(order, expires=format_utc(now() + timedelta(seconds=lives_s))))
    assert answer.status_code == 202, answer.text
    return answer.json()


def results(status: Any) -> tuple[str, ...]:
    return tuple(status[name]["result"] for name in ("refuses_new", "streams_cut", "survives_restart"))


@pytest.mark.usefixtures("impatient")
def test_a_lie_is_not_verified(desk: Client, gateway: FakeGateway) -> None:
    gateway.lies = True
    incident = fresh_id()
    status = desk.stop(incident)
    assert (status["state"], status["observation"]["state"]) == ("unknown", "running")
    assert results(status) == ("false", "false", "unknown")
    assert status["dispatched_at"]
    (observed,) = desk.bodies("switch.observed", incident)
    assert int(observed["detail"]["probes"]) > 3


@pytest.mark.usefixtures("impatient")
def test_a_lie_that_stops_being_one_is_verified_later(desk: Client, gateway: FakeGateway) -> None:
    gateway.lies = True
    incident = fresh_id()
    status = desk.stop(incident)
    gateway.lies = False
    gateway.throw(BLOCK, BOREALIS, "stopped", status["generation"], status["command_id"])
    assert desk.status(status["command_id"])["state"] in ("unknown", "verified")
    wait_until(lambda: desk.status(status["command_id"])["state"] == "verified", what="the stop to be seen")
    assert len(gateway.orders) == 1


def test_streams_that_go_on_are_told(desk: Client, gateway: FakeGateway) -> None:
    gateway.cuts = False
    status = desk.stop(fresh_id())
    assert (status["state"], results(status)) == ("verified", ("true", "false", "unknown"))


def test_a_stream_that_ends_without_a_word_proves_nothing(desk: Client, gateway: FakeGateway) -> None:
    gateway.names_the_cut = False
    status = desk.stop(fresh_id())
    assert (status["state"], results(status)) == ("verified", ("true", "unknown", "unknown"))


@pytest.mark.usefixtures("impatient")
def test_a_late_answer_is_unknown_and_then_looked_up(desk: Client, gateway: FakeGateway) -> None:
    gateway.holds = "answer"
    incident = fresh_id()
    command = sent(desk, incident)["command_id"]
    assert desk.status(command, wait=10)["state"] == "unknown"
    wait_until(lambda: desk.status(command)["state"] == "verified", what="the read-back and the probe")
    assert [body["reply"] for body in desk.bodies("switch.dispatched", incident)] == ["found by read-back"]
    assert len(gateway.orders) == 1


@pytest.mark.usefixtures("impatient")
def test_an_overloaded_data_path_is_no_proof(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    gateway.overloaded = True
    assert desk.send(order).status_code == 202
    status = desk.status(order.command_id, wait=10)
    assert (status["state"], status["observation"]["state"], results(status)[0]) == ("unknown", "unknown", "unknown")
    gateway.overloaded = False
    wait_until(lambda: desk.status(order.command_id)["state"] == "verified", what="the probe after the overload")


def test_a_failing_gateway_is_unknown_until_it_answers(desk: Client, gateway: FakeGateway) -> None:
    gateway.fails = 500
    command = sent(desk, fresh_id())["command_id"]
    assert desk.status(command, wait=10)["state"] == "unknown"
    gateway.fails = 0
    wait_until(lambda: desk.status(command)["state"] == "verified", what="the command to be sent again in its time")
    assert {order["command_id"] for order in gateway.orders} == {command}


@pytest.mark.usefixtures("impatient")
def test_what_is_over_is_never_sent_again(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    gateway.down = True
    expires = format_utc(now() + timedelta(seconds=2))
    assert desk.send(replace(order, expires=expires)).status_code == 202
    assert desk.status(order.command_id, wait=10)["state"] == "unknown"
    wait_until(lambda: now() > parse_utc(expires), what="its end")
    gateway.down = False
    wait_until(lambda: desk.status(order.command_id)["state"] == "expired", what="the look-up")
    assert gateway.held(BLOCK, BOREALIS).generation == 0
    assert desk.bodies("switch.ended", incident)[-1]["state"] == "expired"
    assert desk.select(incident)["observation"]["state"] == "running"
    assert desk.bodies("switch.drifted") == []


def test_a_gateway_that_cannot_do_it_refuses(desk: Client, gateway: FakeGateway) -> None:
    gateway.fails = 404
    incident = fresh_id()
    command = sent(desk, incident)["command_id"]
    assert desk.status(command, wait=10, state="refused")["state"] in ("unknown", "refused")
    wait_until(lambda: desk.status(command)["state"] == "refused", what="the refusal")
    assert [body["state"] for body in desk.bodies("switch.ended", incident)] == ["refused"]


def test_a_restart_that_keeps_its_state_is_seen(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    before = desk.stop(incident)
    command = before["command_id"]
    boot = gateway.restart()
    status = wait_until(lambda: survived(desk, command), what="the restart to be noticed")
    assert (status["state"], results(status)) == ("verified", ("true", "true", "true"))
    observed = desk.bodies("switch.observed", incident)[-1]
    assert (observed["state"], observed["detail"]["boot_id"]) == ("stopped", boot)
    assert observed["results"]["survives_restart"]["evidence"] == status["survives_restart"]["evidence"]
    assert status["refuses_new"] == before["refuses_new"]
    assert desk.bodies("switch.drifted") == []
    assert len(gateway.orders) == 1


def survived(desk: Client, command: str) -> Any:
    status = desk.status(command)
    return status if status["survives_restart"]["result"] != "unknown" else None


def test_a_restart_that_forgets_is_seen_before_it_is_repaired(desk: Client, gateway: FakeGateway) -> None:
    gateway.forgets = True
    incident = fresh_id()
    status = desk.stop(incident)
    gateway.restart()
    wait_until(lambda: gateway.held(BLOCK, BOREALIS).state == "stopped", what="the stop to be asserted again")
    again = gateway.held(BLOCK, BOREALIS)
    assert (again.generation, again.command_id != status["command_id"]) == (status["generation"], True)
    wait_until(lambda: len(desk.bodies("switch.observed", incident)) == 3, what="the repair to be seen")
    first, lost, repaired = desk.bodies("switch.observed", incident)
    assert [body["state"] for body in (first, lost, repaired)] == ["stopped", "running", "stopped"]
    assert lost["results"]["survives_restart"]["result"] == "false"
    assert (repaired["detail"]["asserted_again"], repaired["detail"]["enforced_by"]) == ("true", again.command_id)
    (drift,) = desk.bodies("switch.drifted", incident)
    assert (drift["desired"], drift["observed"]) == ("stopped", "running")
    assert results(desk.status(status["command_id"])) == ("true", "true", "false")


def test_a_second_restart_finds_what_was_asserted_again(desk: Client, gateway: FakeGateway) -> None:
    gateway.forgets = True
    incident = fresh_id()
    command = desk.stop(incident)["command_id"]
    gateway.restart()
    wait_until(lambda: len(desk.bodies("switch.observed", incident)) == 3, what="the repair to be seen")
    gateway.durable = dict(gateway.states)
    gateway.forgets = False
    gateway.restart()
    wait_until(lambda: len(desk.bodies("switch.observed", incident)) == 4, what="the second restart")
    assert desk.status(command)["survives_restart"]["result"] == "true"


def test_a_switch_set_by_hand_is_told_and_not_undone(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    status = desk.stop(incident)
    gateway.throw(BLOCK, BOREALIS, "running", status["generation"] + 4)
    (drift,) = wait_until(lambda: desk.bodies("switch.drifted", incident), what="the drift")
    assert (drift["desired"], drift["observed"], drift["generation"]) == (
        "stopped",
        "running",
        status["generation"] + 4,
    )
    again = desk.stop(incident)
    assert (again["state"], again["generation"]) == ("verified", status["generation"] + 5)
    assert len(desk.bodies("switch.drifted", incident)) == 1
    assert len(gateway.orders) == 2


def test_a_stop_that_flips_back_is_asserted_again(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    status = desk.stop(incident)
    gateway.throw(BLOCK, BOREALIS, "running", status["generation"])
    wait_until(lambda: gateway.held(BLOCK, BOREALIS).state == "stopped", what="the stop to be asserted again")
    assert gateway.held(BLOCK, BOREALIS).generation == status["generation"] + 1


def test_a_switch_found_stopped_stays_stopped(desk: Client, gateway: FakeGateway) -> None:
    gateway.throw(BLOCK, CASCADE, "stopped", 7)
    (drift,) = wait_until(lambda: desk.bodies("switch.drifted", "system"), what="the drift")
    assert (drift["target"], drift["desired"], drift["observed"]) == (CASCADE, "running", "stopped")
    assert gateway.orders == []
    assert gateway.held(BLOCK, CASCADE).state == "stopped"
    shown = desk.select(fresh_id(), target=CASCADE)
    assert (shown["observation"]["state"], shown["generation"]) == ("stopped", 7)


def test_a_plane_that_restarts_touches_nothing_that_is_in_order(gateway: FakeGateway, world: World) -> None:
    with world.running(gateway.url) as (_, desk):
        incident = fresh_id()
        command = desk.stop(incident)["command_id"]
    with world.running(gateway.url, certify=False) as (_, desk):
        wait_until(lambda: desk.get("/v1/health").json()["status"] == "ok")
        assert desk.status(command)["state"] == "verified"
        assert desk.select(incident)["observation"]["command_id"] == command
        assert len(gateway.orders) == 1


def test_a_gateway_that_restarted_while_the_plane_was_away_is_checked(gateway: FakeGateway, world: World) -> None:
    with world.running(gateway.url) as (_, desk):
        command = desk.stop(fresh_id())["command_id"]
    gateway.restart()
    with world.running(gateway.url, certify=False) as (_, desk):
        status = wait_until(lambda: survived(desk, command), what="the restart to be noticed")
        assert status["survives_restart"]["result"] == "true"


def test_a_select_token_ends_with_the_plane(gateway: FakeGateway, world: World) -> None:
    with world.running(gateway.url) as (_, desk):
        incident = fresh_id()
        order = desk.order(incident, desk.select(incident))
    with world.running(gateway.url, certify=False) as (_, desk):
        assert desk.send(order).json()["kind"] == "stale"


@pytest.mark.usefixtures("impatient")
def test_one_lucky_probe_of_a_gateway_that_flaps_is_no_proof(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    gateway.flaps = True
    assert desk.send(order).status_code == 202
    status = desk.status(order.command_id, wait=10)
    assert (status["state"], status["refuses_new"]["result"]) == ("unknown", "false")
    gateway.flaps = False
    wait_until(lambda: desk.status(order.command_id)["state"] == "verified", what="it to hold still")

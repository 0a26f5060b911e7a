"""One switch at two back-ends: in effect only where both show it, and what one did never hides behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.inventory import Enforcement, Inventory
from console.domain.times import format_utc, parse_utc
from console.plane import probes, service, watching
from console.plane.adapters.simulator import Gateway
from console.plane.backends import BackEnd
from console.plane.settings import PlaneSettings, Secrets
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, POLICY, Client, World, fresh_id, now
from tests.waiting import wait_until

OTHER = "elsewhere"
TWICE = replace(
    POLICY,
    inventory=replace(
        POLICY.inventory, enforcements=(*POLICY.inventory.enforcements, Enforcement(BLOCK, BOREALIS, OTHER))
    ),
)


class Elsewhere(Gateway):
    """A second back-end of the same kind."""

    name = OTHER


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving


@pytest.fixture
def other() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving


@pytest.fixture(autouse=True)
def of_two(gateway: FakeGateway, other: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plane whose policy names two back-ends for one switch, looking often and waiting briefly."""

    def both(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> dict[str, BackEnd]:
        return {
            "simulator": Gateway(gateway.url, secrets, inventory),
            OTHER: Elsewhere(other.url, secrets, inventory),
        }

    monkeypatch.setattr(service, "connected", both)
    monkeypatch.setattr(service, "load", lambda _: TWICE)
    monkeypatch.setattr(watching, "EVERY_S", 0.1)
    monkeypatch.setattr(probes, "DEADLINE_S", 0.4)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def desk(world: World, gateway: FakeGateway) -> Iterator[Client]:
    with world.running(gateway.url) as (_, client):
        yield client


def sent(desk: Client, incident: str, **changes: Any) -> str:
    """A stop that was taken: its command id."""
    order = replace(desk.order(incident, desk.select(incident)), **changes)
    answer = desk.send(order)
    assert answer.status_code == 202, answer.text
    return order.command_id


def outcome(desk: Client, command: str) -> Any:
    """Where it stands once it is known to be verified or not."""
    return desk.status(command, wait=5)


def reachable(desk: Client) -> tuple[bool, bool]:
    """Whether the plane reaches the gateway, and the other one."""
    health = desk.get("/v1/health").json()["back_ends"]
    return health["simulator"]["reachable"], health[OTHER]["reachable"]


def test_it_is_in_effect_where_both_show_it(desk: Client, gateway: FakeGateway, other: FakeGateway) -> None:
    incident = fresh_id()
    shown = desk.select(incident)
    assert (shown["adapter"], shown["observation"]["state"]) == ("simulator, elsewhere", "running")
    assert (shown["capabilities"]["cuts_streams"], shown["counts"]["sessions"]) == (True, 12)
    status = outcome(desk, sent(desk, incident))
    assert status["state"] == "verified"
    assert [status[name]["result"] for name in ("refuses_new", "streams_cut")] == ["true", "true"]
    assert [body["adapter"] for body in desk.bodies("switch.dispatched", incident)] in (
        ["simulator", OTHER],
        [OTHER, "simulator"],
    )
    (observed,) = desk.bodies("switch.observed", incident)
    assert (observed["detail"]["simulator"], observed["detail"][OTHER]) == ("in effect", "in effect")
    assert observed["detail"]["durable"] == "true"
    assert {fake.held(BLOCK, BOREALIS).generation for fake in (gateway, other)} == {status["generation"]}
    assert desk.select(incident)["observation"]["state"] == "stopped"
    assert desk.bodies("switch.ended", incident) == []


def test_one_that_cannot_cut_keeps_the_whole_from_being_cut(desk: Client, other: FakeGateway) -> None:
    other.cuts = False
    status = outcome(desk, sent(desk, fresh_id()))
    assert (status["state"], status["streams_cut"]["result"]) == ("verified", "false")


def test_one_that_is_gone_makes_it_unknown_and_undoes_nothing(
    desk: Client, gateway: FakeGateway, other: FakeGateway
) -> None:
    incident = fresh_id()
    shown = desk.select(incident)
    other.down = True
    order = desk.order(incident, shown)
    desk.send(order)
    status = outcome(desk, order.command_id)
    assert (status["state"], status["observation"]["state"]) == ("unknown", "unknown")
    assert (gateway.held(BLOCK, BOREALIS).state, other.held(BLOCK, BOREALIS).state) == ("stopped", "running")
    (dispatched,) = desk.bodies("switch.dispatched", incident)
    assert dispatched["adapter"] == "simulator"
    (observed,) = desk.bodies("switch.observed", incident)
    assert observed["detail"]["simulator"] == "in effect"
    assert "unknown" in observed["detail"][OTHER]
    (ended,) = desk.bodies("switch.ended", incident)
    assert ended["state"] == "unknown"
    assert "Not in effect everywhere: simulator: in effect; elsewhere: " in ended["sentence"]
    preview = desk.select(incident)["observation"]
    assert (preview["state"], preview["method"]) == ("unknown", "probe")
    wait_until(lambda: reachable(desk) == (True, False), what="the watcher to have looked")
    other.down = False
    wait_until(lambda: desk.status(order.command_id)["state"] == "verified", what="the other to follow in its time")
    assert other.held(BLOCK, BOREALIS).state == "stopped"
    assert [one["command_id"] for one in gateway.orders] == [order.command_id]


def test_a_stop_in_effect_at_one_is_asserted_at_the_other_after_its_end(
    desk: Client, gateway: FakeGateway, other: FakeGateway
) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    other.down = True
    expires = format_utc(now() + timedelta(seconds=1))
    desk.send(replace(order, expires=expires))
    assert outcome(desk, order.command_id)["state"] == "unknown"
    wait_until(lambda: now() > parse_utc(expires), what="its end")
    other.down = False
    status = wait_until(lambda: seen(desk, order.command_id), what="the reconciler to bring the other along")
    assert (status["state"], status["dispatched_at"] != "") == ("verified", True)
    assert other.held(BLOCK, BOREALIS).command_id not in (order.command_id, "")
    assert {body["adapter"] for body in desk.bodies("switch.dispatched", incident)} == {"simulator", OTHER}


def seen(desk: Client, command: str) -> Any:
    status = desk.status(command)
    return status if status["state"] == "verified" else None


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        ({"lies": True}, "not in effect"),
        ({"fails": 404}, "refused"),
        ({"fails": 500}, "failed"),
        ({"silent": True}, "no_answer"),
        ({"overloaded": True}, "overloaded"),
        ({"holds": "effect"}, "did not answer"),
        ({"holds": "answer"}, "did not answer"),
        ({"flaps": True}, "wavers"),
    ],
    ids=["lies", "refuses", "fails", "half-open", "overloaded", "never answers", "answers too late", "flaps"],
)
def test_whatever_ails_one_it_is_never_verified(
    desk: Client, gateway: FakeGateway, other: FakeGateway, trouble: dict[str, Any], word: str
) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    for name, value in trouble.items():
        setattr(other, name, value)
    desk.send(order)
    status = outcome(desk, order.command_id)
    assert status["state"] == "unknown"
    first = desk.bodies("switch.observed", incident)[0]
    assert (first["state"], first["detail"]["simulator"]) == ("unknown", "in effect")
    assert word in first["detail"][OTHER]
    assert gateway.held(BLOCK, BOREALIS).state == "stopped"
    assert "refused" not in [body["state"] for body in desk.bodies("switch.ended", incident)]


def test_refused_by_both_is_refused(desk: Client, gateway: FakeGateway, other: FakeGateway) -> None:
    gateway.fails = other.fails = 404
    incident = fresh_id()
    command = sent(desk, incident)
    wait_until(lambda: desk.status(command)["state"] == "refused", what="the refusal")
    (ended,) = desk.bodies("switch.ended", incident)
    assert "simulator: " in ended["sentence"]


def test_a_restart_that_forgets_is_repaired_where_it_happened(
    desk: Client, gateway: FakeGateway, other: FakeGateway
) -> None:
    other.forgets = True
    incident = fresh_id()
    command = sent(desk, incident)
    assert outcome(desk, command)["state"] == "verified"
    other.restart()
    wait_until(lambda: other.held(BLOCK, BOREALIS).state == "stopped", what="the stop to be asserted again")
    wait_until(lambda: len(desk.bodies("switch.observed", incident)) == 3, what="the repair to be seen")
    _, lost, repaired = desk.bodies("switch.observed", incident)
    assert (lost["state"], repaired["state"]) == ("unknown", "stopped")
    assert (lost["detail"]["simulator"], lost["detail"][OTHER]) == ("in effect", "not in effect")
    assert desk.status(command)["survives_restart"]["result"] == "false"
    assert len(gateway.orders) == 1
    (drift,) = desk.bodies("switch.drifted", incident)
    assert drift["observed"] == "running"


def test_a_restart_proves_no_more_than_the_back_end_that_restarted(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    command = sent(desk, incident)
    assert outcome(desk, command)["state"] == "verified"
    gateway.restart()
    wait_until(lambda: len(desk.bodies("switch.observed", incident)) == 2, what="the restart to be seen")
    assert desk.status(command)["survives_restart"]["result"] == "unknown"


def test_one_that_is_not_connected_is_never_verified(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "connected", lambda _, secrets, inventory: {
        "simulator": Gateway(gateway.url, secrets, inventory)
    })  # fmt: skip
    with world.running() as (_, desk):
        wait_until(lambda: desk.get("/v1/health").json()["back_ends"]["simulator"]["reachable"], what="the gateway")
        health = desk.get("/v1/health").json()
        assert (health["status"], health["back_ends"][OTHER]["fault"]) == (
            "degraded",
            "it is not connected; what it holds is unknown",
        )
        incident = fresh_id()
        command = sent(desk, incident)
        assert outcome(desk, command)["state"] == "unknown"
        assert gateway.held(BLOCK, BOREALIS).state == "stopped"
        (observed,) = desk.bodies("switch.observed", incident)
        assert "not connected" in observed["detail"][OTHER]


def test_two_commanders_at_once(desk: Client, world: World, gateway: FakeGateway) -> None:
    with Client(desk.url) as second:
        second.log_in()
        incident = fresh_id()
        orders = [client.order(incident, client.select(incident)) for client in (desk, second)]
        with ThreadPoolExecutor(2) as at_once:
            answers = list(at_once.map(lambda pair: pair[0].send(pair[1]), zip((desk, second), orders, strict=True)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [202, 409]
        lost = next(answer for answer in answers if answer.status_code == 409)
        assert lost.json()["kind"] == "stale"
        won = orders[[answer.status_code for answer in answers].index(202)]
        assert outcome(desk, won.command_id)["state"] == "verified"
        assert {one["command_id"] for one in gateway.orders} == {won.command_id}

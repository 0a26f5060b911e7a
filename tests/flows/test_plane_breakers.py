"""A metric that fails stops a switch by itself: within a tenant, once a breach, with receipts, and restores nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update

from console.domain.commands import order_from_object
from console.domain.events import check_body
from console.domain.switches import Breaker
from console.plane import breaking, ledger, service, telemetry, watching
from console.plane.db import Database, Transaction, database_url
from console.plane.tables import TRIP
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, OWNER, POLICY, Client, World, fresh_id
from tests.waiting import wait_until

T = TypeVar("T")

TRIPS = Breaker("ungrounded", "grounding_score", BLOCK, "platform_administrator", 30, "Answers lost their grounds.")


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def with_breaker(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """A plane whose policy holds this one breaker, and which looks often."""
    catalogue = replace(POLICY.switches, breakers={"ungrounded": replace(TRIPS, **changes)})
    policy = replace(POLICY, switches=catalogue)
    monkeypatch.setattr(service, "load", lambda _: policy)
    monkeypatch.setattr(watching, "EVERY_S", 0.1)
    monkeypatch.setattr(telemetry, "JUDGE_EVERY_S", 0.1)
    monkeypatch.setattr(breaking, "LOOK_EVERY_S", 0.1)


def fail(gateway: FakeGateway, tenant: str = BOREALIS, metric: str = "grounding_score", value: float = 0.1) -> None:
    dims = {"tenant": tenant, "surface": "surface.assistant", "region": "region.north", "model": "model.orion-2"}
    gateway.feed([{"metric": metric, "dims": dims, "n": 400, "sum": value * 400, "min": value, "max": value}])


def at_rest(database: str, work: Callable[[Transaction], T]) -> T:
    """Work on the database of a plane that does not run."""
    opened = Database.opened(database_url(database))
    try:
        return opened.write_now(work)
    finally:
        opened.close()


def types(desk: Client, incident: str) -> list[str]:
    events = [json.loads(entry["event"]["canon"]) for entry in desk.journal()]
    return [e["type"] for e in events if e["incident"] == incident and e["type"].startswith(("switch.", "breaker."))]


def incident_of(desk: Client, kind: str) -> str:
    events = [json.loads(entry["event"]["canon"]) for entry in desk.journal()]
    return next(str(event["incident"]) for event in events if event["type"] == kind)


def test_a_breach_stops_its_tenant_once_with_receipts(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_breaker(monkeypatch)
    with world.running(gateway.url) as (_, desk):
        fail(gateway)
        (tripped,) = wait_until(lambda: desk.bodies("breaker.tripped"), what="the breaker to trip")
        check_body("breaker.tripped", tripped)
        assert (tripped["switch"], tripped["target"], tripped["generation"]) == (BLOCK, BOREALIS, 1)
        command = tripped["command_id"]
        status = desk.status(command, wait=10)
        assert (status["state"], status["refuses_new"]["result"]) == ("verified", "true")
        incident = incident_of(desk, "breaker.tripped")
        assert types(desk, incident) == ["breaker.tripped", "switch.dispatched", "switch.observed"]
        assert desk.select(incident)["observation"]["command_id"] == command
        bare = replace(desk.order(incident, desk.select(incident, want="running"), want="running"), person=OWNER)
        assert "criterion:behaviour_validation" in desk.send(bare).json()["gates"]
    with world.running(gateway.url, certify=False) as (_, desk):
        fail(gateway)
        wait_until(lambda: desk.get("/v1/health").json()["status"] == "ok", what="the gateway to be seen")
        wait_until(lambda: len(gateway.calls) > 20, what="the plane to read on")
        assert len(desk.bodies("breaker.tripped")) == 1
        assert len(gateway.orders) == 1


def test_its_order_is_the_plane_s_own_document(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_breaker(monkeypatch)
    with world.running(gateway.url) as (plane, desk):
        fail(gateway)
        (tripped,) = wait_until(lambda: desk.bodies("breaker.tripped"), what="the breaker to trip")
        desk.status(tripped["command_id"], wait=10)
    row = at_rest(plane.settings.database, lambda tx: ledger.find(tx.connection, tripped["command_id"]))
    assert row is not None
    order = order_from_object(json.loads(row.canon))
    assert (order.role, order.person, order.reason) == ("breaker", "plane", TRIPS.sentence)
    assert row.person_sig == ""


def test_at_its_end_the_owner_is_paged_once_and_nothing_is_restored(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_breaker(monkeypatch, expires_min=0)
    with world.running(gateway.url) as (_, desk):
        fail(gateway)
        (paged,) = wait_until(lambda: desk.bodies("owner.paged"), what="the page")
        check_body("owner.paged", paged)
        assert (paged["role"], paged["persons"]) == ("platform_administrator", [OWNER])
        assert gateway.held(BLOCK, BOREALIS).state == "stopped"
    with world.running(gateway.url, certify=False) as (_, desk):
        assert len(desk.bodies("owner.paged")) == 1


def test_what_was_taken_over_is_not_said_again(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_breaker(monkeypatch)
    with world.running(gateway.url) as (plane, desk):
        fail(gateway)
        (tripped,) = wait_until(lambda: desk.bodies("breaker.tripped"), what="the breaker to trip")
        incident = incident_of(desk, "breaker.tripped")
        body = {"command_id": tripped["command_id"], "statement": "It is mine now."}
        taken = desk.event("breaker.taken_over", body, incident, actor=OWNER, person=True)
        assert desk.push(taken)[0]["status"] == "accepted"
    long_ago = "2020-01-01T00:00:00.000000Z"
    at_rest(plane.settings.database, lambda tx: tx.connection.execute(update(TRIP).values(expires=long_ago)))
    before = len(gateway.calls)
    with world.running(gateway.url, certify=False) as (_, desk):
        wait_until(lambda: len(gateway.calls) > before + 10, what="the plane to look around")
        assert desk.bodies("owner.paged") == []
    assert at_rest(plane.settings.database, lambda tx: tx.connection.execute(select(TRIP.c.ended_at)).scalar())


@pytest.mark.parametrize(
    ("switch", "tenant"),
    [("FF_AGENT_DRAFT", BOREALIS), ("FF_GLOBAL_AI", BOREALIS), (BLOCK, "tenant.nowhere")],
    ids=["wider than a tenant", "everything", "unmapped"],
)
def test_it_never_reaches_wider_than_a_tenant(
    world: World,
    gateway: FakeGateway,
    monkeypatch: pytest.MonkeyPatch,
    switch: str,
    tenant: str,
) -> None:
    with_breaker(monkeypatch, switch=switch)
    with world.running(gateway.url) as (_, desk):
        fail(gateway, tenant)
        (refused,) = wait_until(lambda: desk.bodies("switch.refused"), what="the word that nothing was stopped")
        check_body("switch.refused", refused)
        assert (refused["switch"], refused["gates"]) == (switch, ["unmapped"])
        assert gateway.orders == []
        assert desk.bodies("breaker.tripped") == []


def test_what_is_stopped_already_is_left_alone(
    world: World, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_breaker(monkeypatch)
    with world.running(gateway.url) as (_, desk):
        assert desk.stop(fresh_id())["state"] == "verified"
        fail(gateway)
        wait_until(lambda: desk.bodies("signal.breached"), what="the intake")
        assert desk.bodies("breaker.tripped") == []
        assert len(gateway.orders) == 1

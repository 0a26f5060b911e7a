"""Attacks on the switches from within: a certified desk, a narrow role, a back-end that lies about its generation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from console.domain.commands import Order
from console.plane import breaking, watching
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, OWNER, SECOND, SECURITY, Client, World, approved, fresh_id
from tests.waiting import wait_until

WIDE = ("FF_GLOBAL_AI", "environment.range")


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving


@pytest.fixture
def desk(tmp_path: Path, gateway: FakeGateway) -> Iterator[Client]:
    with World(tmp_path).running(gateway.url) as (_, client):
        yield client


def in_incident(desk: Client, incident: str) -> list[str]:
    """The types of the incident's events, oldest first."""
    events = [json.loads(entry["event"]["canon"]) for entry in desk.journal()]
    return [event["type"] for event in events if event["incident"] == incident]


def asked_for(desk: Client, order: Order) -> None:
    """The journal says for everybody to read that the order's author asks for a second person."""
    body = {
        "command_id": order.command_id, "switch": order.switch, "target": order.target, "want": order.want,
        "generation": order.generation, "blast_radius": order.blast_radius.as_object(), "reason": "All of it.",
        "policy_hash": order.policy_hash, "expires": order.request_expires,
    }  # fmt: skip
    assert desk.push(desk.event("approval.requested", body, order.incident, actor=order.person))[0]["status"] == (
        "accepted"
    )


def test_nobody_takes_the_id_of_a_stop_that_a_breaker_will_give(desk: Client) -> None:
    """A breaker's ids follow from its breach; one that is taken beforehand would keep it from ever stopping."""
    incident = fresh_id()
    foreseen = str(uuid.uuid5(breaking._NAMESPACE, "grounding|0123456789abcdef0123456789abcdef"))
    order = replace(desk.order(incident, desk.select(incident)), command_id=foreseen, person=SECURITY, role="")
    answer = desk.send(order)
    assert (answer.status_code, answer.json()["kind"]) == (422, "malformed")
    assert desk.get(f"/v1/commands/{foreseen}").status_code == 404


@pytest.mark.parametrize("thief", [SECURITY, SECOND])
def test_nobody_takes_the_id_of_a_command_that_somebody_else_asked_for(desk: Client, thief: str) -> None:
    """The id is there for everybody to read as soon as a second person is asked."""
    incident = fresh_id()
    good = desk.order(incident, desk.select(incident, *WIDE), *WIDE)
    good = approved(replace(good, person=OWNER, role="platform_administrator"))
    asked_for(desk, good)
    stolen = replace(desk.order(incident, desk.select(incident)), command_id=good.command_id, person=thief, role="")
    answer = desk.send(stolen)
    assert (answer.status_code, answer.json()["kind"]) == (409, "conflict")
    assert desk.send(good).status_code == 202
    assert desk.status(good.command_id, wait=10)["state"] == "verified"


def test_who_is_shut_out_of_an_incident_orders_nothing_in_it(desk: Client) -> None:
    incident = fresh_id()
    taken = {"role": "incident_commander", "person": OWNER, "saw": ""}
    steps = [
        desk.event("role.taken", taken, incident, actor=OWNER),
        desk.event("access.limited", {"reason": "A customer is named."}, incident, actor=OWNER, person=True),
    ]
    assert [one["status"] for one in desk.push(*steps)] == ["accepted"] * 2
    before = in_incident(desk, incident)
    answer = desk.send(desk.order(incident, desk.select(incident)))
    assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden")
    assert in_incident(desk, incident) == before


def test_a_generation_that_no_commands_could_have_led_to_does_not_become_the_planes(
    desk: Client, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one back-end could drive the counter to where others cannot follow, and no stop would ever hold."""
    monkeypatch.setattr(watching, "EVERY_S", 0.05)
    incident = fresh_id()
    assert desk.stop(incident)["state"] == "verified"
    gateway.throw(BLOCK, BOREALIS, "stopped", 2**53 - 1)
    seen = looks(gateway)
    wait_until(lambda: looks(gateway) > seen + 3, what="several looks")
    assert desk.select(incident)["generation"] == 1
    assert [body["generation"] for body in desk.bodies("switch.drifted")] == [2**53 - 1]


def test_a_back_end_that_forgets_again_and_again_is_followed_once_a_look(
    desk: Client, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop is set again at every look that misses it, with one drift and one observation told: no more than that."""
    monkeypatch.setattr(watching, "EVERY_S", 0.02)
    incident = fresh_id()
    assert desk.stop(incident)["state"] == "verified"
    orders, events, before = len(gateway.orders), len(in_incident(desk, incident)), looks(gateway)
    for _ in range(20):
        seen = looks(gateway)
        gateway.throw(BLOCK, BOREALIS, "running", 0, "")
        wait_until(partial(looked_since, gateway, seen), what="a look")
    most = looks(gateway) - before
    assert 20 <= len(gateway.orders) - orders <= most
    assert len(in_incident(desk, incident)) - events <= 2 * most


def looks(gateway: FakeGateway) -> int:
    return gateway.calls.count("GET /control/state")


def looked_since(gateway: FakeGateway, seen: int) -> bool:
    return looks(gateway) > seen + 1

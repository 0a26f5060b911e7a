"""Whoever is stood in for, and whoever must hear of a broken glass, is paged in the transaction of the stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.domain.commands import Order
from console.domain.events import check_body
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BOREALIS, COMMANDER, OWNER, SECOND, Client, World, fresh_id

CACHE, WIDE = ("FF_CACHE_BYPASS", BOREALIS), ("FF_GLOBAL_AI", "environment.range")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Client]:
    with FakeGateway() as gateway, World(tmp_path).running(gateway.url) as (_, client):
        yield client


def types(desk: Client, incident: str) -> list[str]:
    events = [json.loads(entry["event"]["canon"]) for entry in desk.journal()]
    return [event["type"] for event in events if event["incident"] == incident]


def order_of(desk: Client, incident: str, switch: str, target: str) -> Order:
    return desk.order(incident, desk.select(incident, switch, target), switch, target)


def test_the_owner_hears_of_a_stop_in_their_stead(desk: Client) -> None:
    incident = fresh_id()
    order = replace(order_of(desk, incident, *CACHE), for_owner="sre_on_call")
    assert desk.send(order).status_code == 202
    assert types(desk, incident)[:2] == ["switch.acknowledged", "owner.paged"]
    (paged,) = desk.bodies("owner.paged", incident)
    check_body("owner.paged", paged)
    assert (paged["command_id"], paged["role"], paged["persons"]) == (order.command_id, "sre_on_call", [SECOND])
    assert COMMANDER in paged["reason"]
    desk.send(order)
    assert len(desk.bodies("owner.paged", incident)) == 1


def test_the_executive_hears_of_broken_glass(desk: Client) -> None:
    incident = fresh_id()
    order = replace(
        order_of(desk, incident, *WIDE),
        person=OWNER, role="platform_administrator", break_glass="Nobody answers and money is moving.",
    )  # fmt: skip
    assert desk.send(order).status_code == 202
    (paged,) = desk.bodies("owner.paged", incident)
    assert (paged["role"], paged["persons"]) == ("executive", [])
    assert OWNER in paged["reason"]


def test_nobody_is_paged_for_a_stop_of_one_s_own(desk: Client) -> None:
    incident = fresh_id()
    assert desk.stop(incident)["state"] == "verified"
    assert desk.bodies("owner.paged", incident) == []

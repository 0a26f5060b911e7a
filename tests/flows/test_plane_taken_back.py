"""An approval counts no more once its request was declined or withdrawn in the plane's own journal (SWI-3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from console.domain.commands import Order
from console.proof.envelope import SignedEvent
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import OWNER, SECOND, SECURITY, Client, World, approved, fresh_id

WIDE = ("FF_GLOBAL_AI", "environment.range")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with FakeGateway() as gateway, World(tmp_path_factory.mktemp("plane")).running(gateway.url) as (_, client):
        yield client


def approved_stop(desk: Client, incident: str) -> Order:
    """The owner's wide stop with the second person's good approval."""
    order = desk.order(incident, desk.select(incident, *WIDE), *WIDE)
    return approved(replace(order, person=OWNER, role="platform_administrator"))


def requested(desk: Client, order: Order, by: str = OWNER, expires: str = "") -> SignedEvent:
    body = {
        "command_id": order.command_id, "switch": order.switch, "target": order.target, "want": order.want,
        "generation": order.generation, "blast_radius": order.blast_radius.as_object(), "reason": "All of it.",
        "policy_hash": order.policy_hash, "expires": expires or order.request_expires,
    }  # fmt: skip
    return desk.event("approval.requested", body, order.incident, actor=by)


def taken_back(desk: Client, order: Order, how: str, by: str) -> SignedEvent:
    body = {"command_id": order.command_id, "reason": "Not now."}
    return desk.event(f"approval.{how}", body, order.incident, actor=by, person=how == "declined")


def accepted(desk: Client, *events: SignedEvent) -> None:
    assert [result["status"] for result in desk.push(*events)] == ["accepted"] * len(events)


def refusal(desk: Client, order: Order) -> Any:
    answer = desk.send(order)
    return answer.json() if answer.status_code != 202 else None


@pytest.mark.parametrize(("how", "by"), [("declined", SECURITY), ("declined", SECOND), ("withdrawn", OWNER)])
def test_a_request_that_was_taken_back_lets_nothing_through(desk: Client, how: str, by: str) -> None:
    order = approved_stop(desk, fresh_id())
    accepted(desk, requested(desk, order), taken_back(desk, order, how, by))
    problem = refusal(desk, order)
    assert problem["gates"] == ["second_person"]
    assert "declined or withdrawn" in problem["detail"]


def test_asking_anew_does_not_revive_the_old_approval(desk: Client) -> None:
    order = approved_stop(desk, fresh_id())
    events = (requested(desk, order), taken_back(desk, order, "declined", SECURITY))
    accepted(desk, *events, requested(desk, order, expires="2099-01-01T00:00:00.000000Z"))
    assert refusal(desk, order)["gates"] == ["second_person"]


def test_what_says_nothing_about_it_is_not_heard(desk: Client) -> None:
    """Not the author's own "no", not whoever did not ask, not another command's, not what came before the request."""
    order, other = approved_stop(desk, fresh_id()), fresh_id()
    accepted(
        desk,
        taken_back(desk, order, "declined", SECURITY),
        requested(desk, order),
        taken_back(desk, order, "declined", OWNER),
        taken_back(desk, order, "withdrawn", SECURITY),
        taken_back(desk, replace(order, command_id=other), "declined", SECURITY),
    )
    assert refusal(desk, order) is None
    assert desk.status(order.command_id, wait=10)["state"] == "verified"

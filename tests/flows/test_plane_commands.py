"""A switch from preview to proof over real HTTP, and every order that must not move one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.commands import Order
from console.domain.events import check_body
from console.domain.times import format_utc, parse_utc
from console.plane import watching
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import (
    BLOCK,
    BOREALIS,
    OWNER,
    PEOPLE,
    POLICY,
    SECOND,
    SECURITY,
    Client,
    World,
    approved,
    fresh_id,
    now,
)
from tests.waiting import wait_until

CASCADE, WIDE = "tenant.cascade", ("FF_GLOBAL_AI", "environment.range")


@pytest.fixture(scope="module", autouse=True)
def looks_often() -> Iterator[None]:
    """The plane looks at its back-ends ten times a second here, so that waiting for it is short."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watching, "EVERY_S", 0.1)
        yield


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving


@pytest.fixture(scope="module")
def desk(gateway: FakeGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with World(tmp_path_factory.mktemp("plane")).running(gateway.url) as (_, client):
        yield client


def back_to_running(desk: Client, gateway: FakeGateway, target: str = BOREALIS, switch: str = BLOCK) -> None:
    """Undo a stop by the gateway's own credentials, and wait until the plane has taken that generation in."""
    generation = gateway.held(switch, target).generation + 1
    gateway.throw(switch, target, "running", generation)
    wait_until(lambda: desk.select(fresh_id(), switch, target)["generation"] == generation, what="the plane to see it")


def types(desk: Client, incident: str) -> list[str]:
    events = [json.loads(entry["event"]["canon"]) for entry in desk.journal()]
    return [event["type"] for event in events if event["incident"] == incident]


def test_a_stop_is_proven_by_what_was_seen(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    shown = desk.select(incident)
    assert (shown["observation"]["state"], shown["observation"]["method"]) == ("running", "probe")
    assert (shown["scope"], shown["ids"], shown["counts"]["sessions"]) == ("tenant", [BOREALIS], 12)
    able = {"refuses_new": True, "cuts_streams": True, "durable": True, "read_back": True, "ends_sessions": False}
    assert shown["capabilities"] == able
    order = desk.order(incident, shown)
    sent = desk.send(order)
    assert (sent.status_code, sent.json()["state"]) == (202, "acknowledged")
    status = desk.status(order.command_id, wait=10)
    assert (status["state"], status["generation"]) == ("verified", shown["generation"] + 1)
    (observed,) = desk.bodies("switch.observed", incident)
    for name in ("refuses_new", "streams_cut"):
        evidence = status[name]["evidence"]
        assert status[name]["result"] == "true"
        assert desk.get(f"/v1/events/{evidence}").json()["entry"]["status"] == "accepted"
    assert status["survives_restart"] == {"result": "unknown", "evidence": ""}
    assert (observed["detail"]["durable"], observed["detail"]["probe"]) == ("true", "switched_off")
    clocks = [parse_utc(status[f"{name}_at"]) for name in ("acknowledged", "dispatched", "observed")]
    assert [parse_utc(order.authorised_at), *clocks] == sorted([parse_utc(order.authorised_at), *clocks])
    assert types(desk, incident) == ["switch.acknowledged", "switch.dispatched", "switch.observed"]
    for kind in set(types(desk, incident)):
        for body in desk.bodies(kind, incident):
            check_body(kind, body)
    assert gateway.open_streams == 0
    assert desk.select(incident)["observation"]["command_id"] == order.command_id
    back_to_running(desk, gateway)


def test_the_same_order_again_acts_once(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    assert desk.send(order).status_code == 202
    desk.status(order.command_id, wait=10)
    before = len(gateway.orders)
    again = desk.send(order)
    assert (again.status_code, again.json()["state"]) == (202, "verified")
    assert len(gateway.orders) == before
    assert types(desk, incident).count("switch.acknowledged") == 1
    reused = desk.send(replace(order, reason="another text"))
    assert (reused.status_code, reused.json()["kind"]) == (409, "conflict")
    back_to_running(desk, gateway)


def test_a_restore_needs_its_criteria_in_the_plane_s_own_journal(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    assert desk.stop(incident)["state"] == "verified"
    bare = replace(desk.order(incident, desk.select(incident, want="running"), want="running"), person=OWNER)
    refused = desk.send(bare).json()
    assert (refused["kind"], refused["gates"]) == (
        "gates_unmet",
        ["criterion:compliance_sign_off", "criterion:behaviour_validation"],
    )
    measured = desk.post("/v1/validations", {"incident": incident, "target": BOREALIS, "cases": 50}).json()
    assert (measured["cases"], measured["measures"]) == (50, {"grounding_score": "0.91"})
    sign_off = {
        "switch": BLOCK, "target": BOREALIS, "criterion": "compliance_sign_off", "evidence": [measured["event_id"]],
        "statement": "Gone through.",
    }  # fmt: skip
    by_nobody = desk.event("criterion.signed", sign_off, incident, actor=OWNER, person=True)
    by_security = desk.event("criterion.signed", sign_off, incident, actor=SECURITY, person=True)
    assert [r["status"] for r in desk.push(by_nobody, by_security)] == ["accepted", "accepted"]
    proofs = {"behaviour_validation": (measured["event_id"],)}
    sent: dict[str, Any] = {}
    for signed, gates in ((by_nobody, ["criterion:compliance_sign_off"]), (by_security, [])):
        shown = desk.select(incident, want="running")
        assert (shown["observation"]["state"], shown["observation"]["generation"]) == ("stopped", shown["generation"])
        order = desk.order(incident, shown, want="running")
        cited = proofs | {"compliance_sign_off": (signed.envelope.event_id,)}
        sent = desk.send(replace(order, person=OWNER, criteria=cited)).json()
        assert sent.get("gates", []) == gates
    status = desk.status(sent["command_id"], wait=10)
    assert (status["state"], status["observation"]["state"]) == ("verified", "running")
    assert status["refuses_new"]["result"] == "false"
    assert (status["streams_cut"]["result"], status["survives_restart"]["result"]) == ("unknown", "unknown")
    assert gateway.held(BLOCK, BOREALIS).state == "running"


def test_a_wide_stop_takes_two(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()

    def wide() -> Order:
        order = desk.order(incident, desk.select(incident, *WIDE), *WIDE)
        return replace(order, person=OWNER, role="platform_administrator")

    refusals: dict[str, Callable[[Order], Order]] = {
        "alone": lambda order: order,
        "approved by oneself": lambda order: approved(order, by=OWNER),
        "approved by a forger": lambda order: approved(order, key=OTHER_DESK),
        "approved for another order": lambda order: replace(approved(order), command_id=fresh_id()),
        "approved from another preview": lambda order: replace(
            approved(replace(order, generation=order.generation + 1)), generation=order.generation
        ),
        "approved too long ago": lambda order: approved(order, lasts_s=-200),
    }
    for word, change in refusals.items():
        answer = desk.send(change(wide()))
        assert (answer.status_code, answer.json()["gates"]) == (403, ["second_person"]), word
    order = approved(wide(), by=SECOND)
    assert desk.send(order).status_code == 202
    assert desk.status(order.command_id, wait=10)["state"] == "verified"
    assert gateway.held(*WIDE).state == "stopped"
    back_to_running(desk, gateway, WIDE[1], WIDE[0])


REFUSED: dict[str, tuple[Callable[[Order], Order], int, str]] = {
    "over": (lambda o: replace(o, expires=format_utc(now() - timedelta(seconds=1))), 410, "expired"),
    "stale": (lambda o: replace(o, generation=o.generation + 1), 409, "stale"),
    "another preview": (lambda o: replace(o, select_token="none"), 409, "stale"),
    "another target than shown": (lambda o: replace(o, target=CASCADE), 409, "stale"),
    "unmapped": (lambda o: replace(o, target="tenant.nowhere"), 404, "not_found"),
    "production": (lambda o: replace(o, exercise=False), 403, "wrong_world"),
    "no such role": (lambda o: replace(o, role="security_lead"), 403, "gates_unmet"),
    "other rules": (lambda o: replace(o, policy_hash="0" * 64), 403, "gates_unmet"),
    "another journal": (lambda o: replace(o, epoch=fresh_id()), 410, "epoch_changed"),
}


@pytest.mark.parametrize(("change", "status", "kind"), REFUSED.values(), ids=REFUSED)
def test_a_signed_order_that_is_refused_is_on_the_record(
    desk: Client, gateway: FakeGateway, change: Callable[[Order], Order], status: int, kind: str
) -> None:
    incident, before = fresh_id(), len(gateway.orders)
    order = change(desk.order(incident, desk.select(incident)))
    answer = desk.send(order)
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)
    assert types(desk, incident) == ["switch.refused"]
    kept = desk.status(order.command_id)
    assert kept["state"] in ("refused", "expired", "stale")
    assert kept["problem"]["kind"] == kind
    assert desk.send(order).json()["detail"] == answer.json()["detail"]
    assert types(desk, incident) == ["switch.refused"]
    assert len(gateway.orders) == before
    assert gateway.held(BLOCK, BOREALIS).state == "running"


def forged(desk: Client, order: Order) -> dict[str, dict[str, str]]:
    from console.proof.canonical import canonical

    text = canonical(order.as_object())
    return {
        "device": {"sig": OTHER_DESK.sign_text(text)},
        "person": {"person_sig": PEOPLE[SECOND].sign_text(text)},
        "no person": {"person_sig": ""},
        "changed afterwards": {"canon": text.decode().replace("not grounded", "all grounded")},
        "another device's order": {"canon": canonical(replace(order, device=OTHER_DESK.id).as_object()).decode()},
    }


def test_an_order_nobody_provably_signed_leaves_no_trace(desk: Client, gateway: FakeGateway) -> None:
    incident, before = fresh_id(), len(gateway.orders)
    order = desk.order(incident, desk.select(incident))
    for word, change in forged(desk, order).items():
        answer = desk.send(order, **change)
        assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden"), word
    assert types(desk, incident) == []
    assert desk.get(f"/v1/commands/{order.command_id}").status_code == 404
    assert len(gateway.orders) == before


@pytest.mark.parametrize(
    "canon",
    ["{}", "[]", "", '{"v":1}', "{", '{"a":1.5}', '{"b":1,"a":1}'],
    ids=["empty", "list", "nothing", "half", "torn", "float", "not canonical"],
)
def test_an_order_that_cannot_be_read(desk: Client, canon: str) -> None:
    answer = desk.post("/v1/commands", {"canon": canon, "sig": "", "person_sig": ""})
    assert (answer.status_code, answer.json()["kind"]) == (422, "malformed")


def test_ids_in_an_order_are_ids(desk: Client) -> None:
    incident = fresh_id()
    order = desk.order(incident, desk.select(incident))
    wrong = [replace(order, incident=name) for name in ("system", "../x", "")]
    for changed in (*wrong, replace(order, command_id="c" * 30_000)):
        assert desk.send(changed).status_code == 422


@pytest.mark.parametrize(
    ("switch", "target", "says"),
    [
        (BLOCK, "tenant.nowhere", "not in the systems inventory"),
        ("FF_NONE", BOREALIS, "no switch"),
        ("FF_LEXICAL_SEARCH", "index.policies", "by hand"),
        (BLOCK, "environment.range", "No adapter enforces"),
    ],
)
def test_what_cannot_be_thrown_cannot_be_previewed(desk: Client, switch: str, target: str, says: str) -> None:
    answer = desk.select(fresh_id(), switch, target)
    assert answer["kind"] == "not_found"
    assert says in answer["detail"]


def test_a_blocked_tenant_does_not_hide_a_wider_switch(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    assert desk.stop(incident)["state"] == "verified"
    assert desk.select(incident, *WIDE)["observation"]["state"] == "running"
    order = approved(
        replace(desk.order(incident, desk.select(incident, *WIDE), *WIDE), person=OWNER, role="platform_administrator")
    )
    assert desk.send(order).status_code == 202
    assert desk.status(order.command_id, wait=10)["state"] == "verified"
    hidden = desk.select(incident)
    assert (hidden["observation"]["state"], hidden["observation"]["method"]) == ("unknown", "none")
    back_to_running(desk, gateway, WIDE[1], WIDE[0])
    back_to_running(desk, gateway)


def test_of_two_at_once_one_wins_and_the_other_is_stale(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    first, second = (desk.order(incident, desk.select(incident)) for _ in range(2))
    answers = [desk.send(order).status_code for order in (first, second)]
    assert sorted(answers) == [202, 409]
    assert desk.status(first.command_id, wait=10)["state"] == "verified"
    assert types(desk, incident).count("switch.dispatched") == 1
    back_to_running(desk, gateway)


def test_a_newer_command_ends_one_that_is_under_way(desk: Client, gateway: FakeGateway) -> None:
    incident = fresh_id()
    gateway.holds = "effect"
    first = desk.order(incident, desk.select(incident))
    assert desk.send(first).status_code == 202
    wait_until(lambda: gateway.orders and gateway.orders[-1]["command_id"] == first.command_id)
    shown = desk.select(incident)
    assert (shown["pending"], shown["generation"]) == (first.command_id, first.generation + 1)
    second = desk.order(incident, shown)
    assert desk.send(second).status_code == 202
    gateway.release()
    assert desk.status(first.command_id, wait=10)["state"] == "superseded"
    assert desk.status(second.command_id, wait=10)["state"] == "verified"
    assert gateway.held(BLOCK, BOREALIS).command_id == second.command_id
    (ended,) = desk.bodies("switch.ended", incident)
    assert (ended["command_id"], ended["state"]) == (first.command_id, "superseded")
    back_to_running(desk, gateway)


def test_every_event_of_the_plane_is_in_one_chain_that_verifies(desk: Client) -> None:
    from console.proof.chain import verify_chain
    from console.proof.envelope import SignedEvent

    chains: dict[str, list[SignedEvent]] = {}
    for entry in desk.journal():
        event = SignedEvent(entry["event"]["canon"], entry["event"]["sig"])
        if event.envelope.device == desk.config["plane_device"]:
            chains.setdefault(event.envelope.incident, []).append(event)
    assert len(chains) > 5
    for chain in chains.values():
        assert getattr(verify_chain(chain, desk.config["plane_public_key"]), "seq", 0) == len(chain)


def test_the_other_world_s_plane_takes_no_order_of_an_exercise(gateway: FakeGateway, tmp_path: Path) -> None:
    with World(tmp_path, exercise=False).running(gateway.url) as (_, client):
        incident = fresh_id()
        order = client.order(incident, client.select(incident))
        assert order.exercise is False
        answer: Any = client.send(replace(order, exercise=True)).json()
        assert answer["kind"] == "wrong_world"
        assert client.status(order.command_id)["state"] == "refused"


def test_the_policy_of_these_tests_is_the_shipped_one(desk: Client) -> None:
    assert desk.config["policy_hash"] == POLICY.hash

"""A desk whose clock is wrong is flagged and never shut out: it gets a token, and its events and orders are taken."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.actions.switches import confirm_switch
from console.domain.commands import ENDS
from console.domain.confirmation import Confirmation
from console.domain.times import parse_utc
from console.proof.actor import Actor
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.desk import Desk, DeskSettings
from console.ui.switches.looking import look_from
from tests.fakes.desks import now
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, COMMANDER, DESK, PEOPLE, POLICY, World, fresh_id
from tests.waiting import wait_until

TWO_HOURS_US = 7_200_000_000


@pytest.mark.parametrize("ahead_us", [TWO_HOURS_US, -TWO_HOURS_US])
def test_a_desk_whose_clock_is_two_hours_off_is_let_in_and_flagged(tmp_path: Path, ahead_us: int) -> None:
    world = World(tmp_path)
    with world.running() as (plane, desk):
        keeper = TokenKeeper(DESK, lambda: fresh_id().replace("-", "") * 2)
        client = PlaneClient(Wire(plane.url, lambda: time.time_ns() // 1000 + ahead_us), keeper)
        try:
            client.renew_token(str(plane.line["origin"]))
            late = f"{(time.time_ns() // 1_000_000 + ahead_us // 1000) << 16:016x}"
            event = desk.note(fresh_id(), hlc=late)
            answer = client.push([event]).answer
        finally:
            client.close()
        assert [result.status for result in answer.results] == ["accepted"]
        skew_ms = desk.get(f"/v1/events/{event.envelope.event_id}").json()["clock_skew_ms"]
        assert abs(skew_ms - ahead_us // 1000) < 60_000


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2)], ids=["fast", "slow"])
def test_an_order_of_a_desk_whose_clock_is_two_hours_off_is_taken_and_proven(tmp_path: Path, ahead: timedelta) -> None:
    world, incident, command_id = World(tmp_path), fresh_id(), fresh_id()

    def wrong_clock() -> Any:
        return now() + ahead

    with FakeGateway() as gateway, world.running(gateway.url) as (plane, _):
        settings = DeskSettings(
            folder=tmp_path / "store", device_key=DESK, exercise=True, plane_url=plane.url, policy_hash=POLICY.hash,
            clock=wrong_clock,
        )  # fmt: skip
        with Desk(settings) as desk:
            known = "SELECT count(*) FROM person_now WHERE person = ?"
            wait_until(lambda: desk.query(lambda db: db.value(known, (COMMANDER,))), what="the desk to know its people")
            exchange = desk.errand(lambda client: client.select(incident, BLOCK, BOREALIS, "stopped")).result(10)
            preview = look_from(exchange).preview
            assert abs(wrong_clock() - parse_utc(preview.observed_at)) < timedelta(minutes=1)
            asked = Confirmation(
                command_id=command_id, incident=incident, switch=BLOCK, target=BOREALIS, want="stopped",
                preview=preview, gesture="hold", dwell_ms=0, reason="It drifts.",
            )  # fmt: skip
            desk.act(
                confirm_switch, asked, inventory=POLICY.inventory, catalogue=POLICY.switches, policy_hash=POLICY.hash,
                actor=Actor(COMMANDER, "incident_commander", PEOPLE[COMMANDER]), now=wrong_clock(),
            ).result(5)  # fmt: skip

            def row() -> dict[str, Any]:
                return desk.query(lambda db: db.row("SELECT * FROM command WHERE command_id = ?", (command_id,))) or {}

            wait_until(lambda: row()["state"] in ENDS, what="the order to come to an end")
            found = row()
            assert (found["state"], found["sentence"]) == ("verified", "")
            order = json.loads(found["order_canon"])
            assert abs(parse_utc(order["authorised_at"]) - now()) < timedelta(minutes=1)
            for clock in ("authorised_at", "sent_at", "acknowledged_at", "observed_at"):
                assert abs(parse_utc(found[clock]) - wrong_clock()) < timedelta(minutes=1), clock
            assert abs(parse_utc(found["observed_at_plane"]) - now()) < timedelta(minutes=1)
        assert gateway.held(BLOCK, BOREALIS).state == "stopped"

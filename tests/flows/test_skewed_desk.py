"""A desk whose clock is wrong is flagged and never shut out: it is given a token, and what it writes is taken."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from tests.fakes.planes import DESK, World, fresh_id

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

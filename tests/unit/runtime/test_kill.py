"""Kill commands from the writer's commit to the plane and back: once, at once, and never left a guess."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from console.domain.changes import Changes
from console.domain.times import parse_utc
from console.runtime.desk import Desk
from console.store.readers import Reader
from console.store.record import Record
from tests.fakes.desks import desk, now
from tests.fakes.orders import authorise, order
from tests.fakes.people import fresh_id
from tests.fakes.plane import FakePlane
from tests.waiting import free_port, wait_until


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with FakePlane(skew_us=3_000_000) as running:
        yield running


def confirm(record: Record, command_id: str, lives_s: float, at: datetime) -> Changes:
    return authorise(record, order(record, at, command_id=command_id, lives_s=lives_s), at)


def kill(opened: Desk, lives_s: float = 30.0) -> str:
    command_id = fresh_id()
    opened.act(confirm, command_id, lives_s, now()).result(5)
    return command_id


def row(opened: Desk, command_id: str) -> dict[str, Any]:
    def find(reader: Reader) -> dict[str, Any] | None:
        return reader.row("SELECT * FROM command WHERE command_id = ?", (command_id,))

    return opened.query(find) or {}


def reaches(opened: Desk, command_id: str, state: str) -> dict[str, Any]:
    wait_until(lambda: row(opened, command_id)["state"] == state, what=f"the command to be {state}")
    return row(opened, command_id)


def online(opened: Desk) -> None:
    wait_until(lambda: opened.connection.state == "online" and opened.clock_offset is not None)
    wait_until(lambda: opened.connection.last_synced_us)


def test_a_kill_is_sent_once_and_its_four_clocks_are_in_order(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        online(opened)
        command_id = kill(opened)
        found = reaches(opened, command_id, "verified")
        order_of = [parse_utc(found[name]) for name in ("authorised_at", "sent_at", "acknowledged_at")]
        assert order_of == sorted(order_of)
        assert abs(found["offset_us"] - 3_000_000) < 50_000
        ahead = parse_utc(found["observed_at_plane"]) - parse_utc(found["observed_at"])
        assert ahead.total_seconds() * 1e6 == found["offset_us"]
        assert parse_utc(found["sent_at"]) <= parse_utc(found["observed_at"]) <= now()
        assert '"refuses_new": {"evidence": "", "result": "true"}' in found["results"]
    assert plane.effects == [command_id]
    assert plane.count("POST /v1/commands") - plane.count("POST /v1/commands/") == 1


@pytest.mark.parametrize("fault", ["drop_after", "truncate", "garbage"])
def test_a_lost_answer_is_looked_up_and_never_sent_again(plane: FakePlane, tmp_path: Path, fault: str) -> None:
    plane.misbehave("/v1/commands", fault)
    with desk(tmp_path / "store", plane.url) as opened:
        online(opened)
        command_id = kill(opened)
        if fault == "garbage":  # the plane never took it; the look-up says so until it has expired
            reaches(opened, command_id, "unknown")
            wait_until(lambda: plane.count(f"GET /v1/commands/{command_id}"))
            assert plane.effects == []
        else:
            reaches(opened, command_id, "verified")
            assert plane.effects == [command_id]
    assert plane.count("POST /v1/commands") == 1


def test_an_order_that_the_plane_refuses_ends_with_its_reason_in_the_timeline(plane: FakePlane, tmp_path: Path) -> None:
    plane.obey = lambda order: "stale"
    with desk(tmp_path / "store", plane.url) as opened:
        online(opened)
        found = reaches(opened, kill(opened), "stale")
        assert found["sentence"] == "The plane says 409."
        ended = opened.query(lambda db: db.value("SELECT count(*) FROM timeline WHERE type = 'switch.ended'"))
        assert ended == 1


def test_offline_a_kill_is_refused_and_not_sent_when_the_plane_comes(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", f"http://127.0.0.1:{free_port()}") as opened:
        wait_until(lambda: opened.connection.state == "offline")
        command_id = kill(opened)
        assert "fallback card" in reaches(opened, command_id, "refused")["sentence"]
    with desk(tmp_path / "store", plane.url) as again:
        online(again)
        assert row(again, command_id)["state"] == "refused"
    assert plane.effects == []


def test_a_desk_without_a_plane_refuses_at_once(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as opened:
        reaches(opened, kill(opened), "refused")


def test_a_kill_confirmed_just_before_the_desk_died_is_looked_up_and_not_sent(plane: FakePlane, tmp_path: Path) -> None:
    opened = desk(tmp_path / "store", plane.url)
    opened.start(outside=False)  # the process that dies before anything could be sent
    command_id = kill(opened)
    opened.stop()
    with desk(tmp_path / "store", plane.url) as again:
        reaches(again, command_id, "unknown")
        wait_until(lambda: plane.count(f"GET /v1/commands/{command_id}"))
    assert plane.count("POST /v1/commands") == 0


def test_a_long_poll_does_not_delay_a_kill(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        online(opened)
        wait_until(lambda: any("wait=25" in call for call in plane.calls))
        begun = time.monotonic()
        reaches(opened, kill(opened), "verified")
        assert time.monotonic() - begun < 2.0


def test_a_slow_answer_to_one_kill_does_not_delay_the_next(plane: FakePlane, tmp_path: Path) -> None:
    plane.misbehave("/v1/commands", "hold")
    with desk(tmp_path / "store", plane.url) as opened:
        online(opened)
        slow, quick = kill(opened), kill(opened)
        reaches(opened, quick, "verified")
        assert row(opened, slow)["state"] == "sent"
        plane.hold.set()
        reaches(opened, slow, "verified")

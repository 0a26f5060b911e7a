"""Two marks on one command: the plane's word, and what this desk met when it knocked at the data path itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from console.domain.changes import Changes
from console.domain.commands import Order
from console.domain.errors import InputError, RefusedError
from console.domain.times import parse_utc
from console.proof.actor import Actor
from console.proof.keys import SigningKey
from console.queries.commands import CommandView, command
from console.queries.from_here import FromHere
from console.queries.switches import loud_commands, switch_rows
from console.queries.timeline import timeline
from console.runtime.desk import Desk, DeskSettings
from console.runtime.probing import ProbeSettings
from console.store.record import Record
from tests.fakes import people
from tests.fakes.desks import now
from tests.fakes.gateway import PROBE, FakeGateway
from tests.fakes.orders import authorise, order
from tests.fakes.people import fresh_id
from tests.fakes.plane import FakePlane
from tests.fakes.planes import BLOCK, BOREALIS, COMMANDER, DESK, POLICY, World
from tests.flows.range_process import SECRETS, RangeProcess
from tests.flows.test_desk_and_plane import confirm
from tests.waiting import free_port, wait_until

ACTOR = Actor(COMMANDER, "incident_commander")


def looking(folder: Path, plane_url: str, path_url: str, token: str = PROBE, key: SigningKey = DESK) -> Desk:
    """A desk that may look at `path_url` for itself."""
    probing = ProbeSettings(inventory=POLICY.inventory, urls={"environment.range": path_url}, token=lambda _: token)
    return Desk(
        DeskSettings(
            folder=folder, device_key=key, exercise=True, plane_url=plane_url, policy_hash=POLICY.hash, probing=probing
        )
    )


def stop(opened: Desk, incident: str) -> str:
    """A stop of one tenant through the shipped plane; its id."""
    wait_until(lambda: opened.connection.last_synced_us)
    shown = opened.errand(lambda client: client.select(incident, BLOCK, BOREALIS, "stopped")).result(10).answer
    made = list[Order]()
    opened.act(confirm, shown, incident, made.append).result(5)
    return made[0].command_id


def kill(record: Record, command_id: str, at: datetime) -> Changes:
    return authorise(record, order(record, at, command_id=command_id), at)


def receipt(opened: Desk, command_id: str) -> CommandView:
    found = opened.query(command, command_id)
    assert found is not None
    return found


def seen_from_here(opened: Desk, command_id: str, state: str) -> CommandView:
    def both() -> CommandView | None:
        view = receipt(opened, command_id)
        return view if view.state == "verified" and view.from_here.state == state else None

    found = wait_until(both, what=f"the plane's word, and {state} from here")
    assert found is not None
    return found


def on_the_switch(opened: Desk) -> FromHere:
    return opened.query(switch_rows, [(BLOCK, BOREALIS)])[0].from_here


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as running:
        yield running


def test_a_stop_carries_both_marks_and_each_names_its_own_clock(tmp_path: Path, gateway: FakeGateway) -> None:
    world, incident = World(tmp_path), fresh_id()
    with (
        world.running(gateway.url) as (plane, client),
        looking(tmp_path / "store", plane.url, gateway.url) as opened,
    ):
        view = seen_from_here(opened, stop(opened, incident), "stopped")
        assert (view.loud, view.contradicted, view.from_here.why) == ("", False, "")
        assert parse_utc(view.from_here.at) >= parse_utc(view.sent_at)
        assert on_the_switch(opened) == view.from_here
        wait_until(lambda: len(client.bodies("switch.observed", incident)) == 2, what="both words at the plane")
        by = {body["by"]: body for body in client.bodies("switch.observed", incident)}
        assert by["desk"]["generation"] == by["plane"]["generation"]
        assert (by["desk"]["state"], by["desk"]["results"], by["desk"]["detail"]) == ("stopped", {}, {})
        assert view.results["refuses_new"].result == "true"
        row = opened.query(switch_rows, [(BLOCK, BOREALIS)])[0]
        assert row.observed.by == "plane", "a desk's word never takes the place of the plane's"
        kept = opened.query(lambda db: " ".join(str(one) for (one,) in db.tuples("SELECT canon FROM event")))
        assert PROBE not in kept


def test_a_person_looks_when_they_like(tmp_path: Path, gateway: FakeGateway) -> None:
    world, incident = World(tmp_path), fresh_id()
    with (
        world.running(gateway.url) as (plane, _),
        looking(tmp_path / "store", plane.url, gateway.url) as opened,
    ):
        wait_until(lambda: opened.connection.last_synced_us)
        found = opened.look_from_here(incident, BLOCK, BOREALIS, ACTOR).result(5)
        assert (found.state, found.why) == ("running", "")
        entry = opened.query(timeline, incident)[-1]
        assert (entry.type, entry.actor) == ("switch.observed", COMMANDER)
        view = seen_from_here(opened, stop(opened, incident), "stopped")
        wait_until(lambda: opened.query(switch_rows, [(BLOCK, BOREALIS)])[0].desired.state, what="the journal's word")
        gateway.throw(BLOCK, BOREALIS, "running", 99)
        assert opened.look_from_here(incident, BLOCK, BOREALIS, ACTOR).result(5).state == "running"
        assert receipt(opened, view.command_id).contradicted
        gateway.throw(BLOCK, BOREALIS, "stopped", 100, "somebody-else")
        other = opened.look_from_here(incident, BLOCK, BOREALIS, ACTOR).result(5)
        assert (other.state, other.why) == ("unknown", "refused, but not by this order")
        gateway.throw("FF_GLOBAL_AI", "environment.range", "stopped", 101)
        gateway.throw(BLOCK, BOREALIS, "running", 102)
        assert opened.look_from_here(incident, BLOCK, BOREALIS, ACTOR).result(5).why == "hidden behind FF_GLOBAL_AI"
        with pytest.raises(RefusedError, match="No request from here"):
            opened.look_from_here(incident, "FF_LEXICAL_SEARCH", "index.policies", ACTOR)
        with pytest.raises(InputError, match="not in the systems inventory"):
            opened.look_from_here(incident, BLOCK, "tenant.nobody", ACTOR)


def test_a_plane_that_lies_is_contradicted_aloud(tmp_path: Path, gateway: FakeGateway) -> None:
    with FakePlane() as plane, looking(tmp_path / "store", plane.url, gateway.url, key=people.DESK) as opened:
        wait_until(lambda: opened.connection.state == "online" and opened.connection.last_synced_us)
        command_id = fresh_id()
        opened.act(kill, command_id, now()).result(5)
        view = seen_from_here(opened, command_id, "running")
        assert view.contradicted
        assert [(one.command_id, one.loud) for one in opened.query(loud_commands)] == [(command_id, "contradicted")]
        gateway.throw(view.switch, view.target, "stopped", 1, command_id)
        opened.act(kill, other := fresh_id(), now()).result(5)
        gateway.throw(view.switch, view.target, "stopped", 1, other)
        assert not seen_from_here(opened, other, "stopped").contradicted


def test_a_path_that_is_gone_is_said_and_fails_nothing(tmp_path: Path, gateway: FakeGateway) -> None:
    world, incident = World(tmp_path), fresh_id()
    nowhere = f"http://127.0.0.1:{free_port()}"
    with world.running(gateway.url) as (plane, _), looking(tmp_path / "store", plane.url, nowhere) as opened:
        view = seen_from_here(opened, stop(opened, incident), "unknown")
        assert view.from_here.why == "the data path does not answer from here"
        assert (view.loud, view.results["refuses_new"].result) == ("", "true")


def test_a_token_that_is_refused_is_no_word_about_the_switch(tmp_path: Path, gateway: FakeGateway) -> None:
    with looking(tmp_path / "store", "", gateway.url, token="another") as opened:
        found = opened.look_from_here(fresh_id(), BLOCK, BOREALIS, ACTOR).result(5)
        assert (found.state, found.why) == ("unknown", "the data path refuses this desk's probe token")


def test_no_token_and_a_bad_address_are_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    opened = looking(tmp_path / "store", "", "http://example.org:1")
    opened.on_notice(told.append)
    with opened:
        for _ in range(2):
            found = opened.look_from_here(fresh_id(), BLOCK, BOREALIS, ACTOR).result(5)
            assert found.state == "unknown"
    assert len(told) == 1
    assert "https://HOST:PORT" in told[0]
    assert PROBE not in told[0]


def test_the_real_range_answers_a_desk_as_it_answers_a_plane(tmp_path: Path) -> None:
    (tmp_path / "range").mkdir()
    with RangeProcess({}, tmp_path / "range") as service:
        url, token = service.ready["url"], SECRETS["probe_token"]
        with looking(tmp_path / "store", "", url, token) as opened:
            for switch, target in ((BLOCK, BOREALIS), ("FF_TOOL_REVOKE", "tool.mail"), ("FF_READ_ONLY", BOREALIS)):
                found = opened.look_from_here(fresh_id(), switch, target, ACTOR).result(5)
                assert (found.state, found.why) == ("running", ""), switch

"""Events over real HTTP: receipts, positions, long polls, and the two worlds that never mix."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.domain.times import format_utc
from console.plane.founding import sign_as_root
from console.proof.chain import ChainHead
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash, receipt_object, verify_receipt
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import COMMANDER, Client, RunningPlane, World, certificates, fresh_id, now


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("plane"))


@pytest.fixture(scope="module")
def talking(world: World) -> Iterator[tuple[RunningPlane, Client]]:
    """A plane without a gateway and a desk with a token."""
    with world.running() as (plane, desk):
        yield plane, desk


@pytest.fixture
def desk(talking: tuple[RunningPlane, Client]) -> Client:
    return talking[1]


def test_a_receipt_is_signed_and_the_same_for_ever(desk: Client) -> None:
    event = desk.note(fresh_id())
    first, again = desk.push(event), desk.push(event)
    assert first == again
    (result,) = first
    shape = receipt_object(result["event_id"], result["hash"], "accepted", result["gpos"], desk.config["epoch"])
    assert verify_receipt(desk.config["plane_public_key"], shape, result["server_sig"])


def test_results_come_in_the_order_sent_and_one_bad_event_blocks_none(desk: Client) -> None:
    incident = fresh_id()
    events = [desk.note(incident) for _ in range(120)]
    events[50] = desk.event("signal.cleared", {}, incident)
    after = [desk.note(incident) for _ in range(3)]
    results = desk.push(*events[:50], events[50], *after[:0])
    assert [result["event_id"] for result in results] == [event.envelope.event_id for event in events[:51]]
    assert {result["status"] for result in results[:50]} == {"accepted"}
    assert (results[50]["status"], results[50]["gpos"]) == ("rejected", 0)  # its predecessors were never sent
    assert [r["status"] for r in desk.push(*events[51:120])] == ["rejected"] * 69


def test_a_rejection_is_an_entry_and_the_chain_goes_on(desk: Client) -> None:
    incident = fresh_id()
    good, bad, next_one = desk.note(incident), desk.event("signal.cleared", {}, incident), desk.note(incident)
    results = desk.push(good, bad, next_one)
    assert [result["status"] for result in results] == ["accepted", "rejected", "accepted"]
    assert results[1]["problem"]["kind"] == "forbidden"
    entries = {entry["gpos"]: entry for entry in desk.journal()}
    assert entries[results[1]["gpos"]]["status"] == "rejected"


def test_the_journal_can_be_checked_from_its_beginning(desk: Client) -> None:
    desk.push(*[desk.note(fresh_id()) for _ in range(3)])
    answer = desk.get("/v1/journal?after=0&limit=1000").json()
    at = EMPTY_JOURNAL_HASH
    for number, entry in enumerate(answer["entries"], start=1):
        from console.proof.envelope import SignedEvent

        event = SignedEvent(entry["event"]["canon"], entry["event"]["sig"], entry["event"]["person_sig"])
        at = journal_hash(at, event.hash, entry["status"] == "accepted")
        assert (entry["gpos"], entry["journal_hash"]) == (number, at)
    assert (answer["size"], answer["journal_hash"]) == (number, at)
    page = desk.get(f"/v1/journal?epoch={answer['epoch']}&after=2&hash={answer['entries'][1]['journal_hash']}&limit=2")
    assert [entry["gpos"] for entry in page.json()["entries"]] == [3, 4]


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("after=1&hash=" + "0" * 64, 409, "conflict"),
        ("after=999999", 409, "conflict"),
        ("after=0&epoch=8d6a7c1e-1111-4222-8333-944445555666", 410, "epoch_changed"),
    ],
)
def test_another_history_is_not_continued(desk: Client, query: str, status: int, kind: str) -> None:
    answer = desk.get(f"/v1/journal?{query}")
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)


def test_a_long_poll_sleeps_until_there_is_something(talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    size = desk.get("/v1/journal").json()["size"]
    woken: dict[str, Any] = {}

    def poll() -> None:
        with Client(plane.url) as other:
            woken.update(other.log_in().get(f"/v1/journal?after={size}&wait=20").json(), at=time.monotonic())

    thread = threading.Thread(target=poll)
    thread.start()
    event = desk.note(fresh_id())
    desk.push(event)
    pushed = time.monotonic()
    thread.join(15)
    assert [entry["event"]["canon"] for entry in woken["entries"]] == [event.canon]
    assert woken["at"] - pushed < 5


def test_a_long_poll_that_sees_nothing_ends(desk: Client) -> None:
    size = desk.get("/v1/journal").json()["size"]
    began = time.monotonic()
    assert desk.get(f"/v1/journal?after={size}&wait=1").json()["entries"] == []
    assert 0.9 < time.monotonic() - began < 10


def test_an_event_can_be_looked_up_with_its_clock(desk: Client) -> None:
    late = f"{(time.time_ns() // 1_000_000 - 600_000) << 16:016x}"
    event = desk.note(fresh_id(), hlc=late)
    assert desk.push(event)[0]["status"] == "accepted"
    found = desk.get(f"/v1/events/{event.envelope.event_id}").json()
    assert found["entry"]["event"]["canon"] == event.canon
    assert found["receipt"]["status"] == "accepted"
    assert -620_000 < found["clock_skew_ms"] < -580_000
    assert desk.get(f"/v1/events/{fresh_id()}").status_code == 404


def test_a_forged_event_takes_no_place(desk: Client) -> None:
    incident = fresh_id()
    good, other = desk.note(incident), desk.note(fresh_id())
    size = desk.get("/v1/journal").json()["size"]
    forged = [{"canon": good.canon, "sig": other.sig}, {"canon": "not even JSON", "sig": good.sig}]
    results = desk.post("/v1/events", {"events": forged}).json()["results"]
    assert [(r["status"], r["gpos"], r["problem"]["kind"]) for r in results] == [
        ("rejected", 0, "forbidden"),
        ("rejected", 0, "malformed"),
    ]
    assert desk.get("/v1/journal").json()["size"] == size
    assert desk.push(good)[0]["status"] == "accepted"


def test_a_closing_needs_the_person(desk: Client) -> None:
    body = {"resolution": "The index was rebuilt.", "saw": ""}
    unsigned = desk.event("incident.closed", body, fresh_id())
    signed = desk.event("incident.closed", body, fresh_id(), person=True)
    assert [r["status"] for r in desk.push(unsigned, signed)] == ["rejected", "accepted"]
    kept = desk.get(f"/v1/events/{signed.envelope.event_id}").json()["entry"]["event"]
    assert kept["person_sig"] == signed.person_sig


def test_a_desk_certifies_nobody(desk: Client) -> None:
    body = {"person": "eve@example.org", "role": "incident_commander"}
    assert desk.push(desk.event("role.granted", body, "system"))[0]["problem"]["kind"] == "forbidden"


def test_the_root_certifies_without_a_token_and_only_the_root(tmp_path: Path) -> None:
    world = World(tmp_path)
    with RunningPlane(tmp_path) as plane, Client(plane.url) as nobody:
        wire = {"events": [event.wire() for event in world.certified]}
        mixed = {"events": [*wire["events"], nobody.note(fresh_id()).wire()]}
        assert nobody.post("/v1/events", mixed).status_code == 401
        assert {r["status"] for r in nobody.post("/v1/events", wire).json()["results"]} == {"accepted"}
        stranger = sign_as_root(OTHER_DESK, ChainHead(), certificates(), exercise=True, now=now())
        assert nobody.post("/v1/events", {"events": [e.wire() for e in stranger]}).status_code == 401


def test_an_exercise_event_never_enters_production(tmp_path: Path) -> None:
    with World(tmp_path, exercise=False).running() as (plane, desk):
        assert plane.line["origin"].startswith("production/")
        incident = fresh_id()
        results = desk.push(desk.note(incident, exercise=True), desk.note(incident))
        assert [r["status"] for r in results] == ["rejected", "accepted"]
        assert results[0]["problem"]["kind"] == "wrong_world"
        assert results[0]["gpos"] > 0


def test_a_production_event_never_enters_an_exercise(desk: Client) -> None:
    assert desk.push(desk.note(fresh_id(), exercise=False))[0]["problem"]["kind"] == "wrong_world"


def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.running() as (_, desk):
        event = desk.note(fresh_id())
        first = desk.push(event)
        before = desk.journal()
    with world.running(certify=False) as (_, again):
        assert again.push(event) == first
        assert again.journal() == before


def test_a_push_of_many_is_judged_in_parts_and_answered_whole(desk: Client) -> None:
    incident = fresh_id()
    events = [desk.note(incident, text=f"{number} {format_utc(now())}", actor=COMMANDER) for number in range(300)]
    results = desk.push(*events)
    assert {result["status"] for result in results} == {"accepted"}
    assert [result["gpos"] for result in results] == sorted(result["gpos"] for result in results)

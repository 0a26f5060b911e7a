"""What an attacker with a device, a code or a copy of a desk sends to a plane over real HTTP, and what stays true."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.domain.times import format_utc, from_epoch_us
from console.plane.rooting import invitation, revocation
from console.proof.canonical import canonical
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.journal import enrol_subject
from console.proof.keys import SigningKey
from console.protocol.limits import DEFAULT_LIMITS
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import COMMANDER, DESK, PEOPLE, SECOND, Client, RunningPlane, World, fresh_id, now
from tests.flows.test_plane_api import refused
from tests.flows.test_plane_trust import ADA, ADA_KEY, _hash, as_root, enrolment, invited

EVE_KEY = SigningKey(b"eve".ljust(32, b"."))
COMMAND = "incident_commander"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def talking(world: World) -> Iterator[tuple[RunningPlane, Client]]:
    with world.running() as (plane, desk):
        yield plane, desk


@pytest.fixture
def desk(talking: tuple[RunningPlane, Client]) -> Client:
    return talking[1]


@pytest.fixture
def ada(world: World, talking: tuple[RunningPlane, Client], monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Somebody who was enrolled and holds no command."""
    plane, _ = talking
    monkeypatch.setitem(PEOPLE, ADA, ADA_KEY)
    with Client(plane.url, OTHER_DESK) as client:
        assert client.post("/v1/enrol", enrolment(invited(world, plane))).status_code == 200
        yield client.log_in()


def resigned(text: str, person: SigningKey | None = None) -> dict[str, str]:
    """Any text, well signed by the desk: what is wrong with it is its content."""
    data = text.encode()
    return {"canon": text, "sig": DESK.sign_text(data)} | ({"person_sig": person.sign_text(data)} if person else {})


def size(desk: Client) -> int:
    found: int = desk.get("/v1/checkpoint").json()["size"]
    return found


# -- events: form -----------------------------------------------------------------------------------------------------

FORMS = {
    "a space too many": lambda t: t.replace(":", ": ", 1),
    "members in another order": lambda t: '{"v":1,' + t[1:].replace(',"v":1', ""),
    "a float": lambda t: t.replace('"seq":1', '"seq":1.0'),
    "a number with an exponent": lambda t: t.replace('"seq":1', '"seq":1e0'),
    "null": lambda t: t.replace('"role":""', '"role":null'),
    "a name twice": lambda t: t.replace('"role":""', '"role":"","role":""'),
    "half a character": lambda t: t.replace('"role":""', '"role":"\\ud800"'),
    "text that is not NFC": lambda t: t.replace('"role":""', '"role":"e\u0301"'),
    "a number beyond 2^53": lambda t: t.replace('"seen_gpos":0', '"seen_gpos":9007199254740993'),
    "a text for a number": lambda t: t.replace('"seq":1', '"seq":"1"'),
    "a truth for a number": lambda t: t.replace('"seq":1', '"seq":true'),
    "a negative position": lambda t: t.replace('"seen_gpos":0', '"seen_gpos":-1'),
    "too deep": lambda t: t.replace('"text":"a note"', '"text":' + "[" * 40 + "]" * 40),
    "far too deep": lambda t: t.replace('"text":"a note"', '"text":' + "[" * 9000 + "]" * 9000),
    "64 KiB and one byte": lambda t: t.replace("a note", "x" * (64 * 1024 + 1 - len(t) + 6)),
    "many bytes in few characters": lambda t: t.replace("a note", "\U0001f600" * 20_000),
    "an unknown field": lambda t: t.replace('"v":1', '"v":1,"w":1'),
    "a number that never ends": lambda t: t.replace('"seq":1', '"seq":' + "9" * 5000),
    "no object": lambda t: "[" + t + "]",
    "nothing": lambda t: "",
}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A desk at a plane that many attacks share: none of them may change anything for the next."""
    with World(tmp_path_factory.mktemp("plane")).running() as (_, desk):
        yield desk


@pytest.mark.parametrize("spoil", FORMS.values(), ids=FORMS)
def test_an_event_in_a_bad_form_takes_no_place_and_blocks_nobody(lasting: Client, spoil: Any) -> None:
    before, incident = size(lasting), fresh_id()
    good = lasting.note(incident)
    bad = spoil(good.canon)
    assert bad != good.canon
    answer = lasting.post("/v1/events", {"events": [resigned(bad), good.wire()]})
    if answer.status_code == 422:  # more characters than an event may have
        refused(answer, 422, "malformed")
        answer = lasting.post("/v1/events", {"events": [good.wire()]})
    *first, last = answer.json()["results"]
    assert all((r["status"], r["gpos"], r["problem"]["kind"]) == ("rejected", 0, "malformed") for r in first), first
    assert (last["status"], size(lasting)) == ("accepted", before + 1)


BODIES = {
    "501 events": json.dumps({"events": [{"canon": "", "sig": ""}] * 501}).encode(),
    "not JSON": b"\xff\xfe",
    "deep": b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a character": b'{"events":[{"canon":"\\ud800","sig":""}]}',
    "not a number": b'{"events":NaN}',
    "a long number": b'{"events":' + b"9" * 10_000 + b"}",
    "null": b"null",
    "another field": b'{"events":[],"more":1}',
    "nul bytes": b'{"events":[{"canon":"\\u0000","sig":"\\u0000"}]}',
}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/enrol", "/v1/token", "/v1/commands", "/v1/commands/select"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused_in_one_sentence(lasting: Client, path: str, body: bytes) -> None:
    answer = lasting.ask("POST", path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413, 422), answer.text
    assert len(answer.json()["detail"]) < 400


def test_more_than_a_mebibyte_is_refused_unread(lasting: Client) -> None:
    refused(lasting.ask("POST", "/v1/events", data=b" " * (DEFAULT_LIMITS.push_bytes + 1)), 413, "too_large")


def test_a_time_without_a_zone_is_nobodys_time(desk: Client) -> None:
    incident = fresh_id()
    bad = [desk.event("note.added", {"text": "x", "happened_at": at}, incident) for at in ("2026-01-31T14:02:11", "9")]
    assert [(r["status"], r["problem"]["kind"]) for r in desk.push(*bad)] == [("rejected", "malformed")] * 2


# -- events: authorship and order -------------------------------------------------------------------------------------


def test_forged_events_are_refused(desk: Client) -> None:
    incident, before = fresh_id(), size(desk)
    note = desk.note(incident)
    foreign = resigned(note.canon.replace(DESK.id, OTHER_DESK.id))
    unsigned = note.wire() | {"sig": OTHER_DESK.sign_text(note.canon.encode())}
    nothing = note.wire() | {"sig": ""}
    as_root_key = resigned(note.canon.replace(DESK.id, desk.config["plane_device"]))
    for wire in (foreign, unsigned, nothing, as_root_key):
        (result,) = desk.post("/v1/events", {"events": [wire]}).json()["results"]
        assert (result["status"], result["gpos"], result["problem"]["kind"]) == ("rejected", 0, "forbidden")
    assert size(desk) == before
    closing = desk.event("incident.closed", {"resolution": "x", "saw": ""}, fresh_id(), person=True)
    other = desk.event("incident.closed", {"resolution": "y", "saw": ""}, fresh_id(), person=True)
    swapped = replace(other, person_sig=closing.person_sig)
    grant = desk.event("role.granted", {"person": COMMANDER, "role": COMMAND}, SYSTEM)
    as_plane = desk.event("epoch.began", {"epoch": "", "previous": "", "size": 0, "reason": ""}, SYSTEM)
    names = [desk.note(fresh_id(), actor=name) for name in ("plane", "root")]
    results = desk.push(swapped, grant, as_plane, *names)
    assert [(r["status"], r["problem"]["kind"], r["gpos"] > 0) for r in results] == [
        ("rejected", "forbidden", True)
    ] * 5


def test_two_copies_of_a_desk_fork_in_the_open(talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    incident = fresh_id()
    with Client(plane.url) as copy:
        copy.log_in()
        first, second = desk.note(incident, "here"), copy.note(incident, "there")
        assert desk.push(first)[0]["status"] == "accepted"
        (told,) = copy.push(second)
        assert (told["status"], told["problem"]["kind"], told["gpos"] > 0) == ("rejected", "conflict", True)
        assert copy.push(second)[0]["server_sig"] == told["server_sig"]
        (end,) = [e for e in desk.get("/v1/heads").json()["heads"] if e["incident"] == incident]
        assert (end["seq"], end["hash"]) == (1, first.hash)
        assert {_hash(e) for e in desk.journal()} >= {first.hash, second.hash}


def test_what_comes_twice_or_too_early_takes_one_place_in_its_order(desk: Client) -> None:
    incident = fresh_id()
    one, two, three = (desk.note(incident, text) for text in "123")
    before = size(desk)
    early = desk.push(three, two)
    assert [(r["status"], r["gpos"]) for r in early] == [("rejected", 0)] * 2
    results = desk.push(one, two, two, three, one)
    assert {r["status"] for r in results} == {"accepted"}
    assert (results[1], results[0], size(desk)) == (results[2], results[4], before + 3)


def test_a_clock_in_the_year_10889_carries_nobody_away(world: World, talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    assert desk.push(desk.note(fresh_id(), hlc="f" * 16))[0]["status"] == "accepted"
    with Client(plane.url, OTHER_DESK) as ada:
        assert ada.post("/v1/enrol", enrolment(invited(world, plane))).status_code == 200
    newest = SignedEvent(*[desk.journal()[-1]["event"][name] for name in ("canon", "sig")]).envelope
    assert newest.device == desk.config["plane_device"]
    assert int(newest.hlc, 16) >> 16 < time.time_ns() // 1_000_000 + 120_000


@pytest.mark.parametrize("exercise", [True, False])
def test_an_event_of_the_other_world_is_rejected(tmp_path: Path, exercise: bool) -> None:
    with World(tmp_path, exercise=exercise).running() as (_, desk):
        (result,) = desk.push(desk.note(fresh_id(), exercise=not exercise))
        assert (result["status"], result["problem"]["kind"]) == ("rejected", "wrong_world")


# -- enrolment --------------------------------------------------------------------------------------------------------


def test_twenty_devices_with_one_code_and_exactly_one_gets_in(
    world: World, talking: tuple[RunningPlane, Client]
) -> None:
    plane, desk = talking
    code = invited(world, plane)
    keys = [SigningKey(f"racer {n}".encode().ljust(32, b".")) for n in range(20)]

    def race(key: SigningKey) -> int:
        with Client(plane.url, key) as client:
            return client.post("/v1/enrol", enrolment(code, key, key)).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(race, keys))
    assert sorted(answers) == [200] + [403] * 19
    assert (len(desk.bodies("device.enrolled")), len(desk.bodies("person.enrolled"))) == (1, 1)


def test_who_sees_a_request_for_enrolment_cannot_put_another_key_into_it(
    world: World, talking: tuple[RunningPlane, Client]
) -> None:
    plane, desk = talking
    seen, stolen = enrolment(invited(world, plane)), enrolment(invited(world, plane, "bob@example.org"))
    text = canonical(enrol_subject(seen["code"], OTHER_DESK.id, EVE_KEY.public_hex, seen["time"]))
    person = {"person_public_key": EVE_KEY.public_hex, "person_sig": EVE_KEY.sign_text(text)}
    device = {"device_public_key": EVE_KEY.public_hex}
    later = {"time": format_utc(from_epoch_us(time.time_ns() // 1000 + 1_000_000))}
    for change in (person, device, later, {"person_public_key": ""}, {"code": stolen["code"]}, {"person_sig": ""}):
        refused(desk.post("/v1/enrol", seen | change), 403, "forbidden")
    assert desk.post("/v1/enrol", seen).status_code == 200
    refused(desk.post("/v1/enrol", enrolment(seen["code"], EVE_KEY, EVE_KEY)), 403, "forbidden")


def test_keys_that_are_no_desks_and_codes_that_open_nothing(world: World, talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    code = invited(world, plane)
    for key in (world.root, SigningKey((world.folder / "plane-device.key").read_bytes()[-32:])):
        if key.id in (desk.config["plane_device"], world.root.id):
            refused(desk.post("/v1/enrol", enrolment(code, key, key)), 403, "forbidden")
    over = invitation(ADA, ADA, [], "", 1, from_epoch_us(time.time_ns() // 1000 - 7_200_000_000))
    as_root(world, plane, lambda _: over.entries)
    assert "ended at" in refused(desk.post("/v1/enrol", enrolment(over.code)), 403, "forbidden")["detail"]
    as_root(world, plane, revocation(ADA, "left"))
    assert "taken back" in refused(desk.post("/v1/enrol", enrolment(code)), 403, "forbidden")["detail"]
    elsewhere = invitation(ADA, ADA, [], "", 1, now()).code  # of another plane, or guessed
    for _ in range(10):
        refused(desk.post("/v1/enrol", enrolment(elsewhere)), 403, "forbidden")
    assert refused(desk.post("/v1/enrol", enrolment(elsewhere)), 503, "busy")


def test_a_label_in_another_spelling_does_not_make_the_plane_fail(
    world: World, talking: tuple[RunningPlane, Client]
) -> None:
    plane, desk = talking
    answer = desk.post("/v1/enrol", enrolment(invited(world, plane)) | {"label": "Cafe\u0301"})
    assert answer.status_code == 200, answer.text
    assert desk.bodies("device.enrolled")[-1]["label"] == "Caf\u00e9"


def test_inviting_a_revoked_person_again_does_not_let_their_stolen_desk_back_in(
    world: World, talking: tuple[RunningPlane, Client], ada: Client
) -> None:
    plane, desk = talking
    as_root(world, plane, revocation(ADA, "laptop stolen"))
    new = SigningKey(b"new laptop".ljust(32, b"."))
    with Client(plane.url, new) as fresh:
        assert fresh.post("/v1/enrol", enrolment(invited(world, plane), new)).status_code == 200
        assert fresh.log_in().push(fresh.note(fresh_id(), actor=ADA))[0]["status"] == "accepted"
    refused(ada.post("/v1/token", ada.token_request()), 403, "forbidden")
    assert ada.get("/v1/journal").status_code in (401, 403)
    (result,) = desk.push(ada.note(fresh_id(), actor=ADA))
    assert (result["status"], result["problem"]["kind"], result["gpos"] > 0) == ("rejected", "forbidden", True)


# -- access -----------------------------------------------------------------------------------------------------------


def limited(desk: Client, *more: SignedEvent) -> str:
    incident = fresh_id()
    taken = desk.event("role.taken", {"role": COMMAND, "person": COMMANDER, "saw": ""}, incident)
    limit = desk.event("access.limited", {"reason": "a customer is named"}, incident, person=True)
    assert {r["status"] for r in desk.push(taken, limit, *more)} == {"accepted"}
    return incident


def test_a_role_that_somebody_gave_themselves_does_not_outlive_the_withdrawal_of_their_access(
    desk: Client, ada: Client
) -> None:
    incident = limited(desk)
    desk.push(desk.event("access.granted", {"person": ADA}, incident, person=True))
    invented = ada.event("role.taken", {"role": "own_invention", "person": ADA, "saw": ""}, incident, actor=ADA)
    assert ada.push(invented)[0]["status"] == "accepted"
    desk.push(desk.event("access.withdrawn", {"person": ADA, "reason": "done"}, incident, person=True))
    secret = desk.note(incident, "secret")
    desk.push(secret)
    refused(ada.get(f"/v1/events/{secret.envelope.event_id}"), 403, "forbidden")
    assert {_hash(e): e["event"] for e in ada.journal()}[secret.hash] is None
    assert ada.push(ada.note(incident, actor=ADA))[0]["status"] == "rejected"


def test_nobody_without_the_command_shuts_the_commander_out_by_taking_it(desk: Client, ada: Client) -> None:
    incident = limited(desk)
    desk.push(desk.event("access.granted", {"person": ADA}, incident, person=True))
    ada.push(ada.event("role.taken", {"role": COMMAND, "person": ADA, "saw": ""}, incident, actor=ADA))
    shut = desk.event("access.withdrawn", {"person": ADA, "reason": "no"}, incident, person=True)
    assert desk.push(shut)[0]["status"] == "accepted"
    assert ada.push(ada.note(incident, actor=ADA))[0]["status"] == "rejected"


def test_a_conflict_is_not_settled_by_claiming_to_command(desk: Client) -> None:
    kept = {"subject": "severity", "kept": fresh_id(), "over": [], "reason": "calmer"}
    incident = fresh_id()
    claimed = desk.event("conflict.resolved", kept, incident, actor=SECOND, person=True, role=COMMAND)
    rightful = desk.event("conflict.resolved", kept, incident, person=True, role=COMMAND)
    assert [r["status"] for r in desk.push(claimed, rightful)] == ["rejected", "accepted"]


def test_where_an_order_of_a_limited_incident_stands_is_not_told_to_everybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PEOPLE, ADA, ADA_KEY)
    with FakeGateway() as gateway, world.running(gateway.url) as (plane, desk), Client(plane.url, OTHER_DESK) as ada:
        ada.post("/v1/enrol", enrolment(invited(world, plane)))
        ada.log_in()
        incident = limited(desk)
        command = desk.stop(incident)["command_id"]
        assert re.fullmatch("verified|dispatched|unknown", desk.status(command)["state"])
        refused(ada.get(f"/v1/commands/{command}"), 403, "forbidden")
        gateway.release()

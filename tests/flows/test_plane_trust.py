"""A plane over real HTTP, as desks check it: checkpoints, proofs, heads; enrolment, revocation, limited access."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from console.domain.errors import ConsoleError
from console.domain.times import format_utc
from console.plane.rooting import grant, invitation, revocation, write_as_root
from console.plane.service import wall_clock
from console.proof.canonical import canonical
from console.proof.checkpoint import NoteKey, verify_checkpoint
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.growth import Frontier, continues
from console.proof.journal import ACCEPTED, enrol_subject, journal_leaf
from console.proof.keys import SigningKey, leaf_digest
from console.proof.merkle import includes
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import COMMANDER, PEOPLE, Client, RunningPlane, World, fresh_id, now
from tests.fakes.record_kit import body_of
from tests.flows.test_plane_api import refused
from tests.waiting import wait_until

ADA, ADA_KEY = "ada@example.org", SigningKey(b"ada".ljust(32, b"."))


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


def as_root(world: World, plane: RunningPlane, plan: Any) -> None:
    """What the command line does: the running plane is found by its database and told over HTTP."""
    write_as_root(plane.settings, world.root, plan, wall_clock)


def invited(world: World, plane: RunningPlane, person: str = ADA, hours: int = 1) -> str:
    made = invitation(person, person, ["sre_on_call"], "laptop", hours, now())
    as_root(world, plane, lambda _: made.entries)
    return made.code


def enrolment(code: str, device: SigningKey = OTHER_DESK, person: SigningKey = ADA_KEY) -> dict[str, str]:
    time = format_utc(now())
    text = canonical(enrol_subject(code, device.id, person.public_hex, time))
    return {
        "code": code, "device_public_key": device.public_hex, "person_public_key": person.public_hex, "label": "mine",
        "time": time, "sig": device.sign_text(text), "person_sig": person.sign_text(text),
    }  # fmt: skip


def _hash(entry: dict[str, Any]) -> str:
    """The hash of an entry's event, which is named only where the event is withheld."""
    if entry["event"] is None:
        return str(entry["event_hash"])
    assert entry["event_hash"] == ""
    return leaf_digest(entry["event"]["canon"].encode()).hex()


def test_the_checkpoint_of_the_journal_is_that_of_its_entries(desk: Client) -> None:
    incident = fresh_id()
    answer: dict[str, Any] = {}
    frontier, key = Frontier(), NoteKey(desk.config["origin"], desk.config["plane_public_key"])
    for _ in range(3):
        desk.push(desk.note(incident), desk.note(incident, exercise=False))
        answer = desk.get(f"/v1/journal?after={frontier.size}").json()
        for entry in answer["entries"]:
            frontier = frontier.after(journal_leaf(_hash(entry), entry["status"] == ACCEPTED))
        checkpoint, _ = verify_checkpoint(answer["checkpoint"], [key])
        assert (checkpoint.size, checkpoint.root) == (answer["size"], frontier.root())
    newest = desk.get("/v1/checkpoint").json()
    assert (newest["size"], newest["checkpoint"]) == (answer["size"], answer["checkpoint"])


def test_what_is_open_is_shown_ahead_newest_first(desk: Client) -> None:
    shown = []
    for n in range(3):
        shown.append(fresh_id())
        body = body_of("incident.opened", title="Grounding", target="tenant.borealis", severity="SEV-2")
        opened = desk.event("incident.opened", body, shown[-1])
        assert [r["status"] for r in desk.push(opened, desk.note(shown[-1], f"note {n}"))] == [ACCEPTED] * 2
    entries = desk.get("/v1/journal/ahead").json()["entries"]
    events = [json.loads(entry["event"]["canon"]) for entry in entries]
    system = [event["incident"] for event in events].count(SYSTEM)
    assert system == len([entry for entry in desk.journal() if '"incident":"system"' in entry["event"]["canon"]])
    assert [event["incident"] for event in events[system:]] == [i for i in reversed(shown) for _ in range(2)]
    assert [event["type"] for event in events[system:]] == ["incident.opened", "note.added"] * 3


def test_proofs_over_http_hold(desk: Client) -> None:
    desk.push(*[desk.note(fresh_id()) for _ in range(5)])
    entries = desk.journal()
    roots, frontier = [Frontier().root()], Frontier()
    for entry in entries:
        frontier = frontier.after(journal_leaf(_hash(entry), entry["status"] == ACCEPTED))
        roots.append(frontier.root())
    size = len(entries)
    for first in (0, 1, 6, size):
        path = desk.get(f"/v1/proof/consistency?first={first}&second={size}").json()["path"]
        assert continues(first, roots[first], size, roots[size], [bytes.fromhex(node) for node in path])
    for gpos in (1, 8, size):
        proof = desk.get(f"/v1/proof/inclusion?gpos={gpos}&size={size}").json()
        leaf, path = bytes.fromhex(proof["leaf"]), [bytes.fromhex(node) for node in proof["path"]]
        assert leaf == journal_leaf(_hash(entries[gpos - 1]), entries[gpos - 1]["status"] == ACCEPTED)
        assert includes(roots[size], size, gpos - 1, leaf, path)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("proof/consistency?first=3&second=2", 422, "malformed"), ("proof/consistency?first=1", 422, "malformed"),
        ("proof/consistency?first=1&second=999", 404, "not_found"), ("proof/inclusion?gpos=0&size=2", 422, "malformed"),
        ("proof/inclusion?gpos=3&size=2", 422, "malformed"), ("proof/inclusion?gpos=3&size=999", 404, "not_found"),
        ("heads?after_incarnation=-1", 422, "malformed"), ("heads?after_incident=" + "x" * 37, 422, "malformed"),
    ],
)  # fmt: skip
def test_a_proof_of_what_is_not_there(desk: Client, path: str, status: int, kind: str) -> None:
    refused(desk.get(f"/v1/{path}"), status, kind)


@pytest.mark.parametrize(
    ("path", "allowed"), [("checkpoint", "GET"), ("heads", "GET"), ("proof/inclusion", "GET"), ("enrol", "POST")]
)
def test_another_method_is_told_which_there_is(desk: Client, path: str, allowed: str) -> None:
    answer = desk.ask("DELETE", f"/v1/{path}")
    refused(answer, 405, "not_allowed")
    assert answer.headers["allow"] == allowed


def test_a_desk_asks_where_its_own_chains_end(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.plane.api.trust.HEADS_PAGE", 2)
    last = [desk.note(incident) for incident in sorted(fresh_id() for _ in range(3))]
    desk.push(*last)
    ends, after, more = [], "", True
    while more:
        answer = desk.get(f"/v1/heads?{after}").json()
        ends += answer["heads"]
        after, more = f"after_incident={ends[-1]['incident']}&after_incarnation=1", answer["more"]
    assert [(e["incident"], e["seq"], e["hash"]) for e in ends] == [(e.envelope.incident, 1, e.hash) for e in last]
    with Client(desk.url) as nobody:
        refused(nobody.get("/v1/heads"), 401, "unauthenticated")


def test_enrolled_by_a_code_and_turned_away_at_once(
    world: World, talking: tuple[RunningPlane, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, _ = talking
    monkeypatch.setitem(PEOPLE, ADA, ADA_KEY)
    code = invited(world, plane)
    with Client(plane.url, OTHER_DESK) as ada, requests.Session() as listening:
        refused(ada.post("/v1/token", ada.token_request()), 401, "unauthenticated")
        first = ada.post("/v1/enrol", enrolment(code)).json()
        assert (first["device"], first["person"], first["roles"]) == (OTHER_DESK.id, ADA, ["sre_on_call"])
        assert ada.post("/v1/enrol", enrolment(code)).json()["device"] == OTHER_DESK.id
        refused(ada.post("/v1/enrol", enrolment(code, SigningKey(b"3" * 32))), 403, "forbidden")
        ada.log_in()
        assert ada.push(ada.note(fresh_id(), actor=ADA))[0]["status"] == "accepted"

        headers = {"Authorization": f"Bearer {ada.token}"}
        stream = listening.get(plane.url + "/v1/metrics/stream", headers=headers, stream=True, timeout=20)
        answers: list[requests.Response] = []
        size = ada.get("/v1/journal").json()["size"]
        waiting = threading.Thread(target=lambda: answers.append(ada.get(f"/v1/journal?after={size}&wait=20")))
        waiting.start()
        wait_until(lambda: plane_followers(plane) == 1, what="the stream to be open")
        as_root(world, plane, revocation(OTHER_DESK.id, "stolen"))
        waiting.join(10)
        refused(answers[0], 403, "forbidden")
        assert b"revoked" in b"".join(stream.iter_content(None))
        assert ada.get("/v1/journal").status_code == 401  # the token is gone
        assert "revoked" in refused(ada.post("/v1/token", ada.token_request()), 403, "forbidden")["detail"]


def plane_followers(plane: RunningPlane) -> int:
    found: int = requests.get(plane.url + "/v1/health", timeout=10).json()["followers"]
    return found


def test_wrong_codes_have_to_wait(desk: Client) -> None:
    for _ in range(10):
        refused(desk.post("/v1/enrol", enrolment("abcd-efgh-abcd-efgh")), 403, "forbidden")
    answer = desk.post("/v1/enrol", enrolment("abcd-efgh-abcd-efgh"))
    refused(answer, 503, "busy")
    assert answer.headers["retry-after"]


def test_an_order_of_a_revoked_person_or_device_is_refused(world: World) -> None:
    with FakeGateway() as gateway, world.running(gateway.url) as (plane, desk):
        incident = fresh_id()
        order = desk.order(incident, desk.select(incident))
        as_root(world, plane, revocation(COMMANDER, "left"))
        assert "revoked" in refused(desk.send(order), 403, "forbidden")["detail"]
        assert gateway.orders == []
        as_root(world, plane, revocation(desk.key.id, "stolen"))
        assert desk.send(order).status_code in (401, 403)


def _stored(desk: Client, text: bytes) -> str:
    data = b"age-encryption.org/v1\n" + text
    sha256 = hashlib.sha256(data).hexdigest()
    headers = {"Upload-Offset": "0", "Upload-Length": str(len(data))}
    assert desk.ask("PUT", f"/v1/blobs/{sha256}", data=data, headers=headers).json()["complete"]
    return sha256


def _capture(desk: Client, incident: str, blob: str) -> SignedEvent:
    body = {"item": fresh_id(), "seal": 1, "index": 0, "dimension": "payloads", "leaf": "0" * 64, "size": 1}
    body |= {"blob": blob, "leaf_blob": "1" * 64, "source": "desk:file", "captured_at": format_utc(now())}
    return desk.event("evidence.captured", body, incident)


def test_access_is_limited_and_given_by_the_commander_alone(
    world: World, talking: tuple[RunningPlane, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, desk = talking
    monkeypatch.setitem(PEOPLE, ADA, ADA_KEY)
    code, incident = invited(world, plane), fresh_id()
    with Client(plane.url, OTHER_DESK) as ada:
        ada.post("/v1/enrol", enrolment(code))
        ada.log_in()
        mine = ada.note(incident, "before", actor=ADA)
        assert ada.push(mine)[0]["status"] == "accepted"
        taken = {"role": "incident_commander", "person": COMMANDER, "saw": ""}
        limit = {"reason": "A customer is named."}
        early = desk.event("access.limited", limit, incident, person=True)
        steps = [early, desk.event("role.taken", taken, incident)]
        steps.append(desk.event("access.limited", limit, incident, person=True))
        secret = desk.note(incident, "secret")
        assert [r["status"] for r in desk.push(*steps, secret)] == ["rejected", "accepted", "accepted", "accepted"]
        hidden, plain = [_stored(desk, text) for text in (b"hidden", b"plain")]
        desk.push(_capture(desk, incident, hidden), _capture(desk, fresh_id(), plain))
        refused(ada.get(f"/v1/blobs/{hidden}"), 403, "forbidden")
        assert [who.get(f"/v1/blobs/{name}").status_code for who, name in ((ada, plain), (desk, hidden))] == [200, 200]

        by_ada = [ada.note(incident, "after", actor=ADA)]
        by_ada.append(ada.event("access.granted", {"person": ADA}, incident, actor=ADA, person=True))
        results = ada.push(*by_ada)
        assert [(r["status"], r["problem"]["kind"]) for r in results] == [("rejected", "forbidden")] * 2
        kept = {_hash(entry): entry["event"] for entry in ada.journal()}
        assert kept[secret.hash] is None
        assert kept[mine.hash] is not None
        assert kept[by_ada[0].hash] is not None
        assert all(entry["event"] is not None for entry in desk.journal())
        for entry in ada.get("/v1/journal/ahead").json()["entries"]:
            assert json.loads(entry["event"]["canon"])["incident"] != incident
        refused(ada.get(f"/v1/events/{secret.envelope.event_id}"), 403, "forbidden")
        refused(ada.get(f"/v1/captures?incident={incident}&target=tenant.borealis"), 403, "forbidden")
        assert ada.get(f"/v1/events/{mine.envelope.event_id}").status_code == 200

        assert desk.push(desk.event("access.granted", {"person": ADA}, incident, person=True))[0]["status"] == ACCEPTED
        assert ada.get(f"/v1/events/{secret.envelope.event_id}").json()["entry"]["event"]["canon"] == secret.canon
        assert ada.push(ada.note(incident, "in", actor=ADA))[0]["status"] == "accepted"
        withdrawn = {"person": ADA, "reason": "done"}
        desk.push(desk.event("access.withdrawn", withdrawn, incident, person=True))
        assert ada.push(ada.note(incident, "out", actor=ADA))[0]["status"] == "rejected"


def test_the_planes_own_word_about_who_it_knew_needs_no_token(
    world: World, talking: tuple[RunningPlane, Client]
) -> None:
    plane, desk = talking
    desk_signed = desk.note(fresh_id())
    invited(world, plane)
    with Client(plane.url) as nobody:
        wires = [e["event"] for e in desk.journal()]
        results = nobody.post("/v1/events", {"events": wires}).json()["results"]
        assert {result["status"] for result in results} == {"accepted"}
        assert nobody.post("/v1/events", {"events": [*wires, desk_signed.wire()]}).status_code == 401


def test_a_role_is_granted_to_whoever_is_invited_and_to_nobody_else(
    world: World, talking: tuple[RunningPlane, Client]
) -> None:
    plane, desk = talking
    with pytest.raises(ConsoleError, match="Nobody called eve"):
        as_root(world, plane, grant("eve", "sre_on_call"))
    invited(world, plane)
    as_root(world, plane, grant(ADA, "incident_commander"))
    assert desk.bodies("role.granted")[-1] == {"person": ADA, "role": "incident_commander"}
    with pytest.raises(ConsoleError, match="root key is not the one"):
        write_as_root(plane.settings, OTHER_DESK, grant(ADA, "sre_on_call"), wall_clock)

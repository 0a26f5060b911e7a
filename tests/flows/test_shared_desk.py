"""Two people at one desk, on real files and a real plane over HTTP: keys, approvals, a role lent and ended, a restart.

The plane's clock is the test's, so that an hour passes when it says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console import app
from console.actions.approvals import give_approval, request_approval
from console.actions.incidents import add_note
from console.actions.people import delegate_role
from console.actions.switches import confirm_switch
from console.domain.commands import ENDS, Order
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import RefusedError
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.plane.service import Plane
from console.proof.actor import Actor
from console.proof.canonical import canonical
from console.proof.keys import SigningKey
from console.queries.seat import seat_now
from console.remote import sealed_file
from console.remote.faults import ProblemAnswer
from console.remote.membership import PERSON_FILE
from console.remote.sealed_file import WrongPassphrase
from console.runtime.desk import Desk
from console.runtime.joining import DeskDoor, meeting_of
from console.ui.first_run import Answers
from console.ui.session import Session
from console.ui.switches.looking import look_from
from tests.fakes.gateway import FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, POLICY, World, fresh_id
from tests.flows.test_plane_people import people
from tests.waiting import wait_until

ADA, BOB = "ada@example.org", "bob@example.org"
ADAS, BOBS = "correct horse battery", "another good stapler"
LENT, WIDE, CASCADE = "incident_commander", ("FF_GLOBAL_AI", "environment.range"), "tenant.cascade"
RULES = {"inventory": POLICY.inventory, "catalogue": POLICY.switches, "policy_hash": POLICY.hash}


@dataclass
class Clock:
    """The plane's clock: this machine's, and what the test adds."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of guessing is what the file says; tests need not pay the real one."""
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made, started = Clock(), Plane.started

    async def with_clock(settings: Any, secrets: Any) -> Plane:
        return await started(settings, secrets, made)

    monkeypatch.setattr(Plane, "started", with_clock)
    return made


@pytest.fixture
def url(tmp_path: Path, clock: Clock) -> Iterator[str]:
    (tmp_path / "plane").mkdir()
    with FakeGateway() as gateway, World(tmp_path / "plane").running(gateway.url) as (plane, _):
        yield plane.url


@dataclass
class Shared:
    """A desk that ada joined and bob after her, with both keys as their passphrases open them."""

    folder: Path
    desk: Desk
    door: DeskDoor
    ada: SigningKey
    bob: SigningKey

    def act(self, verb: Any, *args: Any, **kw: Any) -> None:
        self.desk.act(verb, *args, **kw).result(10)
        self.desk.sync_now()

    def accepted(self, kind: str, incident: str) -> dict[str, Any]:
        """The body of the newest event of the type, once the plane has accepted it."""
        held = (
            "SELECT event_id FROM timeline WHERE type = ? AND incident = ? AND status = 'accepted' ORDER BY gpos DESC"
        )
        found = wait_until(lambda: self.desk.query(lambda db: db.value(held, (kind, incident), "")), 20, kind)
        event = self.desk.query(lambda db: db.event(found))
        assert event is not None
        return dict(event.envelope.body) | {"event_id": found, "person_sig": event.person_sig}

    def preview(self, incident: str, switch: str, target: str) -> Preview:
        exchange = self.desk.errand(lambda client: client.select(incident, switch, target, "stopped")).result(10)
        return look_from(exchange).preview

    def stop(self, incident: str, target: str) -> Order:
        """What ada orders in the lent role, as the desk would have written it."""
        shown = self.preview(incident, BLOCK, target)
        at = shown.on_plane(datetime.now(UTC))
        return Order(
            command_id=fresh_id(), incident=incident, switch=BLOCK, target=target, want="stopped", epoch=shown.epoch,
            generation=shown.generation, blast_radius=BlastRadius("tenant", (target,)), policy_hash=POLICY.hash,
            expires=format_utc(at + timedelta(seconds=30)), authorised_at=format_utc(at), reason="It drifts.",
            typed_name=POLICY.inventory.item(target).name, dwell_ms=2000, gesture="hold", person=ADA, role=LENT,
            for_owner="", device=self.desk.settings.device_key.id, exercise=True, select_token=shown.select_token,
            confirmation=fresh_id(), criteria={},
        )  # fmt: skip

    def send(self, order: Order) -> Any:
        text = canonical(order.as_object())
        sigs = self.desk.settings.device_key.sign_text(text), self.ada.sign_text(text)
        return self.desk.errand(lambda client: client.send_command(text.decode(), *sigs)).result(10)


def invite(folder: Path, person: str, role: str) -> str:
    done = people(folder / "plane", "invite", person, "--role", role, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["code"])


def opened(folder: Path, answers: Answers) -> tuple[Desk, Session, DeskDoor]:
    opening = app.own_opening(folder, answers)
    desk = opening.desk(lambda _: None)
    session = opening.session(desk)
    assert isinstance(session.door, DeskDoor)
    return desk, session, session.door


@pytest.fixture
def shared(tmp_path: Path, url: str) -> Iterator[Shared]:
    """Both have joined, and the desk has heard of both from the plane."""
    folder, met = tmp_path / "store", meeting_of(url)
    answers = Answers("Ada", url, ADAS, sealed=True, code=invite(tmp_path, ADA, "sre_on_call"), met=met)
    desk, session, door = opened(folder, answers)
    try:
        assert session.key is not None
        bob = door.add(met, invite(tmp_path, BOB, LENT), BOBS)
        known = "SELECT count(*) FROM person_now WHERE person IN (?, ?)"
        wait_until(lambda: desk.query(lambda db: db.value(known, (ADA, BOB))) == 2, 20, "both enrolments")
        yield Shared(folder, desk, door, session.key, bob.key)
    finally:
        desk.stop()


def test_each_has_a_key_of_their_own_and_a_restart_shows_both(shared: Shared, url: str) -> None:
    assert [one.person for one in shared.door.people()] == [ADA, BOB]
    assert shared.ada.public_hex != shared.bob.public_hex
    assert shared.door.unlock(ADA, ADAS).public_hex == shared.ada.public_hex
    assert shared.door.unlock(BOB, BOBS).public_hex == shared.bob.public_hex
    for person, passphrase in ((ADA, BOBS), (BOB, ADAS)):
        with pytest.raises(WrongPassphrase):
            shared.door.unlock(person, passphrase)
    for person, key in ((ADA, shared.ada), (BOB, shared.bob)):
        enrolled = [
            event.envelope.body for event in shared.desk.query(lambda db: db.events("system", "person.enrolled"))
        ]
        assert [body["public_key"] for body in enrolled if body["person"] == person] == [key.public_hex]
    shared.desk.stop()
    again, session, door = opened(shared.folder, Answers("Ada", "", ADAS))
    try:
        assert [one.person for one in door.people()] == [ADA, BOB]
        assert (session.person, session.signed_in) == (ADA, True)
        session.sign_in(door.people()[1], door.unlock(BOB, BOBS))
        assert (session.person, session.key and session.key.public_hex) == (BOB, shared.bob.public_hex)
    finally:
        again.stop()


def test_an_older_desk_of_one_person_keeps_its_key(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "store"
    code = invite(tmp_path, ADA, "sre_on_call")
    desk, session, door = opened(folder, Answers("Ada", url, ADAS, sealed=True, code=code, met=meeting_of(url)))
    try:
        assert (folder / PERSON_FILE).is_file()
        assert [one.person for one in door.people()] == [ADA]
        assert not (folder / PERSON_FILE).exists()
        assert session.key is not None
        assert door.unlock(ADA, ADAS).public_hex == session.key.public_hex
    finally:
        desk.stop()
    again, session, _ = opened(folder, Answers("Ada", "", ADAS))
    again.stop()
    assert (session.person, session.signed_in) == (ADA, True)


def test_one_writes_and_the_other_is_asked_at_the_same_desk(shared: Shared) -> None:
    incident, bob = fresh_id(), Actor(BOB, LENT, shared.bob)
    shared.act(add_note, incident, "Ben looked at it.", datetime.now(UTC), bob, datetime.now(UTC))
    assert shared.accepted("note.added", incident)["person_sig"]
    shown = shared.preview(incident, *WIDE)
    asked = dict(zip(("switch", "target"), WIDE, strict=True)) | {"command_id": fresh_id(), "want": "stopped"}
    shared.act(
        request_approval,
        incident,
        preview=shown,
        reason="All of it.",
        actor=bob,
        now=datetime.now(UTC),
        **asked,
        **RULES,
    )
    request = shared.accepted("approval.requested", incident)
    ada = Actor(ADA, "sre_on_call", shared.ada)
    seen = shared.preview(incident, *WIDE)
    shared.act(give_approval, incident, request["event_id"], ada, now=datetime.now(UTC), preview=seen)
    given = shared.accepted("approval.given", incident)
    assert (given["same_desk"], bool(given["person_sig"])) == (True, True)


def test_a_lent_role_orders_until_it_ends(shared: Shared, clock: Clock) -> None:
    incident, now = fresh_id(), datetime.now(UTC)
    device = shared.desk.settings.device_key.id
    with pytest.raises(ProblemAnswer, match="role"):
        shared.send(shared.stop(incident, BOREALIS))
    shared.act(
        delegate_role, ADA, LENT, now + timedelta(hours=1), "Bob sleeps.", actor=Actor(BOB, LENT, shared.bob), now=now
    )
    shared.accepted("role.delegated", "system")
    seat = shared.desk.query(lambda db: seat_now(db, ADA, shared.ada.public_hex, device, datetime.now(UTC)))
    assert (seat.roles, list(seat.lent), seat.key_fault) == (("sre_on_call", LENT), [LENT], "")
    confirmed = Confirmation(
        command_id=fresh_id(), incident=incident, switch=BLOCK, target=BOREALIS, want="stopped",
        preview=shared.preview(incident, BLOCK, BOREALIS), gesture="hold", dwell_ms=0, reason="It drifts.",
    )  # fmt: skip
    ada = Actor(ADA, LENT, shared.ada)
    shared.act(confirm_switch, confirmed, actor=ada, now=datetime.now(UTC), **RULES)
    state = "SELECT state FROM command WHERE command_id = ?"
    ended = lambda: shared.desk.query(lambda db: db.value(state, (confirmed.command_id,))) in ENDS  # noqa: E731
    wait_until(ended, 20, "the order to come to an end")
    assert shared.desk.query(lambda db: db.value(state, (confirmed.command_id,))) == "verified"
    clock.ahead = timedelta(minutes=61)
    with pytest.raises(ProblemAnswer, match="role"):
        shared.send(shared.stop(incident, CASCADE))
    # what the gateway saw says its own clock, which did not move
    shown = replace(shared.preview(incident, BLOCK, CASCADE), observed_at=format_utc(datetime.now(UTC)))
    late = replace(confirmed, command_id=fresh_id(), target=CASCADE, preview=shown)
    with pytest.raises(RefusedError, match="role"):
        shared.act(confirm_switch, late, actor=ada, now=datetime.now(UTC), **RULES)
    after = datetime.now(UTC) + clock.ahead
    seat = shared.desk.query(lambda db: seat_now(db, ADA, shared.ada.public_hex, device, after))
    assert (seat.roles, dict(seat.lent)) == (("sre_on_call",), {})

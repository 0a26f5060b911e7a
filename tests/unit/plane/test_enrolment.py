"""An invitation lets in one device and one person, once; who is revoked is turned away, and what they wrote stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.times import format_utc
from console.plane import enrolment, journal
from console.plane.db import Database
from console.plane.enrolment import WINDOW_S, WRONG_CODES, Enrolled, WrongCodes
from console.plane.founding import sign_as_root
from console.plane.identities import Identities, hash_of_code
from console.plane.journal import Receipt
from console.plane.record import Record
from console.plane.rooting import Entries, invitation
from console.proof.canonical import canonical
from console.proof.envelope import SYSTEM
from console.proof.journal import enrol_subject
from console.proof.keys import SigningKey
from console.protocol.messages import EnrolRequest
from console.protocol.problems import Problem
from tests.fakes.people import DESK, OTHER_DESK, fresh_id, some
from tests.fakes.planes import World, now
from tests.unit.plane.test_record import opened, take

ADA, ADA_KEY = "ada@example.org", SigningKey(b"ada".ljust(32, b"."))


@dataclass
class Stand:
    """A founded plane, its root, and what a test does with both."""

    world: World
    database: Database
    record: Record

    def root(self, *entries: tuple[str, dict[str, Any]]) -> list[Receipt]:
        chain = (self.world.root.id, SYSTEM, 1)
        head = self.database.write_now(lambda tx: journal.chain_head(tx.connection, chain))
        return take(self.database, self.record, sign_as_root(self.world.root, head, entries, exercise=True, now=now()))

    def invite(self, hours: int = 1) -> str:
        made = invitation(ADA, "Ada", ["sre_on_call"], "laptop", hours, now())
        self.root(*made.entries)
        return made.code

    def enrol(self, request: EnrolRequest, later: timedelta = timedelta()) -> Enrolled | Problem:
        return self.database.write_now(lambda tx: enrolment.enrol(tx, self.record, request, now() + later))

    @property
    def known(self) -> Identities:
        return self.record.identities


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    world = World(tmp_path)
    database, record = opened(tmp_path)
    yield Stand(world, database, record)
    database.close()


def request(
    code: str, device: SigningKey = DESK, person: SigningKey | None = ADA_KEY, at_s: float = 0, **changes: str
) -> EnrolRequest:
    time = format_utc(now() + timedelta(seconds=at_s))
    key = person.public_hex if person else ""
    text = canonical(enrol_subject(code, device.id, key, time))
    made = {"code": code, "device_public_key": device.public_hex, "person_public_key": key, "label": "", "time": time}
    signed = {"sig": device.sign_text(text), "person_sig": person.sign_text(text) if person else ""}
    return EnrolRequest(**made | signed | changes)


def refused(found: Enrolled | Problem, says: str) -> None:
    assert isinstance(found, Problem)
    assert (found.kind, says in found.detail) == ("forbidden", True), found


def test_a_code_enrols_a_device_and_its_person(stand: Stand) -> None:
    code = stand.invite()
    assert stand.enrol(request(code)) == Enrolled(DESK.id, ADA, ("sre_on_call",))
    assert stand.known.device_key(DESK.id) == DESK.public_hex
    assert (stand.known.person_of(DESK.id), stand.known.persons[ADA]) == (ADA, ADA_KEY.public_hex)
    assert stand.known.roles[ADA] == {"sre_on_call"}
    assert {r.status for r in take(stand.database, stand.record, some(2))} == {"accepted"}


def test_a_new_start_knows_the_enrolled(stand: Stand, tmp_path: Path) -> None:
    stand.enrol(request(stand.invite()))
    again = Record(stand.record.birth, stand.record.key, "", now)
    stand.database.write_now(lambda tx: again.load(tx.connection))
    assert again.identities == stand.known


def test_a_code_works_once_and_a_lost_answer_is_given_again(stand: Stand) -> None:
    code = stand.invite()
    first, size = stand.enrol(request(code)), stand.record.head.gpos
    assert stand.enrol(request(code)) == first
    assert stand.record.head.gpos == size
    refused(stand.enrol(request(code, OTHER_DESK)), "used before")
    refused(stand.enrol(request(code, person=OTHER_DESK)), "used before")


def test_what_does_not_open_an_invitation(stand: Stand) -> None:
    code = stand.invite()
    size = stand.record.head.gpos
    refused(stand.enrol(request("abcd-efgh-abcd-efgh")), "No open invitation")
    refused(stand.enrol(request(code, sig=OTHER_DESK.sign_text(b"x"))), "device did not sign")
    refused(stand.enrol(request(code, person_sig="")), "person did not sign")
    refused(stand.enrol(request(code, at_s=-500)), "clock")
    refused(stand.enrol(request(code, at_s=2 * 3600), later=timedelta(hours=2)), "ended at")
    refused(stand.enrol(request(code, SigningKey(stand.record.key.seed))), "can not be enrolled")
    assert stand.record.head.gpos == size


def test_a_revoked_person_takes_the_invitation_along_and_may_be_invited_again(stand: Stand) -> None:
    old = stand.invite()
    assert stand.root(("person.revoked", {"person": ADA, "reason": "left"}))[0].status == "accepted"
    refused(stand.enrol(request(old)), "taken back")
    assert isinstance(stand.enrol(request(stand.invite())), Enrolled)
    assert stand.known.revocation(DESK.id, ADA) == ""


@pytest.mark.parametrize("what", ["device.revoked", "person.revoked"])
def test_what_a_revoked_one_sends_is_rejected_and_kept_and_what_was_before_stays(stand: Stand, what: str) -> None:
    stand.enrol(request(stand.invite()))
    before, *after = some(3)
    assert take(stand.database, stand.record, [before])[0].status == "accepted"
    subject = {"device": DESK.id} if what.startswith("device") else {"person": ADA}
    stand.root((what, subject | {"reason": "stolen"}))
    receipts = take(stand.database, stand.record, after)
    assert [(r.status, r.problem["kind"]) for r in receipts] == [("rejected", "forbidden")] * 2
    assert all("revoked" in r.problem["detail"] and r.gpos for r in receipts)
    assert take(stand.database, stand.record, [before])[0].status == "accepted"


def test_the_plane_and_the_root_cannot_be_turned_away(stand: Stand) -> None:
    for device in (stand.record.key.id, stand.world.root.id):
        assert stand.root(("device.revoked", {"device": device, "reason": "x"}))[0].problem["kind"] == "forbidden"
        assert stand.known.revocation(device) == ""


def test_a_role_is_given_and_withdrawn(stand: Stand) -> None:
    stand.root(("role.granted", {"person": ADA, "role": "scribe"}))
    stand.root(("role.withdrawn", {"person": ADA, "role": "scribe", "reason": "moved"}))
    assert stand.known.roles[ADA] == frozenset()


def test_the_plane_alone_makes_nobody_known(stand: Stand) -> None:
    """Whoever holds only the plane's key cites no invitation, or another's, or one without its code."""
    code = stand.invite()
    (invite,) = stand.known.invites
    enrolled = {"device": DESK.id, "public_key": DESK.public_hex, "label": "", "person": ADA}
    for body in (
        enrolled | {"invite": fresh_id(), "code": code},
        enrolled | {"invite": invite, "code": "another-code"},
        enrolled | {"invite": invite, "code": code, "person": "eve@example.org"},
        enrolled | {"invite": invite, "code": code, "device": OTHER_DESK.id},
    ):
        write(stand, "device.enrolled", body)
    named = {"person": ADA, "public_key": ADA_KEY.public_hex, "display_name": "", "invite": invite}
    write(stand, "person.enrolled", named)
    assert (stand.known.device_key(DESK.id), stand.known.persons) == ("", {})


def write(stand: Stand, kind: str, body: dict[str, Any]) -> None:
    stand.database.write_now(lambda tx: stand.record.write(tx, kind, SYSTEM, body))


def test_wrong_codes_are_counted_by_address_and_forgotten_after_a_minute() -> None:
    wrong = WrongCodes()
    for second in range(WRONG_CODES):
        assert not wrong.must_wait("a", second)
        wrong.count("a", second)
    assert wrong.must_wait("a", WRONG_CODES)
    assert not wrong.must_wait("b", WRONG_CODES)
    assert not wrong.must_wait("a", WINDOW_S + 0.5)


def test_codes_are_long_and_only_their_hash_is_signed() -> None:
    codes = {invitation(ADA, "Ada", [], "", 1, now()).code for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code.replace("-", "")) == 16 for code in codes)
    made = invitation(ADA, "Ada", ["scribe"], "", 1, now())
    assert made.code not in str(made.entries)
    assert kinds(made.entries) == ["invite.issued", "role.granted"]
    assert made.entries[0][1]["code_hash"] == hash_of_code(made.code)


def kinds(entries: Entries) -> list[str]:
    return [kind for kind, _ in entries]


BOB, BOB_KEY = "bob@example.org", SigningKey(b"bob".ljust(32, b"."))


def second(stand: Stand) -> str:
    """Ada's desk, and a code for Bob."""
    stand.enrol(request(stand.invite()))
    made = invitation(BOB, "Bob", ["scribe"], "laptop", 1, now())
    stand.root(*made.entries)
    return made.code


def test_a_second_person_enrols_at_a_desk_which_stays_the_first_persons(stand: Stand) -> None:
    assert stand.enrol(request(second(stand), person=BOB_KEY)) == Enrolled(DESK.id, BOB, ("scribe",))
    assert stand.known.person_of(DESK.id) == ADA
    assert stand.known.persons == {ADA: ADA_KEY.public_hex, BOB: BOB_KEY.public_hex}
    stand.root(("person.revoked", {"person": BOB, "reason": "left"}))
    assert stand.known.revocation(DESK.id, ADA) == ""
    assert "revoked" in stand.known.revocation(DESK.id, BOB)


def test_a_second_persons_key_is_not_exchanged_on_the_way(stand: Stand) -> None:
    code, mallory = second(stand), SigningKey(b"mallory".ljust(32, b"."))
    honest = request(code, person=BOB_KEY)
    swapped = honest.model_copy(update={"person_public_key": mallory.public_hex})
    refused(stand.enrol(swapped), "device did not sign")
    text = canonical(enrol_subject(code, DESK.id, mallory.public_hex, honest.time))
    refused(stand.enrol(swapped.model_copy(update={"person_sig": mallory.sign_text(text)})), "device did not sign")
    assert BOB not in stand.known.persons
    assert isinstance(stand.enrol(honest), Enrolled)
    refused(stand.enrol(request(code, person=mallory)), "used before")


def test_a_desk_whose_first_person_was_revoked_becomes_that_of_the_next_who_enrols(stand: Stand) -> None:
    code = second(stand)
    stand.root(("person.revoked", {"person": ADA, "reason": "left"}))
    stand.enrol(request(code, person=BOB_KEY))
    assert (stand.known.person_of(DESK.id), stand.known.revocation(DESK.id, BOB)) == (BOB, "")


def test_a_key_that_proves_nothing_is_not_enrolled(stand: Stand) -> None:
    code, neutral = stand.invite(), (b"\x01" + bytes(31)).hex()
    for field in ("device_public_key", "person_public_key"):
        found = stand.enrol(request(code).model_copy(update={field: neutral}))
        assert isinstance(found, Problem)
        assert (found.kind, "proves nothing" in found.detail) == ("malformed", True)

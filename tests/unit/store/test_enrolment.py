"""Who counts as certified: by the root, or by the plane on an unspent invitation of the root, until it is ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.proof.envelope import SYSTEM, SignedEvent
from console.store import ledger
from console.store.facts import certified_people, people_of_devices
from tests.fakes.record_kit import Author, body_of, key_of, new_incident
from tests.fakes.told import Told
from tests.fakes.told import told as telling

CODE, NEW, PERSON_KEY = "abcd-efgh-ijkl", key_of(60), key_of(61)
WHO = "new@example.org"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with telling(tmp_path / "store") as made:
        yield made


def _write(author: Author, event_type: str, **fields: Any) -> SignedEvent:
    return author.write(event_type, SYSTEM, body_of(event_type, **fields))


def _invite(told: Told, code: str = CODE) -> SignedEvent:
    code_hash = hashlib.sha256(code.encode()).hexdigest()
    return _write(told.story.root, "invite.issued", code_hash=code_hash, person=WHO, display_name="New")


def _enrol(author: Author, invite: SignedEvent, code: str = CODE, number: int = 60) -> SignedEvent:
    key, cited = key_of(number), invite.envelope.event_id
    return _write(
        author,
        "device.enrolled",
        device=key.id,
        public_key=key.public_hex,
        label="l",
        person=WHO,
        invite=cited,
        code=code,
    )


def _person(author: Author, invite: SignedEvent) -> SignedEvent:
    cited = invite.envelope.event_id
    return _write(
        author, "person.enrolled", person=WHO, public_key=PERSON_KEY.public_hex, display_name="New", invite=cited
    )


def _devices(told: Told) -> set[str]:
    return set(told.ask(people_of_devices))


def test_an_enrolled_device_and_person_count(told: Told) -> None:
    invite, plane = _invite(told), told.story.plane
    told.send(invite, _enrol(plane, invite), _person(plane, invite))
    assert told.ask(people_of_devices) == {NEW.id: WHO}
    assert told.ask(certified_people)[WHO].public_key == PERSON_KEY.public_hex
    assert ledger.person_keys_of(told.store.conn, WHO) == (PERSON_KEY.public_hex,)


def test_what_an_enrolled_device_wrote_is_verified_and_kept(told: Told) -> None:
    invite, theirs = _invite(told), Author(NEW)
    note = theirs.write("note.added", new_incident(1), body_of("note.added", text="from a new desk"))
    told.send(invite, _enrol(told.story.plane, invite), note)
    assert told.ask(lambda db: db.event(note.envelope.event_id)) == note


def test_a_code_is_spent_once(told: Told) -> None:
    invite, plane = _invite(told), told.story.plane
    told.send(invite, _enrol(plane, invite), _enrol(plane, invite, number=62))
    assert _devices(told) == {NEW.id}


def test_without_its_invitation_an_enrolment_says_nothing(told: Told) -> None:
    invite, plane = _invite(told), told.story.plane
    forged = _write(plane, "invite.issued", code_hash=hashlib.sha256(b"x").hexdigest(), person=WHO)
    other = Author(key_of(63))
    with told.record.transaction() as tx:
        tx.hold_key(other.key.public_hex, "import")
    told.send(_enrol(plane, invite, number=64), invite, _enrol(plane, invite, "wrong"), _person(plane, invite))
    told.send(forged, _enrol(plane, forged, "x"), _enrol(other, invite))
    assert _devices(told) == set()
    assert WHO not in told.ask(certified_people)


def test_what_the_root_ends_no_longer_counts(told: Told) -> None:
    invite, plane, root = _invite(told), told.story.plane, told.story.root
    told.send(invite, _enrol(plane, invite), _person(plane, invite))
    told.send(_write(plane, "device.revoked", device=NEW.id), _write(plane, "person.revoked", person=WHO))
    assert _devices(told) == {NEW.id}
    told.send(_write(root, "role.granted", person=WHO, role="scribe"))
    assert told.ask(certified_people)[WHO].roles == {"scribe"}
    told.send(_write(root, "role.withdrawn", person=WHO, role="scribe"))
    assert told.ask(certified_people)[WHO].roles == set()
    told.send(_write(root, "role.granted", person=WHO, role="scribe"))
    assert told.ask(certified_people)[WHO].roles == {"scribe"}
    told.send(_write(root, "device.revoked", device=NEW.id), _write(root, "person.revoked", person=WHO))
    assert _devices(told) == set()
    assert WHO not in told.ask(certified_people)
    assert ledger.person_keys_of(told.store.conn, WHO) == (PERSON_KEY.public_hex,)


def test_a_person_revoked_before_they_came_cannot_come_by_the_old_invitation(told: Told) -> None:
    invite, plane, root = _invite(told), told.story.plane, told.story.root
    told.send(invite, _write(root, "person.revoked", person=WHO), _enrol(plane, invite))
    assert _devices(told) == set()


def test_a_desk_stays_the_first_persons_when_a_second_enrols_at_it(told: Told) -> None:
    invite, plane = _invite(told), told.story.plane
    code_hash = hashlib.sha256(b"second-code").hexdigest()
    other = _write(told.story.root, "invite.issued", code_hash=code_hash, person="bob@example.org", display_name="Bob")
    device = {"device": NEW.id, "public_key": NEW.public_hex, "label": "l", "person": "bob@example.org"}
    key = key_of(65).public_hex
    cited = other.envelope.event_id
    told.send(
        invite,
        other,
        _enrol(plane, invite),
        _write(plane, "device.enrolled", **device, invite=cited, code="second-code"),
        _write(plane, "person.enrolled", person="bob@example.org", public_key=key, display_name="Bob", invite=cited),
    )
    assert told.ask(people_of_devices) == {NEW.id: WHO}
    assert told.ask(certified_people)["bob@example.org"].public_key == key

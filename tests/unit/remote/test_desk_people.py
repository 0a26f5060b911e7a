"""Several people at one desk: each key under its own passphrase, the first desk's key moved and never lost."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import InputError
from console.proof.keys import SigningKey
from console.remote import membership as joining
from console.remote import sealed_file
from console.remote.desk_people import DeskPerson, add_person, people_here, unlock
from console.remote.faults import TimedOut
from console.remote.membership import (
    MEMBER_FILE,
    PEOPLE,
    PERSON_FILE,
    Meeting,
    NotAsked,
    has_person_key,
    membership,
    person_file,
    person_key,
)
from console.remote.sealed_file import WrongPassphrase, write_sealed
from tests.fakes.people import DESK

ADA, BOB = "ada@example.org", "../../bob@example.org\n"
HERS, HIS = "correct horse battery", "another long passphrase"
KEY = SigningKey(b"ada".ljust(32, b"."))
MET = Meeting("https://plane.example.org", "o", True, SigningKey(bytes(32)).public_hex, "cd" * 32, "ef" * 32, "e1")
CODE = "abcd-efgh-jkmn-pqrs"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The desk of one person, as it was kept until now."""
    member = {"v": 1, "person": ADA, "roles": ["scribe"], "plane": asdict(MET)}
    (tmp_path / MEMBER_FILE).write_text(json.dumps(member))
    write_sealed(tmp_path / PERSON_FILE, json.dumps({"v": 1, "person_seed": KEY.seed.hex()}), HERS, bytes)
    return tmp_path


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the plane says to each code sent, in turn; the conversation itself is tested with a real plane."""
    told: list[Any] = []

    class Answer:
        def __init__(self, person: str) -> None:
            self.person, self.roles = person, ["responder"]

    def ask(*_: Any) -> Answer:
        said = told.pop(0)
        if isinstance(said, Exception):
            raise said
        return Answer(said)

    monkeypatch.setattr(joining, "_ask", ask)
    return told


def add(folder: Path, code: str = CODE, passphrase: str = HIS, met: Meeting = MET) -> Any:
    return add_person(folder, met, code, DESK, passphrase, True, lambda: 0)


def test_an_empty_desk_has_nobody(tmp_path: Path) -> None:
    assert people_here(tmp_path) == ()
    assert not has_person_key(tmp_path)


def test_the_one_person_of_a_desk_is_taken_along_with_her_key(folder: Path) -> None:
    assert people_here(folder) == (DeskPerson(ADA, ADA, ("scribe",)),)
    assert not (folder / PERSON_FILE).exists()
    assert unlock(folder, ADA, HERS) == KEY
    assert has_person_key(folder)
    assert person_key(folder, HERS) == KEY
    assert person_file(folder, ADA).stat().st_mode & 0o077 == 0


def test_a_move_that_was_stopped_half_way_goes_on(folder: Path) -> None:
    sealed = (folder / PERSON_FILE).read_bytes()
    people_here(folder)
    person_file(folder, ADA).unlink()  # as after a crash between the two writes: described, not yet moved
    assert people_here(folder) == ()
    (folder / PERSON_FILE).write_bytes(sealed)
    assert unlock(folder, ADA, HERS) == KEY


def test_a_second_person_has_a_key_and_a_passphrase_of_their_own(folder: Path, answers: list[Any]) -> None:
    answers.append(BOB)
    member, key = add(folder)
    assert (member.person, key == KEY) == (BOB, False)
    assert [one.person for one in people_here(folder)] == [ADA, BOB]
    assert unlock(folder, BOB, HIS) == key
    assert unlock(folder, ADA, HERS) == KEY
    for person, wrong in ((BOB, HERS), (ADA, HIS)):
        with pytest.raises(WrongPassphrase):
            unlock(folder, person, wrong)
    owner = membership(folder)
    assert owner is not None
    assert owner.person == ADA
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert key.seed.hex().encode() not in everything


def test_a_name_from_outside_names_no_file(folder: Path, answers: list[Any]) -> None:
    answers.append(BOB)
    add(folder)
    names = {path.name for path in (folder / PEOPLE).iterdir()}
    assert all(len(name.partition(".")[0]) == 64 and name.isascii() for name in names)
    assert {path.name for path in folder.iterdir()} == {MEMBER_FILE, PEOPLE}


def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_others_do_not_take_its_place(
    folder: Path, answers: list[Any]
) -> None:
    answers += [TimedOut("no answer"), "eve@example.org", BOB]
    with pytest.raises(TimedOut):
        add(folder)
    waiting = next((folder / PEOPLE).glob("*.joining")).read_bytes()
    add(folder, "wxyz-wxyz-wxyz-wxyz", HERS)
    assert next((folder / PEOPLE).glob("*.joining")).read_bytes() == waiting
    add(folder)
    assert person_file(folder, BOB).read_bytes() == waiting
    assert [one.person for one in people_here(folder)] == [ADA, BOB, "eve@example.org"]


def test_a_desk_of_one_organisation_takes_nobody_in_from_another(folder: Path, answers: list[Any]) -> None:
    answers.append(BOB)
    other = Meeting(MET.url, "o", True, KEY.public_hex, "cd" * 32, "ef" * 32, "e1")
    with pytest.raises(NotAsked, match="another organisation"):
        add(folder, met=other)
    assert answers == [BOB]


def test_the_first_at_a_new_desk_owns_it(tmp_path: Path, answers: list[Any]) -> None:
    answers.append(ADA)
    _, key = add(tmp_path, passphrase=HERS)
    owner = membership(tmp_path)
    assert owner is not None
    assert (owner.person, unlock(tmp_path, ADA, HERS)) == (ADA, key)


def test_who_is_not_here_and_a_broken_file_are_one_sentence(folder: Path) -> None:
    with pytest.raises(InputError, match="has no key at this desk"):
        unlock(folder, "eve@example.org", HERS)
    path = person_file(folder, ADA).with_suffix(".json")
    for broken in ("", "[]", "{}", path.read_text().replace(ADA, "eve@example.org")):
        path.write_text(broken)
        with pytest.raises(InputError, match="restore it from a backup"):
            people_here(folder)

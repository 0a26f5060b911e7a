"""What is kept of an enrolment, what is refused of it, and codes however they were typed."""

import json
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.proof.keys import SigningKey
from console.remote import sealed_file
from console.remote.faults import Offline
from console.remote.membership import (
    JOINING_FILE,
    MEMBER_FILE,
    Meeting,
    Membership,
    NotAsked,
    enrol,
    has_person_key,
    membership,
    tidy_code,
)
from tests.fakes.people import DESK
from tests.waiting import free_port

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})


def met(url: str) -> Meeting:
    return Meeting(url, "org.example", True, SigningKey(bytes(32)).public_hex, "cd" * 32, "ef" * 32, "epoch")


@pytest.mark.parametrize("typed", ["abcd-efgh-jkmn-pqrs", " ABCD efgh  jkmn-pqrs\n", "abcd-EFGH jkmn pqrs"])
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert tidy_code(typed) == "abcd-efgh-jkmn-pqrs"


@pytest.mark.parametrize("typed", ["", "abc", "abcd_efgh_jkmn", "\u202eabcd-efgh-jkmn", "a" * 101])
def test_what_is_no_code_is_never_sent(typed: str) -> None:
    with pytest.raises(NotAsked, match="no one-time code"):
        tidy_code(typed)


def test_a_plane_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    plane = met(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Offline):
        enrol(tmp_path, plane, "abcd-efgh-jkmn", DESK, PASSPHRASE, True, lambda: 1_700_000_000_000_000)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="at least 12"):
        enrol(tmp_path, plane, "abcd-efgh-jkmn", DESK, "short", True, lambda: 1_700_000_000_000_000)
    assert not (tmp_path / JOINING_FILE).exists()
    assert not has_person_key(tmp_path)


def test_a_membership_is_read_as_it_was_written_and_a_broken_one_is_one_sentence(tmp_path: Path) -> None:
    assert membership(tmp_path) is None
    plane = met("https://plane.example.org")
    fields = {name: getattr(plane, name) for name in Meeting.__dataclass_fields__}
    path = tmp_path / MEMBER_FILE
    path.write_text(json.dumps({"v": 1, "person": "ada@example.org", "roles": ["scribe"], "plane": fields}))
    assert membership(tmp_path) == Membership("ada@example.org", ("scribe",), plane)
    for broken in ("", "[]", "{}", json.dumps({"v": 2, "person": "a", "roles": [], "plane": fields}), "[" * 100_000):
        path.write_text(broken)
        with pytest.raises(InputError, match="restore it from a backup"):
            membership(tmp_path)

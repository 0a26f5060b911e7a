"""A desk that worked alone joins a plane by a one-time code, brings its record along, and is turned away again.

The plane is a process of its own and the code comes from the command that an operator types; the desk goes through the
functions that the window calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import app
from console.domain.errors import ConsoleError, RefusedError
from console.proof.words import root_words
from console.remote import sealed_file
from console.remote.faults import ProblemAnswer
from console.remote.identity_store import SEALED_FILE
from console.remote.membership import JOINING_FILE, MEMBER_FILE, PERSON_FILE, membership, person_key
from console.runtime.desk import Desk
from console.runtime.joining import DeskDoor, meeting_of
from console.ui.first_run import Answers
from console.ui.session import Session
from tests.fakes.desks import note
from tests.flows.test_plane_people import people
from tests.flows.test_plane_process import init, running
from tests.waiting import wait_until

PASSPHRASE = "correct horse battery"
ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of guessing is what the file says; tests need not pay the real one."""
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The folder and the address of a running plane, production."""
    folder = tmp_path / "plane"
    folder.mkdir()
    init(folder)
    with running(folder) as (_, line):
        yield folder, line["url"]


def invite(folder: Path, *more: str) -> dict[str, Any]:
    done = people(folder, "invite", ADA, "--role", "incident_commander", "--json", *more)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def opened(folder: Path, answers: Answers) -> tuple[Desk, Session]:
    """The desk as `console.app` opens it; the caller stops it."""
    opening = app.own_opening(folder, answers)
    desk = opening.desk(lambda _: None)
    return desk, opening.session(desk)


def door_of(session: Session) -> DeskDoor:
    assert isinstance(session.door, DeskDoor)
    return session.door


def arrived(desk: Desk) -> bool:
    waiting = desk.query(lambda db: db.value("SELECT count(*) FROM outbox"))
    return desk.connection.state == "online" and waiting == 0


def test_it_worked_alone_joined_sent_everything_and_was_turned_away(tmp_path: Path, plane: tuple[Path, str]) -> None:
    folder, url = plane
    told = invite(folder)
    store = tmp_path / "store"
    desk, session = opened(store, Answers("Ada", "", PASSPHRASE, sealed=True))
    try:
        assert session.person == "local:Ada"
        desk.act(note, "before there was a plane").result(5)
        met = door_of(session).meet(url)
        assert " ".join(met.words) == told["root_words"] == " ".join(root_words(met.root_public_key))
        found = door_of(session).join(met, told["code"].upper().replace("-", " "), PASSPHRASE)
        session.joined(found)
        assert (session.person, session.roles, session.signed_in) == (ADA, ("incident_commander",), True)
        wait_until(lambda: arrived(desk), 20, "what was written before at the plane")
        kept = "SELECT t.status FROM timeline t JOIN event e ON e.n = t.n WHERE e.origin = 'own'"
        assert desk.query(lambda db: {row[0] for row in db.tuples(kept)}) == {"accepted"}
        assert desk.query(lambda db: db.value("SELECT count(*) FROM alarm")) == 0
        enrolled = wait_until(
            lambda: desk.query(lambda db: db.events("system", "person.enrolled")), 20, "the person's own enrolment"
        )
        assert enrolled[0].envelope.body["public_key"] == found.key.public_hex
        assert people(folder, "revoke", ADA, "--reason", "left").returncode == 0
        desk.act(note, "after it").result(5)
        desk.sync_now()
        wait_until(lambda: desk.connection.state == "stopped", 20, "the desk to be turned away")
        assert "turned away" in desk.connection.sentence or "revoked" in desk.connection.sentence
    finally:
        desk.stop()
    again, session = opened(store, Answers("Ada", "", PASSPHRASE))
    again.stop()
    assert (session.person, session.signed_in, again.settings.plane_url) == (ADA, True, url)


def test_a_first_start_joins_at_once(tmp_path: Path, plane: tuple[Path, str]) -> None:
    folder, url = plane
    told, store = invite(folder), tmp_path / "store"
    answers = Answers("Ada", url, PASSPHRASE, sealed=True, code=told["code"], met=meeting_of(url))
    desk, session = opened(store, answers)
    try:
        assert (session.person, session.signed_in, session.exercise) == (ADA, True, False)
        wait_until(lambda: desk.query(lambda db: db.events("system", "device.enrolled")), 20, "its own enrolment")
    finally:
        desk.stop()
    assert person_key(store, PASSPHRASE).public_hex == (session.key and session.key.public_hex)


def test_a_wrong_code_leaves_the_desk_as_it_was(tmp_path: Path, plane: tuple[Path, str]) -> None:
    _, url = plane
    store = tmp_path / "store"
    answers = Answers("Ada", url, PASSPHRASE, sealed=True, code="abcd-efgh-jkmn-pqrs", met=meeting_of(url))
    with pytest.raises(ProblemAnswer, match="No open invitation has this code"):
        opened(store, answers)
    assert not any((store / name).exists() for name in (SEALED_FILE, PERSON_FILE, JOINING_FILE, MEMBER_FILE))
    desk, session = opened(store, Answers("Ada", "", PASSPHRASE, sealed=True))
    try:
        with pytest.raises(ConsoleError, match="No open invitation"):
            door_of(session).join(meeting_of(url), "abcd-efgh-jkmn-pqrs", PASSPHRASE)
        assert membership(store) is None
        assert desk.settings.plane_url == ""
        desk.act(note, "it goes on").result(5)
    finally:
        desk.stop()


def test_an_exercise_is_not_joined_with_a_live_record(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    folder.mkdir()
    init(folder, "--exercise")
    with running(folder) as (_, line):
        told = invite(folder)
        desk, session = opened(tmp_path / "store", Answers("Ada", "", PASSPHRASE, sealed=True))
        try:
            desk.act(note, "for real").result(5)
            with pytest.raises(RefusedError, match="another store"):
                door_of(session).join(door_of(session).meet(line["url"]), told["code"], PASSPHRASE)
        finally:
            desk.stop()
        answers = Answers("Ada", line["url"], PASSPHRASE, code=told["code"], met=meeting_of(line["url"]))
        with pytest.raises(RefusedError, match="another store"):
            opened(tmp_path / "store", answers)

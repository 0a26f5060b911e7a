"""A desk that is far behind reads the journal through a child process, which may die at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import console
from console.proof.envelope import SignedEvent
from console.proof.journal import EMPTY_JOURNAL_HASH
from console.remote.faults import Offline, ProblemAnswer
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime import far_pages
from console.runtime.far_pages import FarPages
from console.runtime.frames import write_frame
from tests.fakes.people import DESK
from tests.fakes.plane import ORIGIN, FakePlane
from tests.fakes.record_kit import Author, body_of, new_incident
from tests.waiting import wait_until

EVENTS, PAGE = far_pages.FAR_BEHIND + 3_200, 500


@pytest.fixture(scope="module")
def events() -> list[SignedEvent]:
    author = Author(DESK)
    return [author.write("note.added", new_incident(n % 3), body_of("note.added")) for n in range(EVENTS)]


@pytest.fixture
def plane(events: list[SignedEvent]) -> Iterator[FakePlane]:
    with FakePlane() as plane:
        for start in range(0, EVENTS, 500):
            plane.append(events[start : start + 500])
        yield plane


@pytest.fixture
def client(plane: FakePlane) -> Iterator[FarPages]:
    tokens = TokenKeeper(DESK, lambda: os.urandom(32).hex())
    client = FarPages(Wire(plane.url, lambda: time.time_ns() // 1000), tokens)
    client.renew_token(ORIGIN)
    yield client
    client.close()
    assert client.child_pid == 0


def _page(client: FarPages, plane: FakePlane, after: int) -> list[int]:
    at = plane.rows[after - 1].hash if after else EMPTY_JOURNAL_HASH
    entries = client.journal(plane.epoch, after, at, PAGE, 0).answer.entries
    for entry, row in zip(entries, plane.rows[after:], strict=False):
        event = entry.event
        assert event is not None
        assert (event.canon, event.sig, entry.event_hash) == (row.event.canon, row.event.sig, "")
        if isinstance(event, SignedEvent):
            assert (event.envelope, event.hash) == (row.event.envelope, row.event.hash)
    return [entry.gpos for entry in entries]


def _two_pages(client: FarPages, plane: FakePlane, after: int) -> None:
    for start in (after, after + PAGE):
        _page(client, plane, start)


def test_the_whole_journal_arrives_and_the_child_ends_near_its_end(plane: FakePlane, client: FarPages) -> None:
    found, children = list[int](), set[int]()
    while len(found) < EVENTS:
        found += _page(client, plane, len(found))
        children.add(client.child_pid)
    assert found == list(range(1, EVENTS + 1))
    assert len(children - {0}) == 1
    assert client.child_pid == 0


def test_a_child_that_is_killed_is_done_without(plane: FakePlane, client: FarPages) -> None:
    _page(client, plane, 0)
    _page(client, plane, PAGE)
    assert client.child_pid  # 0 would be this process and everything beside it
    os.kill(client.child_pid, signal.SIGKILL)
    assert _page(client, plane, 2 * PAGE) == list(range(2 * PAGE + 1, 3 * PAGE + 1))
    assert client.child_pid == 0


def test_a_refused_token_is_dropped_as_without_a_child(plane: FakePlane, client: FarPages) -> None:
    _page(client, plane, 0)
    _page(client, plane, PAGE)
    plane.forget_tokens()
    with pytest.raises(ProblemAnswer) as refused:
        _two_pages(client, plane, 2 * PAGE)  # the first may have been fetched already
    assert refused.value.status == 401
    client.renew_token(ORIGIN)
    assert _page(client, plane, 2 * PAGE)[0] == 2 * PAGE + 1


def test_after_an_abort_there_is_no_child_and_nothing_is_asked(plane: FakePlane, client: FarPages) -> None:
    _page(client, plane, 0)
    _page(client, plane, PAGE)
    client.abort()
    with pytest.raises(Offline):
        _page(client, plane, 2 * PAGE)
    assert client.child_pid == 0


def test_the_child_holds_no_secret_that_others_can_see(plane: FakePlane, client: FarPages) -> None:
    _page(client, plane, 0)
    _page(client, plane, PAGE)
    (token,) = plane.tokens
    for name in ("cmdline", "environ"):
        assert token.encode() not in Path(f"/proc/{client.child_pid}/{name}").read_bytes()


def test_the_child_ends_with_its_parent() -> None:
    """Its standard input closes when the parent dies, however it dies."""
    environment = os.environ | {"PYTHONPATH": str(Path(console.__file__).parents[1])}
    command = [sys.executable, "-P", "-m", "console.runtime.far_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin is not None
        write_frame(child.stdin, ("http://127.0.0.1:9", True, ()))
        child.stdin.close()
        wait_until(lambda: child.poll() is not None, what="the child to end")

"""The command ledger moves only as the rules allow, and an end is an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from console.domain.commands import ACKNOWLEDGED, DISPATCHED, SUPERSEDED, UNKNOWN, VERIFIED
from console.plane import desired, ledger
from console.plane.db import Database, database_url
from console.plane.desired import Desired, Enforced
from console.plane.ledger import Command, Result

FIRST = Command(
    command_id="c-1", order_hash="h", canon="{}", sig="s", person_sig="p", incident="i", switch="FF_TENANT_BLOCK",
    target="tenant.borealis", want="stopped", was="running", generation=1, state=ACKNOWLEDGED, expires="e",
    acknowledged_at="2026-01-01",
)  # fmt: skip
SECOND = replace(FIRST, command_id="c-2", generation=2, acknowledged_at="2026-01-02")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to an empty schema, rolled back at the end."""
    database = Database.created(database_url(str(tmp_path / "plane.db")))
    with database._engine.connect() as opened:
        yield opened
    database.close()


def test_a_row_comes_back_as_it_went_in(connection: Connection) -> None:
    results = {"refuses_new": Result("true", "e-1")}
    row = replace(FIRST, results=results, observation={"state": "stopped"}, problem={"kind": "stale"})
    ledger.enter(connection, row)
    assert ledger.find(connection, "c-1") == row
    assert row.result("streams_cut") == Result("unknown", "")


def test_it_goes_forward_and_never_back(connection: Connection) -> None:
    ledger.enter(connection, FIRST)
    assert ledger.move(connection, "c-1", DISPATCHED, dispatched_at="d")
    assert not ledger.move(connection, "c-1", ACKNOWLEDGED)
    assert ledger.move(connection, "c-1", UNKNOWN)
    assert ledger.move(connection, "c-1", VERIFIED)
    for state in (UNKNOWN, SUPERSEDED, DISPATCHED):
        assert not ledger.move(connection, "c-1", state)
    found = ledger.find(connection, "c-1")
    assert found is not None
    assert (found.state, found.dispatched_at, found.is_over) == (VERIFIED, "d", True)


def test_what_is_not_there_does_not_move(connection: Connection) -> None:
    assert not ledger.move(connection, "c-9", VERIFIED)
    assert ledger.find(connection, "c-9") is None


def test_a_newer_command_ends_the_older_on_the_same_switch_only(connection: Connection) -> None:
    other = replace(FIRST, command_id="c-3", target="tenant.cascade")
    done = replace(FIRST, command_id="c-4", state=VERIFIED)
    for row in (FIRST, SECOND, other, done):
        ledger.enter(connection, row)
    assert ledger.pending(connection, FIRST.switch, FIRST.target) == "c-2"
    ended = ledger.supersede(connection, FIRST.switch, FIRST.target)
    assert [command.command_id for command in ended] == ["c-1", "c-2"]
    assert [command.command_id for command in ledger.unresolved(connection)] == ["c-3"]
    assert ledger.pending(connection, FIRST.switch, FIRST.target) == ""


def test_a_switch_nobody_commanded_runs_at_generation_0(connection: Connection) -> None:
    assert desired.desired(connection, "FF_X", "tenant.x") == Desired("FF_X", "tenant.x", "running", 0)
    assert desired.all_desired(connection) == []


def test_what_is_desired_is_kept_and_replaced(connection: Connection) -> None:
    first = Desired("FF_X", "tenant.x", "stopped", 1, "c-1", "i", "t")
    desired.set_desired(connection, first)
    desired.set_desired(connection, replace(first, generation=2))
    assert desired.all_desired(connection) == [replace(first, generation=2)]


def test_each_back_end_has_its_own_share_of_what_is_desired(connection: Connection) -> None:
    wanted = Desired("FF_X", "tenant.x", "stopped", 1, "c-1", "i", "t")
    desired.want_at(connection, wanted, ("a", "b"))
    again = Enforced("a", "FF_X", "tenant.x", 2, "again", "running/0")
    desired.set_enforced(connection, again)
    assert desired.enforced(connection, "a", wanted) == again
    assert desired.enforced(connection, "b", wanted) == Enforced("b", "FF_X", "tenant.x", 1, "c-1")
    assert desired.enforced(connection, "new here", wanted) == Enforced("new here", "FF_X", "tenant.x", 1, "c-1")
    desired.want_at(connection, replace(wanted, generation=3, command_id="c-2"), ("a", "b"))
    assert desired.enforced(connection, "a", wanted) == Enforced("a", "FF_X", "tenant.x", 3, "c-2")

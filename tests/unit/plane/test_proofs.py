"""How often somebody broke the glass is what this plane took itself, by key, within the hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from console.domain.commands import REFUSED, VERIFIED
from console.domain.times import format_utc
from console.plane import ledger
from console.plane.db import Database, database_url
from console.plane.ledger import Command
from console.plane.proofs import recent_break_glass
from console.proof.canonical import canonical
from tests.fakes.people import fresh_id
from tests.fakes.planes import COMMANDER, OWNER, PEOPLE
from tests.unit.plane.test_orders import KNOWN, NOW, WIDE

GLASS = replace(WIDE, person=COMMANDER, role="incident_commander", break_glass="Nobody answers.")
TWIN = "twin@example.org"
PEOPLE_AND_TWIN = replace(KNOWN, persons={**KNOWN.persons, TWIN: PEOPLE[COMMANDER].public_hex})


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database.created(database_url(str(tmp_path / "plane.db")))
    with database._engine.connect() as opened:
        yield opened
    database.close()


def taken(connection: Connection, minutes_ago: float = 1, *, state: str = VERIFIED, **changes: str) -> None:
    order = replace(GLASS, command_id=fresh_id(), **changes)  # type: ignore[arg-type]
    at = format_utc(NOW - timedelta(minutes=minutes_ago)) if state != REFUSED else ""
    row = Command(
        command_id=order.command_id, order_hash="h", canon=canonical(order.as_object()).decode(), sig="", person_sig="",
        incident=order.incident, switch=order.switch, target=order.target, want=order.want, state=state,
        expires=order.expires, acknowledged_at=at,
    )  # fmt: skip
    ledger.enter(connection, row)


def counted(connection: Connection) -> int:
    return recent_break_glass(connection, GLASS, PEOPLE_AND_TWIN, NOW)


def test_what_was_taken_within_the_hour_counts_under_every_name_of_the_key(connection: Connection) -> None:
    taken(connection)
    taken(connection, 59)
    taken(connection, person=TWIN)
    assert counted(connection) == 3


def test_what_did_not_break_it_does_not_count(connection: Connection) -> None:
    taken(connection, 61)
    taken(connection, break_glass="")
    taken(connection, state=REFUSED)
    taken(connection, person=OWNER)
    assert counted(connection) == 0


def test_a_stop_that_no_person_ordered_does_not_count(connection: Connection) -> None:
    automatic = Command(
        command_id=fresh_id(), order_hash="", canon="", sig="", person_sig="", incident="i", switch="s", target="t",
        want="stopped", state=VERIFIED, expires="", acknowledged_at=format_utc(NOW),
    )  # fmt: skip
    ledger.enter(connection, automatic)
    assert counted(connection) == 0

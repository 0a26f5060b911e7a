"""The desk's own look stands beside the plane's word and never in its place; another desk's look is not "from here"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from console.actions.sightings import record_own_look
from console.domain.sighting import Aim, OwnLook
from console.proof.actor import Actor
from console.queries.from_here import FromHere, look_at_switch, look_for_command
from console.queries.switches import switch_history, switch_rows
from console.store.facts import incident_facts
from console.store.record import Record
from tests.fakes.record_kit import Clock, append, desk, new_incident

ONE = new_incident(1)
SWITCH, TARGET, COMMAND = "FF_TENANT_BLOCK", "tenant.borealis", "01970000-0000-7000-8000-00000000000a"
AIM = Aim(SWITCH, TARGET, "stopped", 3, COMMAND)
T = TypeVar("T")
NOW = Clock()()
SEEN_AT = "2026-01-31T14:05:00.000000Z"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with desk(tmp_path) as (_, record):
        yield record


def ask(record: Record, noun: Callable[..., T], *args: Any) -> T:
    with record.transaction() as tx:
        return noun(tx, *args)


def look(record: Record, state: str, why: str = "") -> None:
    record_own_look(record, ONE, OwnLook(AIM, state, NOW, why), actor=Actor("desk"), now=NOW)


def test_a_look_is_never_the_planes_word(record: Record) -> None:
    append(
        record, "switch.observed", ONE, command_id=COMMAND, switch=SWITCH, target=TARGET, state="stopped", by="plane",
        method="probe", observed_at=SEEN_AT,
    )  # fmt: skip
    look(record, "running")
    row = ask(record, switch_rows, [(SWITCH, TARGET)])[0]
    assert (row.observed.state, row.observed.by, row.from_here.state) == ("stopped", "plane", "running")
    assert list(ask(record, incident_facts, ONE).stops) == [f"{SWITCH} {TARGET}"]
    assert not ask(record, incident_facts, ONE).restored
    assert {line.kind for line in ask(record, switch_history, SWITCH, TARGET)} == {"observed", "looked"}


def test_a_look_alone_contains_nothing(record: Record) -> None:
    look(record, "stopped")
    assert not ask(record, incident_facts, ONE).stops
    assert ask(record, switch_rows, [(SWITCH, TARGET)])[0].observed.state == ""


def test_the_newest_look_counts_with_its_reason(record: Record) -> None:
    assert ask(record, look_for_command, COMMAND) == FromHere()
    look(record, "stopped")
    look(record, "unknown", "the data path does not answer from here")
    found = ask(record, look_at_switch, SWITCH, TARGET)
    assert (found.state, found.why, found.command_id) == (
        "unknown", "the data path does not answer from here", COMMAND,
    )  # fmt: skip
    assert ask(record, look_for_command, COMMAND) == found

"""Wanted, claimed and seen: three answers from the record, and what does not change them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.policy import default_path, load
from console.queries.switch_board import switch_board
from console.queries.switches import SwitchRow, switch_history, switch_rows
from console.store.record import Record
from tests.fakes.record_kit import append, desk, new_incident

ONE, TWO = new_incident(1), new_incident(2)
SWITCH, TARGET = "FF_TENANT_BLOCK", "tenant.borealis"
AT = {"switch": SWITCH, "target": TARGET}
SHIPPED = load(default_path())


def at(second: int) -> str:
    return f"2026-01-31T14:02:{second:02d}.000000Z"


class Teller:
    """Writes what a plane would have written."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def tell(self, event_type: str, incident: str = ONE, **fields: Any) -> str:
        return append(self.record, event_type, incident, **fields).envelope.event_id

    def acknowledged(self, command: str, want: str, generation: int, second: int) -> None:
        common: dict[str, Any] = {
            "command_id": command,
            "want": want,
            "generation": generation,
            "acknowledged_at": at(second),
        }
        self.tell("switch.acknowledged", **AT, **common)

    def observed(self, command: str, state: str, second: int, incident: str = ONE) -> None:
        common = {"command_id": command, "state": state, "observed_at": at(second), "method": "probe", "by": "plane"}
        self.tell("switch.observed", incident, **AT, **common)

    def row(self) -> SwitchRow:
        with self.record.transaction() as tx:
            return switch_rows(tx, [(SWITCH, TARGET)])[0]


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    with desk(tmp_path / "store") as (_, record):
        yield Teller(record)


def test_nothing_is_known_of_what_was_never_moved(teller: Teller) -> None:
    row = teller.row()
    assert (row.desired.state, row.claimed.state, row.observed.state) == ("", "", "")
    assert (row.pending, row.last) == ("", None)


def test_each_of_the_three_comes_from_its_own_event(teller: Teller) -> None:
    teller.acknowledged("c1", "stopped", 1, 1)
    assert (teller.row().desired.state, teller.row().claimed.state, teller.row().observed.state) == ("stopped", "", "")
    teller.tell("switch.dispatched", command_id="c1", adapter="a", reply="stopped, durable", dispatched_at=at(2))
    row = teller.row()
    assert (row.claimed.state, row.claimed.detail, row.observed.state) == ("stopped", "stopped, durable", "")
    teller.observed("c1", "stopped", 3)
    seen = teller.row().observed
    assert (seen.state, seen.at, seen.method, seen.command_id) == ("stopped", at(3), "probe", "c1")


def test_a_switch_is_one_thing_whatever_incident_moved_it(teller: Teller) -> None:
    teller.observed("c1", "running", 1)
    teller.observed("c2", "stopped", 2, incident=TWO)
    assert teller.row().observed.state == "stopped"


def test_an_older_sighting_that_arrives_later_covers_nothing(teller: Teller) -> None:
    teller.observed("c1", "stopped", 9)
    teller.observed("c1", "running", 3)
    assert teller.row().observed.state == "stopped"


def test_a_look_of_this_desk_is_a_sighting_too(teller: Teller) -> None:
    teller.observed("c1", "stopped", 3)
    for second, state in ((2, "unknown"), (5, "running")):
        with teller.record.transaction() as tx:
            tx.insert_observation(
                switch=SWITCH,
                target=TARGET,
                state=state,
                generation=1,
                method="probe",
                seen_by="plane",
                observed_at=at(second),
            )
    assert (teller.row().observed.state, teller.row().observed.at) == ("running", at(5))


@pytest.mark.parametrize("end", ["refused", "expired", "stale", "superseded"])
def test_a_command_without_effect_wants_nothing_any_more(teller: Teller, end: str) -> None:
    teller.acknowledged("c1", "stopped", 1, 1)
    teller.acknowledged("c2", "running", 2, 2)
    assert teller.row().desired.state == "running"
    teller.tell("switch.ended", command_id="c2", state=end, sentence="")
    assert teller.row().desired.state == "stopped"


def test_an_unknown_outcome_is_still_wanted(teller: Teller) -> None:
    teller.acknowledged("c1", "stopped", 1, 1)
    teller.tell("switch.ended", command_id="c1", state="unknown", sentence="")
    assert teller.row().desired.state == "stopped"


def test_drift_is_told_until_it_was_seen_right_again(teller: Teller) -> None:
    teller.acknowledged("c1", "stopped", 1, 1)
    teller.tell("switch.drifted", **AT, desired="stopped", observed="running", observed_at=at(5))
    assert teller.row().drift.state == "running"
    teller.observed("c1", "running", 6)
    assert teller.row().drift.state == "running"
    teller.observed("c1", "stopped", 7)
    assert teller.row().drift.at == ""


def test_the_history_holds_every_step_newest_first(teller: Teller) -> None:
    teller.acknowledged("c1", "stopped", 1, 1)
    teller.tell("switch.dispatched", command_id="c1", dispatched_at=at(2))
    teller.observed("c1", "stopped", 3)
    teller.tell("switch.ended", command_id="other", state="expired", sentence="")
    with teller.record.transaction() as tx:
        lines = switch_history(tx, SWITCH, TARGET)
    assert [line.kind for line in lines] == ["observed", "dispatched", "acknowledged"]
    assert [line.at for line in lines] == [at(3), at(2), at(1)]


def test_the_board_is_of_the_incident_s_target_and_of_nothing_unmapped(teller: Teller) -> None:
    teller.tell("incident.opened", target=TARGET, title="One")
    teller.tell("incident.opened", TWO, target="tenant.<b>", title="Two")
    with teller.record.transaction() as tx:
        one, two, none = (
            switch_board(tx, incident, SHIPPED.inventory, SHIPPED.switches) for incident in (ONE, TWO, new_incident(3))
        )
    assert one is not None
    assert (one.target, one.rows[0].switch) == (TARGET, SWITCH)
    assert len(one.rows) == len(one.reaches)
    assert two is not None
    assert (two.target, two.named, two.reaches) == ("", "tenant.<b>", ())
    assert none is None

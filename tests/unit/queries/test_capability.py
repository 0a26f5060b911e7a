"""The capability view: declared, answered and shown stand apart, and what nobody enforces is by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.policy import default_path, load
from console.queries.capability import CapabilityRow, capability_rows
from console.queries.switch_board import standing_of, switch_board
from console.queries.switches import switch_rows
from tests.fakes.story import SWITCH, TARGET
from tests.fakes.told import Told
from tests.fakes.told import told as telling

SHIPPED = load(default_path())
COMMAND = "c1"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with telling(tmp_path / "store") as made:
        made.story.opened()
        yield made


def rows(told: Told) -> dict[tuple[str, str], CapabilityRow]:
    found = told.ask(capability_rows, SHIPPED.inventory, SHIPPED.switches)
    return {(one.switch, one.target): one for one in found}


def test_every_switch_stands_on_every_item_of_its_kinds(told: Told) -> None:
    found = rows(told)
    for switch in SHIPPED.switches.switches.values():
        items = {item.id for item in SHIPPED.inventory.items.values() if item.kind in switch.kinds}
        assert {target for name, target in found if name == switch.id} == items
    assert all(one.fallback for one in found.values() if one.by_hand)
    assert any(one.by_hand for one in found.values())


def test_what_was_answered_and_what_was_shown_are_told_apart(told: Told) -> None:
    told.story.from_plane("switch.acknowledged", command_id=COMMAND, switch=SWITCH, target=TARGET, want="stopped")
    told.story.from_plane(
        "switch.dispatched", command_id=COMMAND, adapter="simulator", reply="stopped, 2 streams",
        dispatched_at="2026-01-31T14:03:00.000000Z",
    )  # fmt: skip
    results = {
        "refuses_new": {"result": "true", "evidence": ""},
        "streams_cut": {"result": "false", "evidence": ""},
        "survives_restart": {"result": "unknown", "evidence": ""},
    }
    told.story.from_plane(
        "switch.observed", command_id=COMMAND, switch=SWITCH, target=TARGET, state="stopped", results=results
    )
    found = rows(told)[SWITCH, TARGET]
    assert (found.reply, found.replied_at) == ("stopped, 2 streams", "2026-01-31T14:03:00.000000Z")
    assert found.shown == {"refuses_new": "true", "streams_cut": "false"}
    assert (found.declared, found.declared_at) == ({}, "")


def test_the_board_passes_over_what_is_stopped_and_what_drifted(told: Told) -> None:
    def proposed() -> tuple[str, str, int]:
        board = told.ask(switch_board, told.story.incident, SHIPPED.inventory, SHIPPED.switches)
        made = board.proposal
        return made.reach.switch, made.reach.target, len(made.passed_over)

    assert proposed() == (SWITCH, TARGET, 0)
    told.story.observed("stopped")
    second = proposed()
    assert second[:2] != (SWITCH, TARGET)
    assert second[2] == 1
    told.story.observed("running")
    assert proposed() == (SWITCH, TARGET, 0)
    told.story.from_plane(
        "switch.drifted", switch=SWITCH, target=TARGET, desired="stopped", observed="running",
        observed_at="2026-01-31T14:09:00.000000Z",
    )  # fmt: skip
    assert proposed() == second
    (row,) = told.ask(switch_rows, [(SWITCH, TARGET)])
    assert standing_of(row) == "failed"

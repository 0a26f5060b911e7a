"""Durable switch state: order of effect and durability, ledger, generations, and failing closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import EnvironmentFault
from console.simulator.switches import (
    LEDGER_ENTRIES,
    Misbehaviour,
    ReusedCommand,
    StaleOrder,
    SwitchBoard,
    SwitchOrder,
    SwitchState,
)

PAIRS = [("FF_GLOBAL_AI", "environment.range"), ("FF_TENANT_BLOCK", "tenant.borealis")]
NOW = "2026-11-21T00:00:00.000000Z"


def provisioned(folder: Path) -> Path:
    path = folder / "switches.json"
    SwitchBoard(path, PAIRS).provision(NOW)
    return path


def opened(path: Path, misbehaviour: Misbehaviour | None = None) -> SwitchBoard:
    board = SwitchBoard(path, PAIRS, misbehaviour)
    board.open()
    return board


def order(want: str = "stopped", generation: int = 1, command_id: str = "command-1") -> SwitchOrder:
    return SwitchOrder("FF_TENANT_BLOCK", "tenant.borealis", want, generation, command_id)


def apply(board: SwitchBoard, wanted: SwitchOrder, now: str, cut: Callable[[SwitchState], int]) -> dict[str, Any]:
    return asyncio.run(board.apply(wanted, now, cut))


def cut_nothing(stop: SwitchState) -> int:
    return 0


def state_of(board: SwitchBoard) -> str:
    return next(s.state for s in board.states() if s.switch == "FF_TENANT_BLOCK")


def test_a_provisioned_folder_starts_running(tmp_path: Path) -> None:
    board = opened(provisioned(tmp_path))
    assert board.problem == ""
    assert board.stopped() == []
    assert [(s.state, s.generation) for s in board.states()] == [("running", 0)] * 2


def test_a_stop_is_there_after_reopening_with_its_command(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    answer = apply(opened(path), order(), NOW, lambda stop: 3)
    assert answer == {"applied": True, "state": "stopped", "generation": 1, "streams_cut": 3, "durable": True}
    again = opened(path)
    assert [(s.target, s.command_id) for s in again.stopped()] == [("tenant.borealis", "command-1")]
    assert again.durable_states() == again.states()
    assert again.answer_to(order()) == answer


def test_generations_only_grow(tmp_path: Path) -> None:
    board = opened(provisioned(tmp_path))
    apply(board, order(generation=5), NOW, cut_nothing)
    for generation in (1, 4, 5):
        with pytest.raises(StaleOrder) as stale:
            apply(board, order("running", generation, "command-2"), NOW, cut_nothing)
        assert stale.value.held == 5
    apply(board, order("running", 6, "command-3"), NOW, cut_nothing)
    assert state_of(board) == "running"


def test_a_command_id_cannot_mean_two_things(tmp_path: Path) -> None:
    board = opened(provisioned(tmp_path))
    apply(board, order(), NOW, cut_nothing)
    with pytest.raises(ReusedCommand):
        board.answer_to(order("running", 2))
    assert board.answer_to(order(command_id="command-2")) is None


def test_the_ledger_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    path = provisioned(tmp_path)

    async def many() -> None:
        board = opened(path)
        for generation in range(1, LEDGER_ENTRIES + 4):
            want = ("stopped", "running")[generation % 2]
            await board.apply(order(want, generation, f"command-{generation}"), NOW, cut_nothing)

    asyncio.run(many())
    again = opened(path)
    assert again.answer_to(order("running", 3, "command-3")) is None
    assert again.answer_to(order("stopped", 4, "command-4")) is not None
    assert state_of(again) == ("stopped", "running")[(LEDGER_ENTRIES + 3) % 2]


def test_any_flipped_byte_stops_everything_loudly(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        board = opened(path)
        assert "damaged" in board.problem, position
        assert len(board.stopped()) == 2
        assert board.durable_states() is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b"x" * 5_000_000], ids=["gone", "empty", "no-checksum", "huge"])
def test_a_file_that_says_nothing_stops_everything(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "switches.json"
    if content is not None:
        path.write_bytes(content)
    board = opened(path)
    assert "everything is stopped" in board.problem
    assert len(board.stopped()) == 2


def test_a_stopped_state_in_doubt_can_be_set_again(tmp_path: Path) -> None:
    board = opened(tmp_path / "switches.json")
    apply(board, order("running"), NOW, cut_nothing)
    assert [s.switch for s in board.stopped()] == ["FF_GLOBAL_AI"]
    assert board.problem
    apply(board, SwitchOrder("FF_GLOBAL_AI", "environment.range", "running", 1, "command-9"), NOW, cut_nothing)
    assert board.problem == ""
    assert opened(board.path).stopped() == []


def test_a_pair_the_file_does_not_know_starts_stopped(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    board = SwitchBoard(path, [*PAIRS, ("FF_TENANT_BLOCK", "tenant.new")])
    board.open()
    assert [s.target for s in board.stopped()] == ["tenant.new"]
    assert "tenant.new" in board.problem


def test_without_a_disk_a_stop_holds_and_a_restore_does_not_happen(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    board = opened(path)
    obstacle = path.with_suffix(".new")
    obstacle.mkdir()  # where the new file would be written
    (obstacle / "full").touch()
    with pytest.raises(EnvironmentFault, match="not past a restart"):
        apply(board, order(), NOW, lambda stop: 1)
    assert state_of(board) == "stopped"
    assert state_of(opened(path)) == "running"
    with pytest.raises(EnvironmentFault, match="stays stopped"):
        apply(board, order("running", 2, "command-2"), NOW, cut_nothing)
    assert state_of(board) == "stopped"
    (obstacle / "full").unlink()
    obstacle.rmdir()
    assert apply(board, order(), NOW, cut_nothing)["durable"] is True, "the same command may be tried again"
    assert state_of(opened(path)) == "stopped"


def test_nothing_is_left_beside_the_file_and_it_is_private(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    apply(opened(path), order(), NOW, cut_nothing)
    assert [one.name for one in tmp_path.iterdir()] == ["switches.json"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes().partition(b"\n")[2])["v"] == 1


def test_the_lies_are_lies(tmp_path: Path) -> None:
    path = provisioned(tmp_path)
    lazy = opened(path, Misbehaviour(ack_without_effect=True))
    assert apply(lazy, order(), NOW, cut_nothing)["applied"] is True
    assert state_of(lazy) == "stopped"
    assert lazy.stopped() == []

    path = provisioned(tmp_path)
    forgetful = opened(path, Misbehaviour(drop_durable=True))
    assert apply(forgetful, order(), NOW, cut_nothing)["durable"] is True
    assert state_of(forgetful) == "stopped"
    assert state_of(opened(path)) == "running"

"""The range's folder: provisioned once, locked, private, and gone when it was only borrowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault
from console.simulator.folder import SWITCH_FILE, hold_folder
from console.simulator.switches import SwitchBoard
from console.simulator.world import World

NOW = "2026-11-21T00:00:00.000000Z"


def test_it_is_provisioned_exactly_once(world: World, tmp_path: Path) -> None:
    wanted = tmp_path / "deep" / "state"
    with hold_folder(wanted, world, NOW) as folder:
        assert folder == wanted
        assert folder.stat().st_mode & 0o777 == 0o700
        board = SwitchBoard(folder / SWITCH_FILE, world.pairs)
        board.open()
        assert board.stopped() == []
    (wanted / SWITCH_FILE).unlink()
    with hold_folder(wanted, world, NOW) as folder:
        assert not (folder / SWITCH_FILE).exists(), "a lost file must not come back as 'running'"


def test_two_cannot_hold_it_and_the_second_can_after_the_first(world: World, tmp_path: Path) -> None:
    with (
        hold_folder(tmp_path, world, NOW),
        pytest.raises(EnvironmentFault, match="Another simulator"),
        hold_folder(tmp_path, world, NOW),
    ):
        pass
    with hold_folder(tmp_path, world, NOW) as folder:
        assert folder == tmp_path


def test_a_borrowed_folder_is_removed_even_after_an_error(world: World) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with hold_folder(None, world, NOW) as folder:
            seen.append(folder)
            raise EnvironmentFault("something else went wrong")

    with pytest.raises(EnvironmentFault, match="something else"):
        fail()
    assert not seen[0].exists()


def test_a_file_where_the_folder_should_be_is_said(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="state_dir"), hold_folder(tmp_path / "file", world, NOW):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["file"]

"""A plane is founded once, whole or not at all, and its keys belong to their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault, InputError
from console.plane.founding import DEVICE_KEY, ROOT_KEY, Founded, beside, found_plane, read_key
from tests.fakes.planes import now


def found(folder: Path, root: str = "root.key", database: str = "plane.db") -> Founded:
    return found_plane(str(folder / database), folder / root, exercise=True, organisation="Test", now=now())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_both_keys_and_the_database_are_its_owners_alone(tmp_path: Path) -> None:
    founded = found(tmp_path)
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "root.key": 0o600, "plane-device.key": 0o600, "plane.db": 0o600, "plane.db.lock": 0o600,
    }  # fmt: skip
    assert read_key(tmp_path / "root.key", ROOT_KEY).public_hex == founded.root_public_key
    assert read_key(beside(str(tmp_path / "plane.db")), DEVICE_KEY).id == founded.plane_device


def test_a_root_key_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "root.key").write_text("somebody's")
    with pytest.raises(InputError, match="never overwritten"):
        found(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["root.key"]


def test_a_second_founding_changes_nothing(tmp_path: Path) -> None:
    found(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="never overwritten"):
        found(tmp_path, root="other.key")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_database_that_holds_a_plane_keeps_it(tmp_path: Path) -> None:
    found(tmp_path)
    (tmp_path / "plane-device.key").rename(tmp_path / "kept.key")
    with pytest.raises(InputError, match="holds a plane already"):
        found(tmp_path, root="other.key")
    assert not (tmp_path / "other.key").exists()
    assert (tmp_path / "plane.db").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be made"):
        found(tmp_path, root="file/root.key")


def test_one_file_cannot_be_both_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be one file"):
        found(tmp_path, root="plane-device.key")


def test_a_key_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    found(tmp_path)
    with pytest.raises(InputError, match="does not hold a plane device key"):
        read_key(tmp_path / "root.key", DEVICE_KEY)
    (tmp_path / "root.key").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_key(tmp_path / "root.key", ROOT_KEY)
    with pytest.raises(InputError, match="cannot be read"):
        read_key(tmp_path / "none.key", ROOT_KEY)

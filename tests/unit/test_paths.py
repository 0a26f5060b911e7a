"""Where files lie: under this person's home, found without touching the disk."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from console import paths


def test_everything_lies_under_this_person_s_home() -> None:
    home = Path(os.environ["HOME"])
    for found in (paths.store_dir(), paths.config_dir(), paths.settings_file(), paths.log_dir()):
        assert found.is_relative_to(home)
        assert "incident-console" in found.parts


def test_asking_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    for found in (paths.store_dir(), paths.config_dir(), paths.settings_file(), paths.log_dir()):
        assert found.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", ["", "  ", "elsewhere", "unset"])
def test_the_folders_are_those_of_the_platform(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        if named == "unset":
            monkeypatch.delenv(f"XDG_{name}_HOME")
        else:
            monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / named) if named.strip() else named)
    ours = [str(folder) for folder in (paths.store_dir().parent, paths.config_dir(), paths.log_dir())]
    asked = (platformdirs.user_data_dir, platformdirs.user_config_dir, platformdirs.user_log_dir)
    assert ours == [folder("incident-console", appauthor=False) for folder in asked]

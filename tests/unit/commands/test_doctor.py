"""The doctor: one line an item, an exit code for the demo, and no false comfort about the disk."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.commands import doctor

runner = CliRunner()
Usage = namedtuple("Usage", "total used free")


def test_a_line_an_item_and_zero_when_the_demo_can_run() -> None:
    result = runner.invoke(doctor.app)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == len(doctor.CHECKS)
    assert "sqlite" in result.output


def test_json_says_the_same() -> None:
    rows = json.loads(runner.invoke(doctor.app, ["--json"]).output)
    assert [set(row) for row in rows] == [{"name", "state", "found", "todo"}] * len(doctor.CHECKS)
    assert {row["state"] for row in rows} <= {"ok", "warning", "missing"}


def test_whatever_is_not_ok_says_what_to_do() -> None:
    findings = [check() for check in doctor.CHECKS]
    assert [finding for finding in findings if finding.state != "ok" and not finding.todo] == []


def test_a_missing_need_leaves_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Finding("python", "missing", "3.9", "install a newer one"),))
    result = runner.invoke(doctor.app)
    assert result.exit_code == 1
    assert result.output == "missing  python            3.9 - install a newer one\n"


def test_a_hostile_path_is_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Finding("disk", "ok", "/tmp/\x1b[2J"),))
    assert "\x1b" not in runner.invoke(doctor.app).output


@pytest.mark.parametrize(("free", "state"), [(10**6, "missing"), (10**9, "warning"), (10**11, "ok")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12 - free, free))
    assert doctor.disk().state == state


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert doctor.disk().state == "missing"


def test_programs_that_are_missing_are_named_with_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor.programs()
    assert finding.state == "warning"
    assert "ssh-keygen" in finding.found
    assert "apt-get install openssl openssh-client" in finding.todo
    assert "without root" in finding.todo


def test_libraries_that_do_not_load_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "QT_LIBRARIES", {"libsurely-not-there.so.9": "libnothere9"})
    finding = doctor.qt()
    assert finding.state == "warning"
    assert "apt-get install libnothere9" in finding.todo


def test_loopback_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert doctor.loopback().state == "missing"


def device(root: Path, folder: Path) -> Path:
    number = folder.stat().st_dev
    found = root / f"{os.major(number)}:{os.minor(number)}"
    found.mkdir(parents=True)
    return found


def test_a_plain_disk_shows_no_encryption(tmp_path: Path) -> None:
    device(tmp_path / "block", tmp_path)
    assert doctor.disk_encrypted(tmp_path, tmp_path / "block") is False


def test_an_encrypted_volume_is_seen_through_what_lies_on_it(tmp_path: Path) -> None:
    below = device(tmp_path / "block", tmp_path) / "slaves" / "dm-0" / "dm"
    below.mkdir(parents=True)
    (below / "uuid").write_text("CRYPT-LUKS2-0123-luks\n")
    assert doctor.disk_encrypted(tmp_path, tmp_path / "block") is True


def test_a_disk_that_cannot_be_seen_is_not_called_safe(tmp_path: Path) -> None:
    assert doctor.disk_encrypted(tmp_path, tmp_path / "none") is None

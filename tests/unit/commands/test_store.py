"""`incident-console store`: what it prints and how it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.commands.store import app
from console.domain.errors import ConsoleError
from console.store._sqlite import connect_writer
from console.store.opening import record_path
from tests.fakes.record_kit import append, desk, new_incident, note

ONE = new_incident(1)


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, ConsoleError):
        result.exit_code = result.exception.exit_code
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with desk(tmp_path / "store") as (_, record):
        append(record, "incident.opened", ONE, title="t", severity="SEV-1")
        note(record, ONE)
    return tmp_path / "store"


def test_an_intact_store_is_counted_and_leaves_with_0(folder: Path) -> None:
    result = _run("--store", folder, "check")
    assert result.exit_code == 0
    assert "2 event" in result.stdout
    assert "2 outbox" in result.stdout


def test_a_fault_names_the_event_and_leaves_with_1(folder: Path) -> None:
    conn = connect_writer(record_path(folder))
    event_id = conn.execute("SELECT event_id FROM event WHERE n = 2").fetchone()[0]
    conn.execute("DROP TRIGGER event_never_update")
    conn.execute("UPDATE event SET canon = replace(canon, 'ic@', 'oc@') WHERE n = 2")
    conn.close()
    result = _run("--store", folder, "check")
    assert result.exit_code == 1
    assert f"FAULT  Event {event_id}" in result.stdout


def test_a_store_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for command in (["check"], ["backup", tmp_path / "b"], ["export", tmp_path / "e"]):
        result = _run("--store", tmp_path / "nowhere", *command)
        assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_backup_and_restore_go_there_and_back(folder: Path, tmp_path: Path) -> None:
    made = _run("--store", folder, "backup", tmp_path / "b.tar")
    assert made.exit_code == 0
    assert "not encrypted" in made.stdout
    assert _run("--store", folder, "restore", tmp_path / "b.tar").exit_code == 2
    assert _run("--store", tmp_path / "new", "restore", tmp_path / "b.tar").exit_code == 0
    assert _run("--store", tmp_path / "new", "check").exit_code == 0


def test_export_and_import_go_there_and_back(folder: Path, tmp_path: Path) -> None:
    assert _run("--store", folder, "export", tmp_path / "out").exit_code == 0
    taken = _run("--store", tmp_path / "new", "import", tmp_path / "out")
    assert taken.exit_code == 0
    assert f"events/{ONE}.jsonl: 2 new, 0 known already" in taken.stdout
    assert _run("--store", tmp_path / "new", "check").exit_code == 0


def test_an_import_with_something_refused_says_so(folder: Path, tmp_path: Path) -> None:
    _run("--store", folder, "export", tmp_path / "out")
    file = tmp_path / "out" / "events" / f"{ONE}.jsonl"
    file.write_text(file.read_text() + "\x1b[31mhostile\n")
    result = _run("--store", tmp_path / "new", "import", tmp_path / "out")
    assert result.exit_code == 4
    assert "1 refused (line 3 is not an event" in result.stdout


def test_an_open_desk_does_not_keep_check_and_backup_out_but_import(folder: Path, tmp_path: Path) -> None:
    _run("--store", folder, "export", tmp_path / "out")
    with desk(folder):
        assert _run("--store", folder, "check").exit_code == 0
        assert _run("--store", folder, "backup", tmp_path / "b.tar").exit_code == 0
        assert _run("--store", folder, "import", tmp_path / "out").exit_code == 3

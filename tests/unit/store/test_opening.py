"""Opening a store: private, locked, of the right version and shape, or refused in one sentence."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.store import projection_tables, schema
from console.store._sqlite import connect_writer
from console.store.exporting import export
from console.store.faults import NewerStoreError, StoreBusyFault, StoreDamageFault, StoreMissingError
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import Store, open_store, record_path
from console.store.verify import verify_store
from tests.fakes.record_kit import append, desk, new_incident, note

ONE = new_incident(1)
AT = "2026-01-31T15:00:00.000000Z"


def _alter(folder: Path, *statements: str) -> None:
    conn = connect_writer(record_path(folder))
    try:
        for statement in statements:
            conn.execute(statement)
    finally:
        conn.close()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    with desk(folder) as (_, record):
        append(record, "incident.opened", ONE, title="Ungrounded advice", severity="SEV-1")
        note(record, ONE)
    return folder


def test_a_new_store_is_private_and_intact(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with open_store(folder) as store:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
        assert verify_store(store.path).faults == ()


def test_a_folder_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o755)
    with open_store(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_shipped_fingerprints_are_those_of_the_migrations() -> None:
    conn = schema.shipped()
    try:
        assert schema.fingerprint(schema.record_objects(conn)) == schema.RECORD_FINGERPRINT
        assert schema.fingerprint(schema.projection_objects(conn)) == schema.PROJECTIONS_FINGERPRINT
    finally:
        conn.close()


def test_every_record_table_is_strict() -> None:
    conn = schema.shipped()
    try:
        tables = {name: strict for _, name, kind, _, _, strict in conn.execute("PRAGMA table_list") if kind == "table"}
        loose = {name for name, strict in tables.items() if not strict and not name.startswith(("sqlite_", "_sqlite"))}
        assert loose == set()
        assert {"event", "outbox", "timeline"} <= tables.keys()
    finally:
        conn.close()


def test_a_second_process_is_told_who_holds_the_store(store: Store) -> None:
    with pytest.raises(StoreBusyFault, match=rf"in use by process {os.getpid()};"):
        open_store(store.folder)


def test_a_lock_file_left_behind_keeps_nobody_out(closed: Path) -> None:
    (closed / "lock").write_text("999999")
    with desk(closed) as (_, record):
        note(record, ONE)


def test_a_store_that_is_not_there_is_not_made_when_it_should_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="There is no store"):
        open_store(tmp_path / "s", create=False)
    assert not (tmp_path / "s").exists()


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        open_store(tmp_path / "s")


def test_a_store_of_a_newer_version_is_refused_and_untouched(closed: Path) -> None:
    _alter(closed, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = record_path(closed).read_bytes()
    with pytest.raises(NewerStoreError, match="store export"):
        open_store(closed)
    assert record_path(closed).read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    _alter(tmp_path / "s", "CREATE TABLE theirs (a)", "PRAGMA application_id = 7")
    with pytest.raises(StoreDamageFault, match="not a record of this program"):
        open_store(tmp_path / "s")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TRIGGER event_never_delete", "'event_never_delete' is missing"),
        ("CREATE TABLE evnet (a TEXT) STRICT", "'evnet' does not belong there"),
        ("ALTER TABLE draft ADD COLUMN more TEXT", "'draft' was altered"),
        ("DROP INDEX event_by_chain", "'event_by_chain' is missing"),
        ("CREATE VIEW evnet AS SELECT 1", "'evnet' does not belong there"),
        ("CREATE TRIGGER odd AFTER INSERT ON event BEGIN SELECT 1; END", "'odd' does not belong there"),
        ("CREATE TRIGGER odd AFTER INSERT ON search_data BEGIN SELECT 1; END", "'odd' does not belong there"),
        ("CREATE TRIGGER odd AFTER INSERT ON _sqlite_migrations BEGIN SELECT 1; END", "'odd' does not belong there"),
    ],
)
def test_an_altered_schema_is_named_and_not_written_to(closed: Path, statement: str, named: str) -> None:
    _alter(closed, statement)
    with pytest.raises(StoreDamageFault, match=named):
        open_store(closed)


def test_a_trigger_that_was_made_harmless_is_named(closed: Path) -> None:
    harmless = "CREATE TRIGGER event_never_delete BEFORE DELETE ON event WHEN 0 BEGIN SELECT RAISE(ABORT, 'no'); END"
    _alter(closed, "DROP TRIGGER event_never_delete", harmless)
    with pytest.raises(StoreDamageFault, match="'event_never_delete' was altered"):
        open_store(closed)


@pytest.mark.parametrize("statement", ["DROP TRIGGER event_is_queued", "DROP TABLE outbox", "DROP INDEX event_by_id"])
def test_a_store_of_an_altered_schema_is_refused_and_can_be_exported(
    closed: Path, tmp_path: Path, statement: str
) -> None:
    _alter(closed, statement)
    with pytest.raises(StoreDamageFault, match="store export"):
        open_store(closed)
    assert export(closed, tmp_path / "out", AT).events == {ONE: 2}


def test_a_store_of_a_newer_version_can_be_exported(closed: Path, tmp_path: Path) -> None:
    _alter(
        closed,
        "CREATE TABLE of_tomorrow (a TEXT) STRICT",
        "CREATE VIEW later AS SELECT a FROM of_tomorrow",
        "ALTER TABLE event ADD COLUMN more TEXT",
        "DROP TABLE fork_evidence",
        "DROP TABLE known_key",
        "PRAGMA foreign_keys = OFF",
        f"PRAGMA user_version = {SCHEMA_VERSION + 7}",
    )
    before = record_path(closed).read_bytes()
    command = [sys.executable, "-m", "console.cli", "store", "--store", str(closed), "export", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{ONE}: 2 events" in done.stdout
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("ascii"))["schema"] == SCHEMA_VERSION + 7
    assert len((tmp_path / "out" / "events" / f"{ONE}.jsonl").read_text("utf-8").splitlines()) == 2
    assert record_path(closed).read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW severity_now",
        "DROP TABLE severity",
        "DROP TABLE search",
        "ALTER TABLE incident ADD COLUMN more TEXT",
        "CREATE INDEX odd ON timeline (actor)",
        "CREATE TRIGGER odd AFTER INSERT ON timeline BEGIN SELECT 1; END",
    ],
)
def test_projections_of_another_shape_are_rebuilt(closed: Path, statement: str) -> None:
    _alter(closed, statement)
    with desk(closed) as (store, _):
        assert verify_store(store.path).faults == ()
        with store.reader() as db:
            assert db.value("SELECT severity FROM incident") == "SEV-1"


def test_projections_of_another_meaning_are_rebuilt(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _alter(closed, "UPDATE timeline SET actor = 'nobody'")
    monkeypatch.setattr(projection_tables, "PROJECTIONS", projection_tables.PROJECTIONS + 1)
    with desk(closed) as (store, _), store.reader() as db:
        assert db.value("SELECT DISTINCT actor FROM timeline") == "ic@example.org"


def test_a_migration_that_fails_leaves_no_half_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("console.store.opening._first_rows", stumble)
        with pytest.raises(ZeroDivisionError):
            open_store(tmp_path / "s")
    with desk(tmp_path / "s") as (store, record):
        note(record, ONE)
        assert verify_store(store.path).faults == ()


def test_opening_a_store_that_exists_imports_nothing_slow(closed: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from console.store.opening import open_store\n"
        f"open_store(Path({str(closed)!r})).close()\n"
        "print(sorted({'sqlite_utils', 'numpy', 'requests', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout == "[]\n"


def test_what_opening_took_is_given_back_when_it_fails(closed: Path) -> None:
    _alter(closed, "DROP TRIGGER event_never_delete")
    for _ in range(3):
        with pytest.raises(StoreDamageFault):
            open_store(closed)

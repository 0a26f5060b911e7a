"""The check of a store finds whatever was altered and names it; an intact store has no faults."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import ConsoleError
from console.store import rows
from console.store._sqlite import Connection, connect_writer
from console.store.blobs import BlobStore
from console.store.opening import record_path
from console.store.verify import verify_store
from tests.fakes.full_store import fill_every_table
from tests.fakes.record_kit import (
    desk,
    new_incident,
)

ONE, TWO = new_incident(1), new_incident(2)
FLIPS = 250


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "store"
    with desk(folder) as (store, record):
        fill_every_table(record, store.blobs)
        report = verify_store(store.path, store.blobs)
        assert report.faults == ()
        assert min(report.counts.values()) > 0, report.counts
    return folder


@pytest.fixture
def folder(full: Path, tmp_path: Path) -> Path:
    shutil.copytree(full, tmp_path / "s")
    return tmp_path / "s"


def _alter(folder: Path, *statements: str) -> None:
    """Changes rows behind the program's back, triggers off."""
    conn = connect_writer(record_path(folder))
    try:
        triggers = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            conn.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            conn.execute(statement)
        for _, sql in triggers:
            conn.execute(sql)
    finally:
        conn.close()


def _faults(folder: Path) -> str:
    return "\n".join(verify_store(record_path(folder), BlobStore(folder / "blobs")).faults)


def _columns() -> list[tuple[str, str]]:
    return [(table, column) for table, columns in rows.COLUMNS.items() for column in columns]


@pytest.mark.parametrize(("table", "column"), _columns())
def test_every_column_of_every_table_is_covered(folder: Path, table: str, column: str) -> None:
    new = "'altered'" if column not in _INTEGERS else "77"
    _alter(
        folder,
        "PRAGMA foreign_keys = OFF",
        f"UPDATE {table} SET {column} = {new} WHERE rowid = (SELECT max(rowid) FROM {table})",
    )
    assert _faults(folder)


_INTEGERS = {
    "n", "incarnation", "seq", "pull", "gpos", "size", "id", "cursor", "largest_size", "exercise", "hlc_n",
    "projections", "generation", "offset_us", "offset_known",
}  # fmt: skip


def test_a_fault_names_the_event(folder: Path) -> None:
    with desk(folder) as (store, _), store.reader() as db:
        event_id = db.value("SELECT event_id FROM event WHERE origin = 'own' ORDER BY n DESC LIMIT 1 OFFSET 2")
    _alter(folder, f"UPDATE event SET canon = replace(canon, 'ic@', 'oc@') WHERE event_id = '{event_id}'")
    assert f"Event {event_id} (number" in _faults(folder)
    assert "was altered: its text does not give its hash" in _faults(folder)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "DELETE FROM event WHERE n = (SELECT n FROM event WHERE seq = 2 AND origin = 'own' LIMIT 1)",
            "one is missing",
        ),
        ("DELETE FROM event WHERE n = 3", "the others are missing"),
        ("DELETE FROM outbox WHERE n = (SELECT max(n) FROM outbox)", "was neither answered for nor queued"),
        ("DELETE FROM journal WHERE gpos = 2", "does not follow position 1"),
        ("DELETE FROM journal WHERE gpos = (SELECT max(gpos) FROM journal)", "not where our copy of the journal ends"),
        ("DELETE FROM sync_state", "state row of the record is missing"),
        ("UPDATE timeline SET actor = 'nobody' WHERE n = 4", "projection 'timeline' is not what the events give"),
        ("DELETE FROM severity", "projection 'severity'"),
        ("DELETE FROM known_key WHERE origin = 'own'", "is not in the record"),
        ("DROP INDEX event_by_chain", "'event_by_chain' is missing"),
    ],
)
def test_what_is_missing_or_shifted_is_told(folder: Path, statement: str, said: str) -> None:
    _alter(folder, "PRAGMA foreign_keys = OFF", statement)
    assert said in _faults(folder)


def test_a_blob_that_was_altered_is_named(folder: Path) -> None:
    path = next((folder / "blobs").glob("??/*"))
    path.chmod(0o600)
    path.write_bytes(b"Ciphertext")
    assert f"The 10 bytes of blob {path.parent.name + path.name} are not the ones" in _faults(folder)


def _contents(conn: Connection) -> list[Any]:
    tables = (*rows.COLUMNS, "outbox")
    return [conn.execute(f"SELECT *, rowid FROM {table} ORDER BY rowid").fetchall() for table in tables]


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(folder: Path) -> None:
    """Every flip is either reported or every stored row still reads as it was written."""
    path = record_path(folder)
    conn = connect_writer(path)
    conn.execute("PRAGMA journal_mode = DELETE")
    before = _contents(conn)
    conn.close()
    original, chance, found = path.read_bytes(), random.Random(4), 0
    written = [place for place, byte in enumerate(original) if byte]  # most of a small file is empty pages
    for place in chance.sample(written, FLIPS):
        damaged = bytearray(original)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            faults = verify_store(path).faults
        except ConsoleError:
            found += 1
            continue
        if faults:
            found += 1
            continue
        conn = connect_writer(path)
        after = _contents(conn)
        conn.close()
        path.with_name(path.name + "-wal").unlink(missing_ok=True)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        assert after == before, f"a flip at byte {place} went unnoticed"
    assert found > FLIPS // 2

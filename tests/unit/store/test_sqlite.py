"""The one place that knows SQLite: how connections are opened, how a transaction ends, what an error says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault
from console.store import _sqlite
from console.store._sqlite import Connection, Immediate, connect_reader, connect_writer
from console.store.faults import StoreBusyFault, StoreDamageFault, StoreMissingError, StoreReadOnlyFault


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some name?.sqlite"


@pytest.fixture
def conn(path: Path) -> Iterator[Connection]:
    opened = connect_writer(path)
    opened.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
    yield opened
    opened.close()


def test_the_writer_is_durable_and_strict(conn: Connection) -> None:
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1,
        "busy_timeout": 5000, "recursive_triggers": 1,
    }  # fmt: skip
    assert {name: conn.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_a_reader_only_reads(conn: Connection, path: Path) -> None:
    reader = connect_reader(path)
    try:
        assert reader.execute("PRAGMA query_only").fetchone()[0] == 1
        with pytest.raises(_sqlite.SqliteError):
            reader.execute("INSERT INTO t VALUES (1, 'x')")
    finally:
        reader.close()


def test_a_reader_does_not_make_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="no record"):
        connect_reader(tmp_path / "missing.sqlite")
    assert not any(tmp_path.iterdir())


def test_an_sqlite_that_can_corrupt_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sqlite, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(EnvironmentFault, match=r"99\.0\.0 or newer is needed"):
        connect_writer(path)
    assert not path.exists()


def test_an_exception_undoes_the_whole_transaction(conn: Connection, path: Path) -> None:
    with contextlib.suppress(KeyError), Immediate(conn, path):
        conn.execute("INSERT INTO t VALUES (1, 'x')")
        raise KeyError
    assert conn.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    assert not conn.in_transaction


def test_a_transaction_takes_the_write_lock_at_once(
    conn: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_EVERY_CONNECTION", ("PRAGMA busy_timeout = 0",))
    other = connect_writer(path)
    try:
        busy = pytest.raises(StoreBusyFault, match="Another program is writing")
        with Immediate(conn, path), busy, Immediate(other, path):
            pass  # pragma: no cover
    finally:
        other.close()


def test_what_is_not_a_database_is_named(path: Path) -> None:
    path.write_bytes(b"this is not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreDamageFault, match="not a record of this program"):
        connect_writer(path)


def test_damage_is_told_as_damage(conn: Connection, path: Path) -> None:
    for n in range(2000):
        conn.execute("INSERT INTO t VALUES (?, ?)", (n, "x" * 100))
    conn.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    again = connect_writer(path)
    try:
        with pytest.raises(StoreDamageFault, match="damaged"), Immediate(again, path):
            again.execute("INSERT INTO t VALUES (5000, 'x')")
    finally:
        again.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnlyFault, match="cannot be opened"):
        connect_writer(tmp_path / "no such folder" / "record.sqlite")


def test_an_error_that_only_a_bug_can_cause_is_left_alone(conn: Connection, path: Path) -> None:
    with pytest.raises(_sqlite.SqliteError, match="no such table"), Immediate(conn, path):
        conn.execute("INSERT INTO nowhere VALUES (1)")

"""The only module of the desk that imports SQLite: opens connections, holds transactions, translates errors.

A second SQLite library on one file in one process corrupts it, so nothing else may import one. Writes happen only
inside `Immediate` (BEGIN IMMEDIATE); never use sqlite-utils' own `atomic()` around them, which begins deferred.
"""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from console.domain.errors import ConsoleError, EnvironmentFault
from console.store.faults import (
    AppendOnlyError,
    BackupTooSlow,
    DiskFullFault,
    StoreBusyFault,
    StoreDamageFault,
    StoreMissingError,
    StoreReadOnlyFault,
)

if TYPE_CHECKING:
    import sqlite3 as engine
    from sqlite3 import Connection
    from sqlite3 import DatabaseError as SqliteError

    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations
else:
    try:
        engine = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        engine = importlib.import_module("sqlite3")
    Connection = engine.Connection
    SqliteError = engine.DatabaseError
    Database = Migrations = Any

__all__ = ["Connection", "Database", "Immediate", "Migrations", "SqliteError"]

SQLITE_FAULTS = (SqliteError, UnicodeDecodeError)
"""What a statement can raise; the second when a damaged name stands in SQLite's own error text."""

OLDEST_SQLITE = (3, 51, 3)
"""From 3.7.0 to 3.51.2 a race at the reset of the write-ahead log can corrupt a database (guides, *SQLite*)."""
BUSY_TIMEOUT_MS = 5_000
FREE_BYTES_THAT_COUNT_AS_FULL = 64 * 1024
_CACHED_STATEMENTS = 256
_STEPS_BETWEEN_LOOKS = 500
"""Steps of SQLite's machine, some hundred rows copied, between two looks at the clock."""

_EVERY_CONNECTION = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)
_WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA recursive_triggers = ON",  # without it INSERT OR REPLACE passes by the append-only triggers
    "PRAGMA journal_size_limit = 33554432",
    "PRAGMA cache_size = -32768",  # the indexes of a large record: without it each page is read again in every turn
)

_FULL, _IOERR, _CANTOPEN = engine.SQLITE_FULL, engine.SQLITE_IOERR, engine.SQLITE_CANTOPEN


def require_sqlite() -> None:
    """Raises EnvironmentFault when the SQLite library is one that can corrupt the record."""
    if engine.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise EnvironmentFault(
            f"This SQLite is {engine.sqlite_version}, which can corrupt a record; {wanted} or newer is needed: "
            "install pysqlite3 0.6.1 or newer into the environment of this program."
        )


def connect_writer(path: Path) -> Connection:
    """The connection that writes, creating the file when it is absent; FULL durability, one thread at a time.

    Raises EnvironmentFault for an SQLite that is too old, and what `translate` makes of SQLite's own errors.
    """
    require_sqlite()
    return _connect(path, "rwc", _WRITER)


def connect_reader(path: Path) -> Connection:
    """A connection that cannot write; raises StoreMissingError when there is no file."""
    require_sqlite()
    if not path.is_file():
        raise StoreMissingError(f"There is no record at {path}; name the folder of a store with --store.")
    return _connect(path, "ro", ("PRAGMA query_only = ON",))


def connect_memory() -> Connection:
    """A database in memory: to build the shipped schema, and to rebuild projections beside the stored ones."""
    require_sqlite()
    return _settled(engine.connect(":memory:", isolation_level=None, cached_statements=_CACHED_STATEMENTS), ())


def vacuum_into(path: Path, copy: Path, within_s: float = 0.0) -> None:
    """Writes the database `path` as it is at this moment, compact, into the new file `copy`.

    The only way to copy one: `cp` and stepped backups can catch it between two states. Raises BackupTooSlow when it is
    not done in `within_s` seconds; 0 waits as long as it takes.
    """
    require_sqlite()
    conn = _connect(path, "ro", ())  # without query_only, which forbids even this
    deadline = time.monotonic() + within_s
    try:
        if within_s:
            conn.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
        conn.execute("VACUUM INTO ?", (str(copy),))
    except SQLITE_FAULTS as error:
        if getattr(error, "sqlite_errorcode", None) == engine.SQLITE_INTERRUPT:
            raise BackupTooSlow(
                f"Copying {path} takes longer than {within_s:g} seconds; make one with `incident-console store backup`."
            ) from error
        raise translate(error, copy) from error
    finally:
        conn.close()


def _connect(path: Path, mode: str, pragmas: tuple[str, ...]) -> Connection:
    try:
        conn = engine.connect(
            f"file:{quote(str(path.resolve()))}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        return _settled(conn, pragmas)
    except SQLITE_FAULTS as error:
        raise translate(error, path) from error


def _settled(conn: Connection, pragmas: tuple[str, ...]) -> Connection:
    try:
        for pragma in (*_EVERY_CONNECTION, *pragmas):
            conn.execute(pragma).fetchall()
    except BaseException:
        conn.close()
        raise
    return conn


def sqlite_utils_database(conn: Connection) -> Database:
    """sqlite-utils on an open connection, for schema and exports; imported here, late, because it is slow to import."""
    module = importlib.import_module("sqlite_utils")
    database: Database = module.Database(conn, execute_plugins=False)
    return database


def sqlite_utils_migrations(name: str) -> Migrations:
    """An empty set of transactional migrations of that name."""
    migrations: Migrations = importlib.import_module("sqlite_utils").Migrations(name)
    return migrations


class Immediate:
    """`with Immediate(conn, path):` is one BEGIN IMMEDIATE; leaves committed, or rolled back by any exception.

    Raises what `translate` makes of an SQLite error, also of one at the commit itself.
    """

    __slots__ = ("_conn", "_path")

    def __init__(self, conn: Connection, path: Path) -> None:
        self._conn, self._path = conn, path

    def __enter__(self) -> None:
        try:
            self._conn.execute("BEGIN IMMEDIATE")
        except SQLITE_FAULTS as error:
            raise translate(error, self._path) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is None:
                self._conn.execute("COMMIT")
                return
        except SQLITE_FAULTS as failed:
            self._undo()
            raise translate(failed, self._path) from failed
        self._undo()
        if isinstance(error, SqliteError):
            raise translate(error, self._path) from error

    def _undo(self) -> None:
        """Rolls back unless SQLite did it already (it does on a full disk)."""
        if self._conn.in_transaction:
            self._conn.execute("ROLLBACK")


def translate(error: Exception, path: Path) -> Exception:
    """The sentence for an SQLite error at `path`; an error that only a bug can cause comes back unchanged."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, UnicodeDecodeError):
        code = engine.SQLITE_CORRUPT
    if isinstance(error, ConsoleError) or code is None:
        return error
    primary = code & 0xFF
    if primary == _FULL or (primary in (_IOERR, _CANTOPEN) and _is_full(path)):
        return DiskFullFault(
            f"The disk that holds {path.parent} is full; free space and try again. "
            "Nothing that was confirmed is lost, and nothing of this step was written."
        )
    if primary == engine.SQLITE_CONSTRAINT and "append-only" in str(error):
        return AppendOnlyError(f"{str(error)[:120]}; what is recorded stays, write a correction as a new event.")
    made = _SENTENCES.get(primary)
    return made[0](made[1].format(path=path, detail=str(error)[:120])) if made else error


_SENTENCES: dict[int, tuple[type[ConsoleError], str]] = {
    engine.SQLITE_BUSY: (
        StoreBusyFault,
        "Another program is writing to {path} and did not finish in time; close it and try again.",
    ),
    engine.SQLITE_LOCKED: (StoreBusyFault, "The record {path} is locked by another reader of this program; try again."),
    engine.SQLITE_READONLY: (
        StoreReadOnlyFault,
        "The record {path} cannot be written; check the permissions of its folder and how the disk is mounted.",
    ),
    engine.SQLITE_PERM: (
        StoreReadOnlyFault,
        "The record {path} cannot be opened with these permissions; check who owns its folder.",
    ),
    engine.SQLITE_CANTOPEN: (
        StoreReadOnlyFault,
        "The record {path} cannot be opened; check that its folder exists and is yours.",
    ),
    engine.SQLITE_CORRUPT: (
        StoreDamageFault,
        "The record {path} is damaged ({detail}); keep a copy, run `store check`, and restore the last backup into a "
        "new folder.",
    ),
    engine.SQLITE_NOTADB: (
        StoreDamageFault,
        "{path} is not a record of this program; name another store, or restore the last backup into a new folder.",
    ),
    _IOERR: (
        EnvironmentFault,
        "The disk that holds {path} does not answer as it should ({detail}); check the disk before going on.",
    ),
}


def _is_full(path: Path) -> bool:
    try:
        state = os.statvfs(path.parent)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < FREE_BYTES_THAT_COUNT_AS_FULL

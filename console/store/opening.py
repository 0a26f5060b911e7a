"""Opens a store folder: the lock, the record file, its version and schema, and everything that is read from there.

A folder holds `record.sqlite`, `blobs/`, `backups/`, `lock` and `ballast`, readable by its owner alone. Whoever writes
opens a `Store` and closes it; readers need no lock and open `Reader.open(record_path(folder))`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from console.domain.errors import InputError
from console.proof.journal import EMPTY_JOURNAL_HASH
from console.store import backup, projection_tables, rows, schema
from console.store._sqlite import Connection, Immediate, connect_reader, connect_writer
from console.store.ballast import Ballast
from console.store.blobs import BlobStore
from console.store.faults import NewerStoreError, StoreDamageFault, StoreMissingError, disk_fault
from console.store.lock import StoreLock
from console.store.migrations import APPLICATION_ID, SCHEMA_VERSION, migrate
from console.store.readers import Reader
from console.store.rebuild import rebuild
from console.store.record import Record
from console.store.transaction import Writer

RECORD_FILE = "record.sqlite"
BLOB_FOLDER = "blobs"


def record_path(folder: Path) -> Path:
    """The record file of a store."""
    return folder / RECORD_FILE


class Store:
    """An open store, held for writing by this process; close it, or use it in a `with`."""

    def __init__(self, folder: Path, conn: Connection, lock: StoreLock) -> None:
        self.folder = folder
        self.path = record_path(folder)
        self.blobs = BlobStore(folder / BLOB_FOLDER)
        self.ballast = Ballast(folder)
        self._conn, self._lock = conn, lock

    def record(self, writer: Writer) -> Record:
        """The handle that actions write through; raises RefusedError when the store belongs to the other world."""
        return Record(self._conn, self.path, writer, self.ballast)

    def reader(self) -> Reader:
        """A query-only connection of its own, for one thread; the caller closes it."""
        return Reader.open(self.path)

    @property
    def conn(self) -> Connection:
        """The writing connection, for the store's own modules."""
        return self._conn

    def close(self) -> None:
        """Closes the record and gives the lock back; calling it again does nothing."""
        self._conn.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def open_store(folder: Path, *, create: bool = True) -> Store:
    """Opens the store in `folder` for writing, made new when it is not there and `create`.

    Raises StoreHeldFault naming the process that holds it, NewerStoreError for a store of a newer version,
    StoreDamageFault when the schema is not ours, StoreMissingError without `create`, EnvironmentFault for the folder.
    An older store is copied into `backups/` before it is migrated; without that copy it is not.
    """
    path = record_path(folder)
    if not create and not path.is_file():
        raise StoreMissingError(f"There is no store in {folder}; name its folder with --store.")
    if path.is_symlink():
        raise InputError(f"{path} is a link; a record is a plain file, name the folder that holds it with --store.")
    _own_folder(folder)
    lock = StoreLock(folder)
    try:
        version = stored_version(path) if path.is_file() else 0
        if 0 < version < SCHEMA_VERSION:
            backup.keep_copy(folder, path, datetime.now(UTC), schema=version)
        conn = connect_writer(path)
        try:
            path.chmod(0o600)
            _bring_up(conn, path, version)
        except BaseException:
            conn.close()
            raise
    except BaseException:
        lock.release()
        raise
    return Store(folder, conn, lock)


def stored_version(path: Path) -> int:
    """The schema version of an existing record file, 0 for an empty one; touches nothing.

    Raises NewerStoreError or StoreDamageFault when this program must not write to it.
    """
    with Reader(connect_reader(path), path) as db:
        application, version = db.value("PRAGMA application_id"), int(db.value("PRAGMA user_version"))
        empty = db.value("SELECT count(*) FROM sqlite_master") == 0
    if empty and application == 0 and version == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreDamageFault(f"{path} is not a record of this program; name another folder with --store.")
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"The store {path.parent} was written by a newer version (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); update this program. `incident-console store export DIR` still reads what is in it."
        )
    return version


def _own_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except FileExistsError as error:
        raise InputError(f"{folder} is a file; a store is a folder, name another one with --store.") from error
    except OSError as error:
        raise disk_fault(error, folder, "the store was not opened") from error


def _bring_up(conn: Connection, path: Path, version: int) -> None:
    """Creates or migrates what is older, compares the schema with the shipped one, rebuilds projections if need be."""
    if version < SCHEMA_VERSION:
        with Immediate(conn, path):
            migrate(conn)
            _first_rows(conn)
    schema.check_record_schema(conn, path)
    sync = rows.one(conn, "sync_state", "id = 1")
    if sync is None:
        raise StoreDamageFault(f"The record {path} has lost its state row; restore the last backup into a new folder.")
    if sync["projections"] != projection_tables.PROJECTIONS or not schema.projections_fit(conn):
        with Immediate(conn, path):
            rebuild(conn)
            rows.replace(conn, "sync_state", sync | {"projections": projection_tables.PROJECTIONS})


def _first_rows(conn: Connection) -> None:
    if rows.one(conn, "sync_state", "id = 1") is not None:
        return
    row: dict[str, str | int] = {
        name: "" for name in rows.COLUMNS["sync_state"] if name not in ("exercise", "cursor_hash")
    }
    row |= dict.fromkeys(("pull", "cursor", "largest_size", "hlc_n", "projections"), 0)
    row |= {"id": 1, "exercise": -1, "cursor_hash": EMPTY_JOURNAL_HASH}
    rows.insert(conn, "sync_state", [row[name] for name in rows.COLUMNS["sync_state"]])

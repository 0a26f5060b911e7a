"""The store as a second window sees it: another process holds the lock and writes; here everything is read only.

Nothing in the folder is touched, no lock is taken, and whatever the writer commits is seen at the next question.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from console.domain.errors import RefusedError
from console.store import projection_tables, schema
from console.store._sqlite import SQLITE_FAULTS, connect_reader, translate
from console.store.blobs import BlobStore, Encrypt, StoredBlob
from console.store.faults import StoreBusyFault
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import BLOB_FOLDER, record_path, stored_version
from console.store.readers import Reader


class ReadOnlyBlobs(BlobStore):
    """Blobs that can be looked at; whatever would store one is refused."""

    def __init__(self, folder: Path, sentence: str) -> None:
        super().__init__(folder)
        self._sentence = sentence

    def put(self, source: BinaryIO, encrypt: Encrypt) -> StoredBlob:
        """Refuses; raises RefusedError."""
        raise RefusedError(self._sentence)


class ReadOnlyStore:
    """A store that process number `holder` ("" when it is not known) writes; `sentence` says so to a person."""

    def __init__(self, folder: Path, holder: str) -> None:
        self.folder, self.holder = folder, holder
        self.path = record_path(folder)
        self.sentence = (
            f"Process {holder or 'unknown'} writes the store {folder}, so this window only reads; "
            "write in that window, or close it and open this one again."
        )
        self.blobs = ReadOnlyBlobs(folder / BLOB_FOLDER, self.sentence)

    def reader(self) -> Reader:
        """A query-only connection of its own, for one thread; the caller closes it."""
        return Reader.open(self.path)

    def close(self) -> None:
        """Nothing is held."""


def open_read_only(folder: Path, holder: str) -> ReadOnlyStore:
    """Opens a store that another process holds.

    Raises StoreBusyFault while that process is still bringing the store up, NewerStoreError and StoreDamageFault as
    `open_store` does.
    """
    store = ReadOnlyStore(folder, holder)
    wait = StoreBusyFault(
        f"Process {holder or 'unknown'} is just opening the store {folder}; wait a moment and try again.", holder
    )
    if not store.path.is_file() or stored_version(store.path) < SCHEMA_VERSION:
        raise wait
    conn = connect_reader(store.path)
    try:
        schema.check_record_schema(conn, store.path)
        made_by = conn.execute("SELECT projections FROM sync_state").fetchone()
        if made_by != (projection_tables.PROJECTIONS,) or not schema.projections_fit(conn):
            raise wait
    except SQLITE_FAULTS as error:
        raise translate(error, store.path) from error
    finally:
        conn.close()
    return store

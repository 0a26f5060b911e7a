"""The child of the power-cut test: appends to a record on a disk whose power goes at a random call, again and again.

    python -m tests.chaos.power_cut FOLDER SEED CUTS SYNCHRONOUS

It runs the desk's own `Record` - its statements, triggers, projections and search - over apsw on `cut_disk`, because
only apsw lets a test be the file system. Two things differ from the real store: `locking_mode = EXCLUSIVE`, since a VFS
in Python has no shared memory (what is written and synced stays the same), and a smaller `wal_autocheckpoint` at times,
so that cuts fall into checkpoints. What survives a cut goes to FOLDER/N with a line of JSON: what was acknowledged.
The parent looks at it with the real store and answers with a line; one SQLite library has a file at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from console.store._sqlite import _EVERY_CONNECTION, _WRITER
from console.store.opening import RECORD_FILE, open_store
from console.store.record import Record
from console.store.transaction import Writer
from tests.chaos.appending import KEY, append_one
from tests.chaos.cut_disk import CutVfs, Disk, PowerCut

LIVES_A_STORE = 8
"""So often the same record goes through a cut before a new one is begun; recovery is cut short like all else."""
MOST_CALLS = 500
AHEAD = 4
"""Cuts that may wait for the parent."""
VFS = "cut"


class Cursor:
    """apsw's cursor with the manners of Python's own."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def description(self) -> Any:
        try:
            return self._cursor.getdescription()
        except apsw.ExecutionCompleteError:
            return ()

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class Connected:
    """apsw's connection with the manners of Python's own, as far as the record asks for them."""

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn

    @property
    def in_transaction(self) -> bool:
        return bool(self._conn.in_transaction)

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        return Cursor(self._conn.cursor().execute(sql, parameters))

    def executemany(self, sql: str, parameters: Any) -> Cursor:
        return Cursor(self._conn.cursor().executemany(sql, parameters))


def one_life(vfs: CutVfs, disk: Disk, chance: random.Random, synchronous: str) -> list[str]:
    """Opens the record and appends until the power goes; returns the ids of the events that were acknowledged."""
    vfs.disk, acknowledged = disk, list[str]()
    checkpoint = chance.choice((10, 40, 1000))
    conn = None
    try:
        conn = apsw.Connection(RECORD_FILE, vfs=VFS)
        for pragma in ("PRAGMA locking_mode = EXCLUSIVE", *_EVERY_CONNECTION, *_WRITER):
            conn.execute(pragma).fetchall()
        conn.execute(f"PRAGMA synchronous = {synchronous}")
        conn.execute(f"PRAGMA wal_autocheckpoint = {checkpoint}")
        writer = Writer(
            device_key=KEY, clock=lambda: datetime.now(UTC), random10=lambda: chance.randbytes(10),
            policy_hash="ab" * 32, exercise=True,
        )  # fmt: skip
        record = Record(Connected(conn), Path(RECORD_FILE), writer)  # type: ignore[arg-type]
        while True:
            with record.transaction() as tx:
                ids = [append_one(tx, chance) for _ in range(chance.choice((1, 1, 1, 5, 10)))]
                tx.save_draft("k", ids[0], "note", "half a thought")
            acknowledged += ids
    except (PowerCut, apsw.Error):
        if not disk.cut:
            raise
    finally:
        if conn is not None:
            with contextlib.suppress(PowerCut, apsw.Error):  # its roll-back finds no power either
                conn.close(True)
    return acknowledged


def main(folder: Path, seed: int, cuts: int, synchronous: str) -> None:
    """Cuts the power `cuts` times."""
    with open_store(folder / "empty") as store:
        path = store.path
    fresh = {RECORD_FILE: path.read_bytes()}
    vfs = CutVfs(VFS)
    chance = random.Random(seed)
    files, before = fresh, list[str]()
    for cut in range(cuts):
        if cut % LIVES_A_STORE == 0:
            files, before = fresh, []
        disk = Disk(files, chance.randint(1, MOST_CALLS), chance)
        before = before + one_life(vfs, disk, chance, synchronous)
        undecided = disk.undecided
        files = disk.after_cut()
        found = folder / str(cut)
        found.mkdir()
        for name, data in files.items():
            (found / name).write_bytes(data)
        line = {"cut": cut, "acknowledged": before, "undecided": undecided}
        os.write(1, json.dumps(line).encode("ascii") + b"\n")
        if cut >= AHEAD:
            sys.stdin.readline()
        if synchronous != "FULL":
            before = []  # what was lost is counted once
    for _ in range(min(cuts, AHEAD)):
        sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

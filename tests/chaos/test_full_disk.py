"""A disk that is really full: one sentence, nothing acknowledged is lost, and all goes on once there is space again.

Needs root, to mount a small file system in memory; without it the test is skipped and says so.
"""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.proof.envelope import SignedEvent
from console.runtime.writer import RecordWriter
from console.store.archive import backup
from console.store.ballast import LOOK_AGAIN_S
from console.store.blobs import copy_as_is
from console.store.exporting import export
from console.store.faults import DiskFullFault
from console.store.opening import Store
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import append, desk, new_incident, note

ONE = new_incident(1)
AT = "2026-01-31T15:00:00.000000Z"
SIZE = "8m"


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of 8 MiB, too small for a ballast, or of the size that the test names."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: filling a real disk needs root (mount -t tmpfs); run this one as root")
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', SIZE)}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: no file system could be mounted here ({mounted.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # also when a failed test left a file open


def _fill(disk: Path) -> Path:
    """Takes all the space that is left, to the last byte."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def _append_until_full(record: Record) -> list[SignedEvent]:
    acknowledged: list[SignedEvent] = []
    for n in range(20_000):
        try:
            acknowledged.append(note(record, ONE, f"note {n} " + "x" * 400))
        except DiskFullFault:
            return acknowledged
    raise AssertionError("the disk never filled up")


def _write_until_full(writer: RecordWriter, acknowledged: list[SignedEvent]) -> None:
    """Adds to `acknowledged` what was written before the fault."""
    for _ in range(1_000):
        big = writer.submit(lambda record: note(record, ONE, "x" * 50_000)).result(10)
        acknowledged.append(big)


def _all_there(store: Store, acknowledged: list[SignedEvent]) -> None:
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [event.hash for event in acknowledged]
    assert verify_store(store.path).faults == ()


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    spare = small_disk / "spare"
    spare.write_bytes(b"\0" * 1024 * 1024)
    with desk(small_disk / "store") as (store, record):
        acknowledged = _append_until_full(record)
        assert len(acknowledged) > 100
        filler = _fill(small_disk)
        for _ in range(3):
            with pytest.raises(DiskFullFault, match="is full; free space"):
                append(record, "severity.graded", ONE, reasons=["x" * 5000])
        _all_there(store, acknowledged)
        filler.unlink()
        spare.unlink()
        acknowledged.append(note(record, ONE))
        _all_there(store, acknowledged)
    with desk(small_disk / "store") as (store, _):
        _all_there(store, acknowledged)


@pytest.mark.parametrize("small_disk", ["64m"], indirect=True)
def test_the_last_changes_are_written_with_the_ballast(small_disk: Path) -> None:
    told: list[str] = []
    with desk(small_disk / "store") as (store, record):
        writer = RecordWriter(record, tell=told.append)
        writer.start()
        writer.submit(lambda record: note(record, ONE, "before")).result(10)
        assert store.ballast.held
        filler = _fill(small_disk)
        acknowledged = [writer.submit(lambda record: note(record, ONE, "x" * 400)).result(10) for _ in range(3_000)]
        assert told == [store.ballast.sentence]
        assert not store.ballast.held
        _fill(small_disk)
        with pytest.raises(DiskFullFault):
            _write_until_full(writer, acknowledged)
        filler.unlink()
        acknowledged.append(writer.submit(lambda record: note(record, ONE, "after")).result(10))
        store.ballast.keep(time.monotonic() + LOOK_AGAIN_S)
        assert store.ballast.held
        writer.stop()
        assert len(told) == 1
        with store.reader() as db:
            assert [event.hash for event in db.events(ONE)][1:] == [event.hash for event in acknowledged]
        assert verify_store(store.path).faults == ()


def test_blobs_backups_and_exports_leave_nothing_on_a_full_disk(small_disk: Path) -> None:
    with desk(small_disk / "store") as (store, record):
        note(record, ONE)
        with pytest.raises(DiskFullFault, match="is full"):
            store.blobs.put(io.BytesIO(b"x" * 16 * 1024 * 1024), copy_as_is)
        filler = _fill(small_disk)
        for attempt in (backup, export):
            with pytest.raises(DiskFullFault, match="is full"):
                attempt(store.folder, small_disk / "made", AT)
        filler.unlink()
        assert sorted(path.name for path in small_disk.iterdir()) == ["store"]
        assert list(store.blobs.names()) == []
        assert not any((store.folder / "blobs" / "incoming").iterdir())
        assert verify_store(store.path).faults == ()


def test_a_store_cannot_be_made_on_a_full_disk_and_can_later(small_disk: Path) -> None:
    filler = _fill(small_disk)
    with pytest.raises(DiskFullFault, match="is full"), desk(small_disk / "store"):
        pass
    filler.unlink()
    with desk(small_disk / "store") as (store, record):
        event = note(record, ONE)
        _all_there(store, [event])

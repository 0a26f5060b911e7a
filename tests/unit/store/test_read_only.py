"""A second window reads what another process writes, changes nothing, and refuses every act by naming that process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.runtime.desk import Desk, DeskSettings
from console.store._sqlite import connect_writer
from console.store.blobs import copy_as_is
from console.store.faults import NewerStoreError, StoreBusyFault, StoreDamageFault, StoreHeldFault
from console.store.lock import StoreLock
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import open_store, record_path
from console.store.read_only import open_read_only
from tests.fakes.record_kit import desk, key_of, new_incident, note
from tests.waiting import wait_until

ONE = new_incident(1)
ROOT = Path(__file__).parents[3]
WRITING = """
import sys
from pathlib import Path
from tests.fakes.record_kit import append, desk, new_incident, note
with desk(Path(sys.argv[1])) as (store, record):
    append(record, "incident.opened", new_incident(1), title="Ungrounded advice", severity="SEV-1")
    print("ready", flush=True)
    for line in sys.stdin:
        note(record, new_incident(1), line.strip())
        print("written", flush=True)
"""


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the store and writes a note for every line it is given."""
    command = [sys.executable, "-c", WRITING, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(20)


def _write(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "written\n"


def _settings(folder: Path, second_window: bool = True) -> DeskSettings:
    return DeskSettings(folder=folder, device_key=key_of(10), exercise=True, second_window=second_window)


def test_a_second_window_of_another_process_reads_follows_and_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with writing(folder) as other:
        heard: list[Changes] = []
        window = Desk(_settings(folder))
        window.on_changes(heard.append)
        with window:
            assert f"Process {other.pid} writes" in window.read_only
            assert (window.connection.state, window.connection.sentence) == ("reading", window.read_only)
            for act in (
                lambda: window.act(note, ONE),
                lambda: window.errand(lambda _: None),
                lambda: window.blobs.put(io.BytesIO(b"x"), copy_as_is),
            ):
                with pytest.raises(RefusedError, match=f"Process {other.pid} writes"):
                    act()
            _write(other, "seen from the other window")
            wait_until(lambda: any(changes.touches("timeline", ONE) for changes in heard))
            assert "seen from the other window" in window.query(lambda db: db.events(ONE)[-1].canon)
        _write(other, "and it goes on")
    with desk(folder) as (store, _), store.reader() as db:
        assert len(db.events(ONE)) == 3


def test_a_window_that_may_not_be_second_is_refused_by_name(tmp_path: Path) -> None:
    with writing(tmp_path / "store") as other:
        with pytest.raises(StoreHeldFault, match=f"in use by process {other.pid};") as caught:
            Desk(_settings(tmp_path / "store", second_window=False)).start()
        assert caught.value.holder == str(other.pid)


def test_a_window_writes_when_nobody_else_does(tmp_path: Path) -> None:
    with Desk(_settings(tmp_path / "store")) as alone:
        assert alone.read_only == ""
        alone.act(note, ONE).result(5)


def _times(folder: Path) -> dict[str, int]:
    """When each file was changed; the shared memory of the log is where readers say that they read."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.endswith("-shm")}


def test_nothing_in_the_folder_is_changed_by_reading(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (store, record):
        note(record, ONE)
        before = _times(store.folder)
        with open_read_only(store.folder, str(os.getpid())).reader() as db:
            assert len(db.events(ONE)) == 1
        assert _times(store.folder) == before


def test_a_store_that_is_just_being_made_is_to_be_waited_for(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path)
    try:
        with pytest.raises(StoreBusyFault, match="just opening the store"):
            open_read_only(tmp_path, "7")
        with pytest.raises(StoreBusyFault, match="just opening the store"):
            Desk(_settings(tmp_path)).start()
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (f"PRAGMA user_version = {SCHEMA_VERSION + 1}", NewerStoreError),
        ("DROP TRIGGER event_never_delete", StoreDamageFault),
        ("DROP VIEW severity_now", StoreBusyFault),
    ],
)
def test_what_does_not_fit_is_refused_as_ever(tmp_path: Path, statement: str, fault: type[Exception]) -> None:
    with open_store(tmp_path / "store"):
        pass
    conn = connect_writer(record_path(tmp_path / "store"))
    conn.execute(statement)
    conn.close()
    with pytest.raises(fault):
        open_read_only(tmp_path / "store", "7")

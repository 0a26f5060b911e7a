"""The desk's own copies: dated, skipped when nothing changed, few, and good for a restore."""

from __future__ import annotations

import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.store import backup, opening
from console.store._sqlite import Connection, vacuum_into
from console.store.archive import restore
from console.store.blobs import copy_as_is
from console.store.faults import BackupTooSlow
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import Store, open_store
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.full_store import fill_every_table
from tests.fakes.record_kit import desk, new_incident, note

ONE = new_incident(1)
NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def _copy(store: Store, now: datetime) -> Path | None:
    return backup.keep_copy(store.folder, store.path, now)


def test_a_copy_is_dated_private_whole_and_intact(store: Store, record: Record) -> None:
    fill_every_table(record, store.blobs)
    made = _copy(store, NOON)
    assert made is not None
    assert made.parent == store.folder / "backups"
    assert made.name.startswith("record-20260131T120000Z-")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert verify_store(made, store.blobs) == verify_store(store.path, store.blobs)
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_nothing_new_makes_no_copy(store: Store, record: Record) -> None:
    note(record, ONE)
    assert _copy(store, NOON) is not None
    assert _copy(store, NOON + timedelta(hours=1)) is None
    assert len(backup.kept(store.folder)) == 1


@pytest.mark.parametrize("kind", ["note", "draft", "alarm", "settled"])
def test_whatever_is_written_makes_the_next_copy(store: Store, record: Record, kind: str) -> None:
    with record.transaction() as tx:
        alarm = tx.raise_alarm("clock", "The clock is wrong.")
        tx.save_draft("k", ONE, "note", "half")
    _copy(store, NOON)
    if kind == "note":
        note(record, ONE)
    else:
        with record.transaction() as tx:
            if kind == "draft":
                tx.save_draft("k", ONE, "note", "half a thought")
            elif kind == "alarm":
                tx.raise_alarm("clock", "The clock is wrong again.")
            else:
                tx.settle_alarm(alarm)
    assert _copy(store, NOON + timedelta(hours=1)) is not None


def test_the_newest_three_and_one_of_each_of_seven_days_are_kept(store: Store, record: Record) -> None:
    for day in range(12):
        for hour in (1, 2, 3):
            note(record, ONE)
            _copy(store, NOON + timedelta(days=day, hours=hour))
    stamps = [path.name[7:18] for path in backup.kept(store.folder)]
    last = [f"202602{day:02d}T15" for day in range(11, 4, -1)]
    assert stamps == [last[0], "20260211T14", "20260211T13", *last[1:]]


def test_what_a_killed_copy_left_is_swept_and_other_files_stay(store: Store, record: Record) -> None:
    note(record, ONE)
    left = store.folder / "backups" / ".record-1.sqlite.abc"
    left.mkdir(parents=True)
    (left / "part").write_bytes(b"x")
    (store.folder / "backups" / "mine.txt").write_text("mine")
    _copy(store, NOON)
    assert not left.exists()
    assert (store.folder / "backups" / "mine.txt").exists()


def test_a_copy_that_takes_too_long_is_given_up_and_leaves_nothing(store: Store, record: Record) -> None:
    with record.transaction() as tx:
        for n in range(2000):
            tx.save_draft(str(n), ONE, "note", "x" * 2000)
    with pytest.raises(BackupTooSlow, match="takes longer"):
        vacuum_into(store.path, store.folder / "copy", 1e-9)
    with pytest.raises(BackupTooSlow):
        backup.keep_copy(store.folder, store.path, NOON, within_s=1e-9)
    assert list((store.folder / "backups").iterdir()) == []
    assert verify_store(store.path).faults == ()


def test_a_failure_is_told_at_the_next_start_and_once(
    store: Store, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    with record.transaction() as tx:
        for n in range(2000):
            tx.save_draft(str(n), ONE, "note", "x" * 2000)
    monkeypatch.setattr(backup, "AT_QUIT_S", 1e-9)
    made, sentence = backup.try_to_keep(store.folder, store.path, NOON)
    assert made is None
    assert sentence.startswith("No backup")
    assert backup.last_failure(store.folder) == sentence
    assert backup.last_failure(store.folder) == ""


def test_a_later_copy_makes_the_failure_forgotten(store: Store, record: Record) -> None:
    note(record, ONE)
    backup.remember_failure(store.folder, "No backup.")
    _copy(store, NOON)
    assert backup.last_failure(store.folder) == ""


def test_a_copy_restores_into_a_new_folder_with_its_blobs(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (store, record):
        fill_every_table(record, store.blobs)
        made = _copy(store, NOON)
        before = verify_store(store.path, store.blobs)
    assert made is not None
    assert restore(made, tmp_path / "again").counts == before.counts
    with desk(tmp_path / "again") as (again, record):
        assert record.incarnation == 2
        note(record, ONE)
        assert verify_store(again.path, again.blobs).faults == ()


def test_a_copy_whose_blobs_are_gone_is_not_restored(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (store, record):
        fill_every_table(record, store.blobs)
        made = _copy(store, NOON)
    assert made is not None
    (tmp_path / "elsewhere").mkdir()
    alone = made.rename(tmp_path / "elsewhere" / made.name)
    with pytest.raises(Exception, match=r"The blob .* is not in"):
        restore(alone, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_database_of_somebody_else_is_not_restored(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "theirs.sqlite") as conn:
        conn.execute("CREATE TABLE theirs (a)")
    conn.close()
    with pytest.raises(Exception, match="not a record of this program"):
        restore(tmp_path / "theirs.sqlite", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_an_older_store_is_copied_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk(tmp_path / "store") as (store, record):
        note(record, ONE)

    def migrate(conn: Connection) -> None:
        assert [path.name for path in backup.kept(tmp_path / "store")] != []
        raise InputError("The step fails.")

    monkeypatch.setattr(opening, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(opening, "migrate", migrate)
    with pytest.raises(InputError, match="The step fails"):
        open_store(tmp_path / "store")
    (kept,) = backup.kept(tmp_path / "store")
    assert f"-schema{SCHEMA_VERSION}-" in kept.name
    assert verify_store(kept).faults == verify_store(store.path).faults == ()


def test_blobs_are_not_copied_again(store: Store, record: Record) -> None:
    import io

    store.blobs.put(io.BytesIO(b"x" * 4_000_000), copy_as_is)
    note(record, ONE)
    made = _copy(store, NOON)
    assert made is not None
    assert made.stat().st_size < 1_000_000

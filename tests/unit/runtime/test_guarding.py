"""The desk watches over its record: damage is said and kept as an alarm, quitting never waits, the day is backed up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.runtime.desk import Desk, DeskSettings
from console.store import backup
from console.store._sqlite import connect_writer
from console.store.opening import record_path
from console.store.readers import Reader
from console.store.record import Record
from tests.fakes.record_kit import COMMANDER, body_of, desk, key_of, new_incident, note
from tests.waiting import wait_until

ONE = new_incident(1)
NEVER = 3600.0


def _desk(folder: Path, after_s: float = NEVER) -> Desk:
    return Desk(DeskSettings(folder=folder, device_key=key_of(10), exercise=True, check_after_s=after_s))


def _many(record: Record, count: int) -> None:
    with record.transaction() as tx:
        for n in range(count):
            tx.append("note.added", ONE, body_of("note.added", text=f"note {n}"), actor=COMMANDER)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    with desk(tmp_path / "store") as (store, record):
        _many(record, 20)
    conn = connect_writer(store.path)
    try:
        conn.execute("DROP TRIGGER event_never_update")
        conn.execute("UPDATE event SET canon = replace(canon, 'note 7', 'note 8') WHERE canon LIKE '%note 7%'")
        conn.execute(
            "CREATE TRIGGER event_never_update BEFORE UPDATE ON event "
            "BEGIN SELECT RAISE(ABORT, 'the table event is append-only'); END"
        )
    finally:
        conn.close()
    return tmp_path / "store"


def _alarms(db: Reader) -> list[tuple[str, str]]:
    return [(kind, sentence) for kind, sentence in db.tuples("SELECT kind, sentence FROM alarm WHERE settled_at = ''")]


def test_damage_is_said_in_one_sentence_and_kept_as_an_alarm(
    damaged: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("The record of this desk is damaged")
    heard: list[str] = []
    opened = _desk(damaged, 0.0)
    opened.on_notice(heard.append)
    with opened:
        wait_until(lambda: heard)
        wait_until(lambda: opened.query(_alarms))
        ((kind, sentence),) = opened.query(_alarms)
        assert (kind, [sentence]) == ("damage", heard)
        assert "was altered: its text does not give its hash" in sentence
        assert opened.connection.state == "offline"
    with opened:
        wait_until(lambda: len(heard) == 2)
        assert len(opened.query(_alarms)) == 1
    assert backup.kept(damaged) == []


def test_an_intact_record_raises_nothing(tmp_path: Path) -> None:
    heard: list[str] = []
    opened = _desk(tmp_path / "store", 0.0)
    opened.on_notice(heard.append)
    with opened:
        opened.act(_many, 500).result(10)
        wait_until(lambda: opened._guard is not None and opened._guard.finished)
        assert opened.query(_alarms) == []
    assert heard == []


def test_quitting_does_not_wait_for_the_check(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (_, record):
        _many(record, 4_000)
    opened = _desk(tmp_path / "store", 0.0)
    opened.start()
    guard = opened._guard
    assert guard is not None
    begun = time.monotonic()
    guard.stop()
    took = time.monotonic() - begun
    assert not guard.finished
    opened.stop()
    assert took < 0.2


def test_the_writer_does_not_wait_for_the_check(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (_, record):
        _many(record, 4_000)
    opened = Desk(DeskSettings(folder=tmp_path / "store", device_key=key_of(11), exercise=True, check_after_s=0.0))
    with opened:
        written = 0
        while opened._guard is not None and not opened._guard.finished:
            opened.act(note, ONE).result(5)
            written += 1
        assert written > 10


def test_the_day_is_backed_up_at_quit_and_only_when_something_was_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "store"
    with _desk(folder) as opened:
        opened.act(note, ONE).result(5)
    (made,) = backup.kept(folder)
    assert f"backup at quit: {made.name}" in caplog.text
    with Reader.open(made) as db:
        assert len(db.events(ONE)) == 1
    with _desk(folder):
        pass
    assert backup.kept(folder) == [made]
    assert "nothing changed since the last one" in caplog.text


def test_a_backup_that_fails_is_one_notice_and_said_again_at_the_next_start(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("No backup of the store was made")
    heard: list[str] = []
    folder = tmp_path / "store"
    opened = _desk(folder)
    opened.on_notice(heard.append)
    with opened:
        opened.act(note, ONE).result(5)
        (folder / "backups").write_text("not a folder")
    assert len(heard) == 1
    with Reader.open(record_path(folder)) as db:
        assert len(db.events(ONE)) == 1


def test_a_desk_has_its_ballast(tmp_path: Path) -> None:
    with _desk(tmp_path / "store"):
        wait_until((tmp_path / "store" / "ballast").exists)

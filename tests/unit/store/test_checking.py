"""The check of a record in use: page by page, no transaction between, and everything that was altered is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from console.actions.evidence import seal_evidence
from console.domain.errors import RefusedError
from console.store import rows
from console.store._sqlite import connect_writer
from console.store.checking import check_in_pages
from console.store.opening import open_store, record_path
from console.store.readers import Reader
from console.store.verify import incident_faults
from tests.fakes.full_store import fill_every_table
from tests.fakes.record_kit import COMMANDER, START, Clock, append, desk, new_incident, note, writer_of

ONE, TWO = new_incident(1), new_incident(2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with desk(tmp_path / "store") as (store, record):
        fill_every_table(record, store.blobs)
        for n in range(30):
            note(record, (ONE, TWO)[n % 2], f"note {n}")
    return tmp_path / "store"


def _alter(folder: Path, *statements: str) -> None:
    conn = connect_writer(record_path(folder))
    try:
        triggers = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (
            *(f"DROP TRIGGER {name}" for name, _ in triggers),
            *statements,
            *(sql for _, sql in triggers),
        ):
            conn.execute(statement)
    finally:
        conn.close()


def _faults(folder: Path, page: int = 7) -> list[str]:
    with Reader.open(record_path(folder)) as db:
        return [fault for found in check_in_pages(db, page) for fault in found]


@pytest.mark.parametrize("page", [1, 7, 10_000])
def test_an_intact_record_has_no_faults(folder: Path, page: int) -> None:
    assert _faults(folder, page) == []


@pytest.mark.parametrize("table", sorted(set(rows.COLUMNS)))
def test_an_altered_row_of_any_table_is_found(folder: Path, table: str) -> None:
    column = next(name for name in reversed(rows.COLUMNS[table][: rows.CHECKED[table]]) if name != "n")
    _alter(folder, f"UPDATE {table} SET {column} = {column} || '1' WHERE rowid = (SELECT max(rowid) FROM {table})")
    assert any(f"'{table}' was altered" in fault for fault in _faults(folder))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE event SET canon = replace(canon, 'note 7', 'note 8') WHERE canon LIKE '%note 7%'", "does not give"),
        ("UPDATE event SET sig = (SELECT sig FROM event WHERE n = 1) WHERE n = (SELECT max(n) FROM event)", "altered"),
        ("DELETE FROM event WHERE n = (SELECT max(n) - 3 FROM event)", "is missing"),
        ("UPDATE journal SET journal_hash = printf('%064d', 0) WHERE gpos = 1", "does not follow position 0"),
    ],
)
def test_what_was_changed_behind_its_back_is_named(folder: Path, statement: str, said: str) -> None:
    _alter(folder, "PRAGMA foreign_keys = OFF", statement)
    assert said in "\n".join(_faults(folder))


def test_a_chain_with_a_forged_end_is_found_though_its_check_value_is_right(folder: Path) -> None:
    conn = connect_writer(record_path(folder))
    row = rows.one(conn, "event", "n = (SELECT max(n) FROM event)")
    assert row is not None
    forged = [*(row | {"sig": "A" * 86 + "=="}).values()]
    conn.close()
    check = rows.row_check("event", forged).hex()
    _alter(folder, f"UPDATE event SET sig = '{'A' * 86}==', row_check = x'{check}' WHERE n = {row['n']}")
    (fault,) = _faults(folder)
    assert fault.endswith("its signature is not that of its device.")


def test_a_page_that_cannot_be_read_is_a_fault_and_ends_the_check(folder: Path) -> None:
    _alter(folder, "ALTER TABLE receipt RENAME COLUMN problem TO odd")
    with Reader.open(record_path(folder)) as db:
        *_, last = check_in_pages(db)
    assert len(last) == 1


def test_what_is_written_meanwhile_is_no_fault_and_nothing_waits(folder: Path) -> None:
    tomorrow = Clock(START + timedelta(days=1))
    with open_store(folder) as store, store.reader() as db:
        record, faults = store.record(writer_of(11, clock=tomorrow)), list[str]()
        for n, found in enumerate(check_in_pages(db, 5)):
            faults += found
            assert not db.conn.in_transaction
            if n < 20:
                note(record, ONE, f"meanwhile {n}")
                with record.transaction() as tx:
                    tx.save_draft("k", ONE, "note", f"{n}")
                assert store.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert faults == []


def test_an_incident_whose_chain_does_not_hold_is_not_sealed(folder: Path) -> None:
    with desk(folder) as (_, record):
        append(record, "evidence.captured", ONE, item="i", seal=1, index=0, leaf="ab" * 32)
    _alter(folder, "UPDATE event SET canon = replace(canon, 'note 16', 'note 15') WHERE canon LIKE '%note 16%'")
    with desk(folder) as (store, record):
        with record.transaction() as tx:
            assert incident_faults(tx, TWO) == ()
            assert len(incident_faults(tx, ONE)) == 1
        count = store.conn.execute("SELECT count(*) FROM event").fetchone()
        with pytest.raises(RefusedError, match=r"nothing was sealed: Event .* was altered"):
            seal_evidence(record, ONE, "origin", COMMANDER, START)
        assert store.conn.execute("SELECT count(*) FROM event").fetchone() == count

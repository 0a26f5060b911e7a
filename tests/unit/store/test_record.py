"""Appending: chained, signed, projected, queued - all of it or nothing."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.domain.changes import Changes
from console.domain.errors import InputError, RefusedError
from console.proof.chain import ChainHead, verify_chain
from console.store.faults import AppendOnlyError
from console.store.opening import Store, open_store
from console.store.readers import Reader
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    POLICY,
    Clock,
    append,
    body_of,
    desk,
    key_of,
    new_incident,
    note,
    writer_of,
)

ONE, TWO = new_incident(1), new_incident(2)


def _all(store: Store, sql: str) -> list[tuple[object, ...]]:
    with store.reader() as db:
        return db.tuples(sql)


def test_events_of_an_incident_form_one_signed_chain(store: Store, record: Record) -> None:
    written = [note(record, ONE, f"note {n}") for n in range(5)]
    with store.reader() as db:
        kept = db.events(ONE)
    assert [event.canon for event in kept] == [event.canon for event in written]
    assert verify_chain(kept, key_of(10).public_hex) == ChainHead(5, written[-1].hash)
    assert [event.envelope.policy_hash for event in kept] == [POLICY] * 5


def test_each_incident_has_a_chain_of_its_own(record: Record) -> None:
    events = [note(record, incident) for incident in (ONE, TWO, ONE, TWO)]
    assert [event.envelope.seq for event in events] == [1, 1, 2, 2]


def test_an_event_enters_the_outbox_and_the_timeline_in_its_own_transaction(store: Store, record: Record) -> None:
    event = note(record, ONE)
    assert _all(store, "SELECT event_id FROM outbox JOIN event USING (n)") == [(event.envelope.event_id,)]
    assert _all(store, "SELECT event_id, status FROM timeline") == [(event.envelope.event_id, "pending")]


def test_a_transaction_that_fails_leaves_nothing_and_the_chain_goes_on(store: Store, record: Record) -> None:
    first = note(record, ONE)
    with contextlib.suppress(ZeroDivisionError), record.transaction() as tx:
        tx.append("note.added", ONE, body_of("note.added", text="never"), actor=COMMANDER)
        raise ZeroDivisionError
    second = note(record, ONE)
    assert second.envelope.prev_hash == first.hash
    assert _all(store, "SELECT count(*) FROM event") == [(2,)]
    assert verify_store(store.path).faults == ()


def test_several_events_of_one_transaction_are_chained(record: Record) -> None:
    with record.transaction() as tx:
        first = tx.append("note.added", ONE, body_of("note.added"), actor=COMMANDER)
        second = tx.append("note.added", ONE, body_of("note.added"), actor=COMMANDER)
    assert second.envelope.prev_hash == first.hash
    assert tx.changes == Changes(
        frozenset({ONE}), frozenset({"timeline", "sync"}), (first.envelope.event_id, second.envelope.event_id)
    )


def test_a_body_that_its_type_may_not_hold_is_refused(store: Store, record: Record) -> None:
    with pytest.raises(InputError, match="happened_at"), record.transaction() as tx:
        tx.append("note.added", ONE, {"text": "no time"}, actor=COMMANDER)
    assert _all(store, "SELECT count(*) FROM event") == [(0,)]


def test_what_a_person_must_sign_is_refused_without_their_key(record: Record) -> None:
    with pytest.raises(RefusedError, match=r"ic@example\.org"), record.transaction() as tx:
        tx.append("incident.closed", ONE, body_of("incident.closed"), actor=replace(COMMANDER, key=None))
    signed = append(record, "incident.closed", ONE)
    assert signed.verify(key_of(10).public_hex, PERSON.public_hex)


def test_the_logical_clock_never_goes_back_when_the_wall_clock_does(tmp_path: Path) -> None:
    clock = Clock()
    with open_store(tmp_path / "s") as store:
        record = store.record(writer_of(clock=clock))
        before = note(record, ONE).envelope.hlc
        clock.now -= timedelta(hours=1)
        after = note(record, ONE).envelope.hlc
    with open_store(tmp_path / "s") as store:
        again = note(store.record(writer_of(clock=clock)), ONE).envelope.hlc
    assert before < after < again


def test_a_store_opened_again_continues_its_chains(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (_, record):
        first = note(record, ONE)
    with desk(tmp_path / "s") as (store, record):
        second = note(record, ONE)
        assert second.envelope.seq == 2
        assert second.envelope.prev_hash == first.hash
        assert verify_store(store.path).faults == ()


def test_a_new_incarnation_starts_new_chains(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (_, record):
        note(record, ONE)
        with record.transaction() as tx:
            tx.begin_incarnation(0)
        assert tx.incarnation == 2
        event = note(record, ONE).envelope
        assert (event.incarnation, event.seq) == (2, 1)
    with desk(tmp_path / "s") as (_, record):
        assert note(record, ONE).envelope.seq == 2
        assert record.incarnation == 2


@pytest.mark.parametrize("table", ["event", "journal", "receipt", "fork_evidence", "observation", "checkpoint"])
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_what_is_recorded_cannot_be_changed(store: Store, record: Record, table: str, verb: str) -> None:
    columns = [row[1] for row in store.conn.execute(f"PRAGMA table_info({table})")]
    values = {"row_check": b"x"} | dict.fromkeys(("n", "seq", "pull", "gpos", "size", "incarnation"), 1)
    row = [values.get(name, "1") for name in columns]
    with record.transaction() as tx:
        tx.conn.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", row)
    sql = f"DELETE FROM {table}" if verb == "DELETE" else f"UPDATE {table} SET row_check = x'00'"
    with pytest.raises(AppendOnlyError, match=table), record.transaction() as tx:
        tx.conn.execute(sql)


def test_replacing_an_event_is_changing_it(store: Store, record: Record) -> None:
    note(record, ONE)
    with pytest.raises(AppendOnlyError), record.transaction() as tx:
        tx.conn.execute("INSERT OR REPLACE INTO event SELECT * FROM event")


def test_a_transaction_inside_a_transaction_is_a_bug(record: Record) -> None:
    with record.transaction(), pytest.raises(RuntimeError, match="inside"), record.transaction():
        pass  # pragma: no cover
    note(record, ONE)


def test_a_transaction_is_dead_once_left(record: Record) -> None:
    with record.transaction() as tx:
        pass
    with pytest.raises(AttributeError):
        tx.append("note.added", ONE, body_of("note.added"), actor=COMMANDER)


def test_threads_write_one_after_the_other(store: Store, record: Record) -> None:
    def work() -> None:
        for _ in range(10):
            note(record, ONE)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify_store(store.path).faults == ()
    assert _all(store, "SELECT max(seq) FROM event") == [(40,)]


def test_a_transaction_reads_what_it_has_written_and_others_do_not(store: Store, record: Record) -> None:
    with record.transaction() as tx, store.reader() as db:
        tx.append("note.added", ONE, body_of("note.added"), actor=COMMANDER)
        count = "SELECT count(*) FROM timeline"
        assert (tx.value(count), db.value(count)) == (1, 0)


def test_a_reader_cannot_write(store: Store) -> None:
    with store.reader() as db, pytest.raises(Exception, match="cannot be written"):
        db.rows("DELETE FROM draft")


def test_a_record_of_an_exercise_is_not_used_for_production(tmp_path: Path) -> None:
    with desk(tmp_path / "s", exercise=True):
        pass
    with pytest.raises(RefusedError, match="exercise"), desk(tmp_path / "s", exercise=False):
        pass


def test_readers_need_no_lock(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (store, record):
        note(record, ONE)
        with Reader.open(store.path) as db:
            assert db.value("SELECT count(*) FROM event") == 1
    with Reader.open(tmp_path / "s" / "record.sqlite") as db:
        assert db.value("SELECT count(*) FROM event") == 1

"""The writer's thread: order, failures that are seen, a bounded queue, a clean stop."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.proof.actor import Actor
from console.runtime.writer import RecordWriter, WriterBehind
from console.store.opening import Store, open_store
from console.store.record import Record
from tests.fakes.desks import note, writing_as
from tests.fakes.people import DESK, INCIDENT, moment


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def writer(store: Store) -> Iterator[RecordWriter]:
    made = RecordWriter(store.record(writing_as(DESK)), limit=5)
    made.start()
    yield made
    made.stop()


def test_work_is_done_in_order_on_one_thread(writer: RecordWriter) -> None:
    done: list[tuple[int, str]] = []

    def tell(n: int, _: Record) -> None:
        done.append((n, threading.current_thread().name))

    futures = [writer.submit(partial(tell, n)) for n in range(5)]
    for future in futures:
        future.result(5)
    assert done == [(n, "writer") for n in range(5)]


def test_listeners_hear_of_a_commit_before_its_future_is_done(writer: RecordWriter) -> None:
    heard: list[Changes] = []
    writer.listen(heard.append)
    changes = writer.submit(lambda record: note(record, "x")).result(5)
    assert heard == [changes]
    assert changes.touches("timeline", INCIDENT)


def test_a_rule_that_is_not_met_is_on_the_future_and_nothing_is_written(writer: RecordWriter, store: Store) -> None:
    def refuse(record: Record) -> None:
        with record.transaction() as tx:
            tx.append("note.added", INCIDENT, {"text": "x", "happened_at": moment()}, actor=Actor("local:tester"))
            raise RefusedError("No.")

    with pytest.raises(RefusedError, match="No"):
        writer.submit(refuse).result(5)
    with store.reader() as db:
        assert db.value("SELECT count(*) FROM event") == 0
    assert writer.submit(lambda record: note(record, "y")).result(5)


def test_a_bug_is_logged_even_when_nobody_looks(writer: RecordWriter, expected_log: Callable[[str], None]) -> None:
    expected_log("a bug kept something from being written")
    writer.submit(lambda _: 1 / 0)
    assert writer.submit(lambda _: "still alive").result(5) == "still alive"


def test_a_listener_that_fails_harms_nobody(writer: RecordWriter, expected_log: Callable[[str], None]) -> None:
    expected_log("a listener failed")
    heard: list[Changes] = []

    def fail(changes: Changes) -> None:
        raise LookupError(str(changes))

    writer.listen(fail)
    writer.listen(heard.append)
    assert writer.submit(lambda record: note(record, "x")).result(5)
    assert len(heard) == 1


def test_too_much_waiting_is_refused_and_not_piled_up(writer: RecordWriter) -> None:
    hold = threading.Event()
    begun = writer.submit(lambda _: hold.wait(10))
    waiting = []
    with pytest.raises(WriterBehind, match="5 changes are waiting"):
        waiting += [writer.submit(lambda _: None) for _ in range(7)]
    hold.set()
    assert begun.result(5)


def test_stopping_finishes_what_is_queued_and_takes_nothing_more(store: Store) -> None:
    writer = RecordWriter(store.record(writing_as(DESK)))
    writer.start()
    futures = [writer.submit(partial(note, text=str(n))) for n in range(20)]
    writer.stop()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(RefusedError):
        writer.submit(lambda _: None)
    writer.stop()

"""The readers' threads: each on its own connection, which cannot write and is closed."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from console.domain.errors import ConsoleError, RefusedError
from console.runtime.readers import RecordReaders
from console.store.opening import open_store
from console.store.readers import Reader
from tests.fakes.desks import note, writing_as
from tests.fakes.people import DESK


def test_questions_are_answered_side_by_side_and_see_what_is_committed(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        record = store.record(writing_as(DESK))
        readers = RecordReaders(store.reader, count=2)
        readers.start()
        meeting = threading.Barrier(2)

        def meet(reader: Reader) -> int:
            meeting.wait(5)
            return int(reader.value("SELECT count(*) FROM event"))

        note(record, "x")
        assert [future.result(5) for future in [readers.ask(meet), readers.ask(meet)]] == [1, 1]
        note(record, "y")
        assert readers.ask(lambda reader, sql: reader.value(sql), "SELECT count(*) FROM event").result(5) == 2
        readers.stop()
        readers.stop()
        with pytest.raises(RefusedError):
            readers.ask(meet)


def test_a_question_cannot_write_and_its_failure_is_told(tmp_path: Path, expected_log: Callable[[str], None]) -> None:
    expected_log("a bug kept something from being read")
    with open_store(tmp_path / "store") as store:
        readers = RecordReaders(store.reader, count=1)
        readers.start()
        with pytest.raises(ConsoleError):
            readers.ask(lambda reader: reader.rows("DELETE FROM draft RETURNING *")).result(5)
        with pytest.raises(ZeroDivisionError):
            readers.ask(lambda _: 1 / 0).result(5)
        assert readers.ask(lambda reader: reader.value("SELECT 1")).result(5) == 1
        readers.stop()

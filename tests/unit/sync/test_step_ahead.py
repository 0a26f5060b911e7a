"""A desk at the beginning of a long journal asks once for what is open now, and nothing depends on the answer."""

from __future__ import annotations

import pytest

from console.sync.answers import AHEAD_FROM
from console.sync.step import FIRST_PAGE
from console.sync.values import AheadAnswered, FetchAhead, FetchJournal, StoreAhead, StoreEntries, Written
from tests.unit.sync.engine import EPOCH, EVENTS, Engine, entries, page


def far(behind: int = AHEAD_FROM) -> Engine:
    engine = Engine().ready()
    asked = engine.take(FetchJournal)
    assert asked.limit == FIRST_PAGE
    engine.feed(page(asked.serial, entries(3), 3 + behind))
    return engine


def test_what_is_open_is_asked_for_once_and_kept() -> None:
    engine = far()
    engine.feed(AheadAnswered(engine.take(FetchAhead).serial, EPOCH, entries(4)))
    kept = engine.take(StoreAhead)
    assert [entry.event for entry in kept.entries] == list(EVENTS[:4])
    engine.feed(Written(kept.serial))
    engine.feed(Written(engine.take(StoreEntries).serial))
    assert engine.state.cursor.gpos == 3
    asked = engine.take(FetchJournal)
    assert asked.after == 3
    at = entries(3)[-1].journal_hash
    engine.feed(page(asked.serial, entries(3, at, first=4), 6 + AHEAD_FROM))
    assert not engine.wants(FetchAhead)


def test_near_the_end_it_is_not_asked_for() -> None:
    assert not far(AHEAD_FROM - 1).wants(FetchAhead)


@pytest.mark.parametrize("status", [404, 413, 500, 503])
def test_a_plane_that_cannot_say_keeps_nothing_from_going_on(status: int) -> None:
    engine = far()
    engine.fails(engine.take(FetchAhead).serial, status)
    engine.feed(Written(engine.take(StoreEntries).serial))
    assert engine.state.halt is None
    assert engine.wants(FetchJournal)


def test_an_answer_of_another_epoch_is_not_kept() -> None:
    engine = far()
    engine.feed(AheadAnswered(engine.take(FetchAhead).serial, EPOCH[:-1] + "f", entries(4)))
    assert not engine.wants(StoreAhead)

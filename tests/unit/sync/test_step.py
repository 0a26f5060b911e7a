"""The sync engine, one rule a test: what each answer and each refusal leads to (guides/sync.md, *Protocol*)."""

from dataclasses import replace

import pytest

from console.sync.pace import CAP_S, after_retry
from console.sync.step import connection
from console.sync.values import (
    ConfigAnswered,
    Failed,
    Failure,
    FetchConfig,
    FetchJournal,
    FetchToken,
    JournalAnswered,
    NetworkUp,
    OutboxChanged,
    OutboxRead,
    PushAnswered,
    PushBatch,
    ReadOutbox,
    RememberPlane,
    SetAside,
    Step,
    StoreEntries,
    StoreReceipts,
    SyncNow,
    TimerFired,
    TokenAnswered,
    WriteFailed,
    Written,
)
from tests.unit.sync.engine import EPOCH, IDENTITY, ITEMS, NOW_US, Engine, entries, note, page, receipts

# -- the ordinary way -----------------------------------------------------------------------------------------------


def test_the_first_contact_is_remembered_before_anything_is_sent() -> None:
    engine = Engine()
    engine.feed(OutboxChanged(2))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, EPOCH))
    write = engine.take(RememberPlane)
    assert (write.plane, write.epoch) == (IDENTITY, EPOCH)
    assert not engine.wants(FetchToken)
    engine.feed(Written(write.serial))
    assert engine.take(FetchToken).origin == IDENTITY.origin


def test_receipts_are_kept_and_only_then_the_queue_is_shorter() -> None:
    engine = Engine()
    batch = engine.pushing()
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    write = engine.take(StoreReceipts)
    assert [r.event_id for r in write.receipts] == [i.event_id for i in ITEMS]
    assert connection(engine.state).to_send == len(ITEMS)
    engine.feed(Written(write.serial))
    assert connection(engine.state).to_send == 0
    assert engine.wants(ReadOutbox), "it looks again until the queue is empty"


def test_the_cursor_moves_with_the_commit_and_not_with_the_answer() -> None:
    engine = Engine().ready()
    engine.feed(page(engine.take(FetchJournal).serial, entries()))
    write = engine.take(StoreEntries)
    assert engine.state.cursor.gpos == 0
    assert write.after.gpos == 3
    engine.feed(Written(write.serial))
    assert engine.state.cursor == write.after
    assert engine.take(FetchJournal).after == 3


def test_a_failed_write_moves_nothing_and_asks_again() -> None:
    engine = Engine().ready()
    engine.feed(page(engine.take(FetchJournal).serial, entries()))
    engine.feed(WriteFailed(engine.take(StoreEntries).serial, "The disk is full."))
    assert engine.state.cursor.gpos == 0
    assert connection(engine.state).sentence == "The disk is full."
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert engine.take(FetchJournal).after == 0


def test_a_failed_write_on_one_lane_leaves_the_others_alone() -> None:
    engine = Engine()
    batch, asked = engine.pushing(), engine.take(FetchJournal)
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    engine.feed(page(asked.serial, entries()))
    engine.feed(WriteFailed(engine.take(StoreReceipts).serial, "The disk is full."))
    engine.feed(Written(engine.take(StoreEntries).serial))
    assert engine.state.cursor.gpos == 3


def test_only_a_desk_that_has_everything_waits_at_the_plane() -> None:
    engine = Engine().ready()
    first = engine.take(FetchJournal)
    assert first.wait_s == 0
    engine.feed(page(first.serial, entries(), size=9))
    engine.feed(Written(engine.take(StoreEntries).serial))
    assert engine.take(FetchJournal).wait_s == 0
    engine.state = replace(engine.state, cursor=replace(engine.state.cursor, size_seen=3))
    engine.feed(JournalAnswered(engine.state.pull.serial, EPOCH, (), 3, entries()[-1].journal_hash, note(3)))
    assert engine.take(FetchJournal).wait_s == 25
    assert connection(engine.state).last_synced_us == NOW_US


def test_a_plane_that_does_not_wait_is_not_asked_in_a_circle() -> None:
    engine = Engine().ready()
    engine.feed(page(engine.take(FetchJournal).serial, ()))
    engine.feed(page(engine.take(FetchJournal).serial, ()))
    assert not engine.wants(FetchJournal)
    assert 0 < engine.delay() <= 1


def test_late_and_repeated_results_change_nothing() -> None:
    engine = Engine().ready()
    asked = engine.take(FetchJournal)
    answer = page(asked.serial, entries())
    engine.feed(answer)
    engine.take(StoreEntries)
    before = engine.state
    for again in (answer, Failed(asked.serial, Failure("lost", "late")), TimerFired(asked.serial), Written(999)):
        assert engine.feed(again) == Step(before)


# -- refusals -------------------------------------------------------------------------------------------------------


def test_401_renews_the_token_at_once_and_sends_the_same_again() -> None:
    engine = Engine()
    batch = engine.pushing()
    engine.feed(page(engine.take(FetchJournal).serial, ()))  # the token has worked
    engine.fails(batch.serial, 401)
    assert engine.wants(FetchToken)
    engine.feed(TokenAnswered(engine.take(FetchToken).serial))
    assert engine.wants(ReadOutbox)


def test_tokens_that_are_refused_unused_end_in_a_stop_and_not_in_a_circle() -> None:
    engine = Engine().ready()
    for _ in range(3):
        assert connection(engine.state).state != "stopped"
        engine.fails(engine.take(FetchJournal).serial, 401)
        if engine.state.halt is None:
            engine.feed(TimerFired(engine.last.timers[-1].serial))
            engine.feed(TokenAnswered(engine.take(FetchToken).serial))
    assert connection(engine.state).state == "stopped"
    assert engine.feed(NetworkUp()).requests == ()
    engine.open.clear()
    engine.feed(SyncNow())
    assert engine.wants(FetchToken), "a person may try again"


@pytest.mark.parametrize("lane", ["push", "pull", "session"])
def test_403_stops_and_is_shown(lane: str) -> None:
    engine = Engine()
    if lane == "session":
        engine.feed(OutboxChanged(0))
        serial = engine.take(FetchConfig).serial
    else:
        batch = engine.pushing()
        serial = batch.serial if lane == "push" else engine.take(FetchJournal).serial
    engine.fails(serial, 403, "forbidden")
    shown = connection(engine.state)
    assert (shown.state, shown.sentence) == ("stopped", "the plane says 403")
    assert engine.last.requests == ()


def test_an_outbox_that_was_being_read_when_the_stop_came_is_not_sent() -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, 403)
    engine.feed(OutboxRead(engine.take(ReadOutbox).serial, ITEMS, len(ITEMS)))
    assert not engine.wants(PushBatch)
    assert connection(engine.state).to_send == len(ITEMS)


def test_receipts_that_arrive_after_a_stop_are_kept_all_the_same() -> None:
    engine = Engine()
    batch = engine.pushing()
    engine.fails(engine.take(FetchJournal).serial, 403)
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    assert len(engine.take(StoreReceipts).receipts) == len(ITEMS)


def test_413_halves_the_batch_and_it_grows_back() -> None:
    engine = Engine()
    batch = engine.pushing(6)
    engine.fails(batch.serial, 413)
    read = engine.take(ReadOutbox)
    assert read.max_events == 3
    engine.feed(OutboxRead(read.serial, ITEMS[:3], 6))
    engine.feed(PushAnswered(engine.take(PushBatch).serial, EPOCH, receipts(ITEMS[:3])))
    engine.feed(Written(engine.take(StoreReceipts).serial))
    assert engine.take(ReadOutbox).max_events == 6


@pytest.mark.parametrize("status", [409, 413, 422])
def test_the_one_event_that_is_refused_is_found_and_set_aside(status: int) -> None:
    engine = Engine()
    batch = engine.pushing(1)
    engine.fails(batch.serial, status, "malformed")
    write = engine.take(SetAside)
    assert (write.event_id, write.problem_kind) == (ITEMS[0].event_id, "malformed")
    assert write.detail == f"the plane says {status}"


def test_retry_after_is_obeyed_and_bounded() -> None:
    engine = Engine()
    engine.fails(engine.pushing().serial, 503, "busy", 7.0)
    assert 7.0 <= engine.delay() <= 7.0 + CAP_S
    assert after_retry(1e12, 1, 0.0) == 3600.0


def test_a_network_error_is_no_attempt_and_gives_nothing_up() -> None:
    engine = Engine()
    serial = engine.pushing().serial
    for _ in range(30):
        engine.feed(Failed(serial, Failure("lost", "no answer")))
        assert engine.state.push.answered == 0
        engine.feed(TimerFired(engine.last.timers[-1].serial))
        read = engine.take(ReadOutbox)
        engine.feed(OutboxRead(read.serial, ITEMS[: read.max_events], 6))
        serial = engine.take(PushBatch).serial
    assert not engine.wants(SetAside)
    assert connection(engine.state).to_send == 6


def test_waits_grow_and_end_when_the_network_is_up() -> None:
    engine = Engine().ready()
    waits = []
    for _ in range(8):
        engine.feed(Failed(engine.take(FetchJournal).serial, Failure("offline", "nobody there")))
        waits.append(engine.delay())
        if len(waits) < 8:
            engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert waits == sorted(waits)
    assert waits[-1] == CAP_S / 2
    old = engine.last.timers[-1]
    engine.feed(NetworkUp())
    asked = engine.take(FetchJournal)
    assert engine.feed(TimerFired(old.serial)).requests == (), "the old timer is forgotten"
    engine.feed(Failed(asked.serial, Failure("offline", "nobody there")))
    assert engine.delay() == 0.5


def test_offline_is_shown_since_when_and_ends_with_the_first_answer() -> None:
    engine = Engine().ready()
    engine.now_us += 5
    engine.feed(Failed(engine.take(FetchJournal).serial, Failure("offline", "nobody there")))
    engine.now_us += 7
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert engine.open[-1].wait_s == 0, "to know that the plane is back it must answer at once"
    shown = connection(engine.state)
    assert (shown.state, shown.since_us, shown.sentence) == ("offline", NOW_US + 5, "nobody there")
    engine.feed(page(engine.take(FetchJournal).serial, ()))
    shown = connection(engine.state)
    assert (shown.state, shown.since_us, shown.sentence) == ("online", NOW_US + 12, "")

"""A plane that is not what it was: every sign is told; a rolled-back one is recovered from, a forged one stops all."""

from dataclasses import replace
from typing import Any, cast

import pytest

from console.sync.pace import CALM_US, RECOVERY_CAP_S
from console.sync.step import connection, initial
from console.sync.values import (
    AlarmsSettled,
    ConfigAnswered,
    Cursor,
    FetchConfig,
    FetchJournal,
    Halt,
    JournalAnswered,
    NetworkUp,
    OutboxChanged,
    PushAnswered,
    RaiseAlarm,
    ReadOutbox,
    StartPull,
    StoreEntries,
    StoreReceipts,
    SyncNow,
    Timer,
    TimerFired,
    WriteFailed,
    Written,
)
from tests.fakes.people import ROOT
from tests.unit.sync.engine import EPOCH, IDENTITY, ITEMS, Engine, entries, frontier, note, page, receipts

OTHER_EPOCH = "0190a000-0000-7000-8000-0000000000ff"

# -- a plane that is not what it was --------------------------------------------------------------------------------


def alarmed(engine: Engine, reason: str) -> None:
    """The desk stands still until a person has settled the alarm."""
    assert engine.state.halt is not None
    assert (engine.state.halt.kind, engine.state.halt.reason) == ("alarm", reason)
    engine.feed(Written(_told(engine, reason)))
    assert connection(engine.state).state == "alarm"
    for event in (SyncNow(), NetworkUp(), OutboxChanged(9)):
        assert engine.feed(event).requests == (), "nothing is sent or fetched while the plane is in doubt"
    engine.open.clear()
    engine.feed(AlarmsSettled())
    assert engine.wants(FetchConfig)


def recovers(engine: Engine, reason: str, epoch: str = EPOCH) -> None:
    """The alarm is written, then the journal is followed from 0 and everything offered again."""
    engine.open = [item for item in engine.open if isinstance(item, RaiseAlarm | Timer)]
    assert engine.state.halt is None
    told = _told(engine, reason)
    assert engine.feed(NetworkUp()).requests == (), "nothing is asked before the alarm is kept and the wait is over"
    engine.feed(Written(told))
    assert engine.last.requests == ()
    assert 0 < engine.delay() <= 0.5
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, epoch))
    assert engine.state.cursor.epoch in (EPOCH, ""), "our copy is the old one until the new pull is committed"
    write = engine.take(StartPull)
    assert write.epoch == epoch
    engine.feed(Written(write.serial))
    assert engine.state.cursor == Cursor(epoch)
    assert (engine.take(FetchJournal).after, engine.state.recoveries) == (0, 1)
    assert engine.wants(ReadOutbox)


def _told(engine: Engine, reason: str) -> int:
    write = engine.take(RaiseAlarm)
    assert write.kind == reason
    return int(write.serial)


def damaged(reason: str) -> tuple[JournalAnswered, str]:
    good = entries()
    swapped = (good[0], replace(good[2], gpos=2), replace(good[1], gpos=3))
    return {
        "epoch": page(0, good, epoch="0190a000-0000-7000-8000-0000000000ff"),
        "gap": page(0, (good[0], good[2])),
        "swapped": page(0, swapped),
        "flipped": page(0, (good[0], replace(good[1], status="rejected"), good[2])),
        "forged": page(0, (*good[:2], replace(good[2], journal_hash="f" * 64))),
        "forged amid": page(0, (*good[:2], replace(good[2], journal_hash="f" * 64)), size=9),
        "end": replace(page(0, good), journal_hash="e" * 64),
        "short": page(0, good, size=2),
    }[reason], {"epoch": "epoch", "gap": "gap"}.get(reason, "hash")


@pytest.mark.parametrize("how", ["epoch", "gap", "swapped", "flipped", "forged", "forged amid", "end", "short"])
def test_a_page_that_does_not_continue_our_copy_raises_an_alarm(how: str) -> None:
    engine = Engine().ready()
    answer, reason = damaged(how)
    engine.feed(replace(answer, serial=engine.take(FetchJournal).serial))
    assert not engine.wants(StoreEntries)
    recovers(engine, reason)


def test_a_journal_that_got_shorter_raises_an_alarm() -> None:
    engine = Engine(initial(Cursor(EPOCH, 3, entries()[-1].journal_hash, 5), IDENTITY, True)).ready()
    engine.feed(JournalAnswered(engine.take(FetchJournal).serial, EPOCH, (), 4, "0" * 64, note(4)))
    recovers(engine, "shrunk")


@pytest.mark.parametrize(("status", "reason"), [(409, "position"), (410, "epoch")])
def test_a_position_that_the_plane_does_not_know_raises_an_alarm(status: int, reason: str) -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, status)
    recovers(engine, reason, EPOCH if status == 409 else OTHER_EPOCH)


@pytest.mark.parametrize("member", ["root_public_key", "plane_public_key", "plane_device", "origin"])
def test_another_identity_than_the_one_met_first_raises_an_alarm(member: str) -> None:
    engine, other = Engine(initial(Cursor(EPOCH), IDENTITY, True)), cast("dict[str, Any]", {member: "a" * 64})
    engine.feed(OutboxChanged(0))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, replace(IDENTITY, **other), EPOCH))
    alarmed(engine, "root" if member == "root_public_key" else "plane_key")


def test_a_receipt_that_the_plane_did_not_sign_raises_an_alarm_and_keeps_the_event() -> None:
    engine = Engine()
    batch = engine.pushing()
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS, key=ROOT)))
    assert not engine.wants(StoreReceipts)
    assert connection(engine.state).to_send == len(ITEMS)
    alarmed(engine, "forged_receipt")


def test_what_arrives_after_a_doubt_belongs_to_the_old_journal_and_is_dropped() -> None:
    engine = Engine()
    batch, asked = engine.pushing(), engine.take(FetchJournal)
    engine.fails(asked.serial, 410)
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    assert not engine.wants(StoreReceipts)
    assert connection(engine.state).to_send == len(ITEMS)


def test_an_alarm_that_cannot_be_written_is_written_later_and_nothing_goes_on_before() -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, 410)
    engine.feed(WriteFailed(engine.take(RaiseAlarm).serial, "The disk is full."))
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert engine.last.requests == ()
    recovers(engine, "epoch")


def test_a_stopping_alarm_that_was_held_still_holds() -> None:
    held = Engine(initial(Cursor(EPOCH), IDENTITY, True, 2, Halt("alarm", "root", "It was.")))
    assert held.feed(OutboxChanged(2)).requests == ()
    assert (connection(held.state).state, connection(held.state).to_send) == ("alarm", 2)


def doubts(engine: Engine, count: int) -> list[float]:
    """The waits of so many recoveries in a row."""
    waits = []
    for _ in range(count):
        engine.fails(engine.take(FetchJournal).serial, 409)
        engine.feed(Written(engine.take(RaiseAlarm).serial))
        waits.append(engine.delay())
        engine.feed(TimerFired(engine.last.timers[-1].serial))
        engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, EPOCH))
        engine.feed(Written(engine.take(StartPull).serial))
    return waits


def test_recoveries_in_a_row_are_spaced_and_calm_makes_the_wait_small_again() -> None:
    engine = Engine().ready()
    waits = doubts(engine, 14)
    assert waits == sorted(waits)
    assert waits[-1] == RECOVERY_CAP_S / 2
    engine.now_us += 2 * CALM_US
    assert doubts(engine, 1) == waits[:1]


def test_a_person_may_end_the_wait_before_a_recovery() -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, 409)
    engine.feed(Written(engine.take(RaiseAlarm).serial))
    engine.feed(SyncNow())
    assert engine.wants(FetchConfig)


def test_another_root_met_while_recovering_stops_for_good() -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, 410)
    engine.feed(Written(engine.take(RaiseAlarm).serial))
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    other = replace(IDENTITY, root_public_key="a" * 64)
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, other, OTHER_EPOCH))
    alarmed(engine, "root")


@pytest.mark.parametrize("doubt", ["receipt", ""])
def test_a_receipt_that_the_journal_contradicts_is_a_doubt_and_a_full_disk_is_none(doubt: str) -> None:
    engine = Engine().ready()
    engine.feed(page(engine.take(FetchJournal).serial, entries()))
    engine.feed(WriteFailed(engine.take(StoreEntries).serial, "no", doubt))
    if doubt:
        recovers(engine, "receipt")
    else:
        assert engine.state.doubt is None


# -- checkpoints ----------------------------------------------------------------------------------------------------


def answered(engine: Engine, checkpoint: str) -> None:
    engine.feed(replace(page(engine.take(FetchJournal).serial, entries()), checkpoint=checkpoint))


def test_a_checkpoint_that_agrees_is_kept_with_the_cursor() -> None:
    engine = Engine().ready()
    answered(engine, note(3))
    write = engine.take(StoreEntries)
    assert (write.checkpoint, write.after.frontier) == (note(3), frontier(3))


def test_a_checkpoint_beyond_what_was_read_is_checked_later() -> None:
    engine = Engine().ready()
    engine.feed(page(engine.take(FetchJournal).serial, entries(), size=6))
    assert engine.take(StoreEntries).checkpoint == ""


@pytest.mark.parametrize("checkpoint", [note(3, b"x" * 32), note(2), note(4)])
def test_a_checkpoint_of_another_journal_is_recovered_from(checkpoint: str) -> None:
    engine = Engine().ready()
    answered(engine, checkpoint)
    assert not engine.wants(StoreEntries)
    recovers(engine, "checkpoint")


@pytest.mark.parametrize("checkpoint", [note(3, key=ROOT), "nonsense", note(3).replace("range.", "other.")])
def test_a_checkpoint_that_the_plane_did_not_sign_stops_the_desk(checkpoint: str) -> None:
    engine = Engine().ready()
    answered(engine, checkpoint)
    assert not engine.wants(StoreEntries)
    alarmed(engine, "forged_checkpoint")


def test_a_page_without_its_checkpoint_is_not_kept_and_asked_for_again() -> None:
    engine = Engine().ready()
    answered(engine, "")
    assert not engine.wants(StoreEntries)
    assert "checkpoint" in connection(engine.state).sentence
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert engine.wants(FetchJournal)


def test_a_plane_of_the_other_world_is_refused_and_nothing_is_sent() -> None:
    engine = Engine(initial(Cursor(), None, False, 3))
    engine.feed(OutboxChanged(3))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, EPOCH))
    assert engine.state.halt is not None
    assert engine.state.halt.reason == "wrong_world"
    assert (engine.last.requests, engine.last.writes) == ((), ())

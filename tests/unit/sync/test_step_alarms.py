"""A plane that is not what it was: every sign of it raises an alarm, keeps everything, and stops the traffic."""

from dataclasses import replace
from typing import Any, cast

import pytest

from console.sync.step import connection, initial
from console.sync.values import (
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
    StoreEntries,
    StoreReceipts,
    SyncNow,
    TimerFired,
    WriteFailed,
    Written,
)
from tests.fakes.people import ROOT
from tests.unit.sync.engine import EPOCH, IDENTITY, ITEMS, Engine, entries, page, receipts

# -- a plane that is not what it was --------------------------------------------------------------------------------


def alarmed(engine: Engine, reason: str) -> None:
    assert engine.state.halt is not None
    assert (engine.state.halt.kind, engine.state.halt.reason) == ("alarm", reason)
    assert engine.take(RaiseAlarm).kind == reason
    assert connection(engine.state).state == "alarm"
    for event in (SyncNow(), NetworkUp(), OutboxChanged(9)):
        assert engine.feed(event).requests == (), "nothing is sent or fetched while the plane is in doubt"


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
    alarmed(engine, reason)


def test_a_journal_that_got_shorter_raises_an_alarm() -> None:
    engine = Engine(initial(Cursor(EPOCH, 3, entries()[-1].journal_hash, 5), IDENTITY, True)).ready()
    engine.feed(JournalAnswered(engine.take(FetchJournal).serial, EPOCH, (), 4, "0" * 64))
    alarmed(engine, "shrunk")


@pytest.mark.parametrize(("status", "reason"), [(409, "position"), (410, "epoch")])
def test_a_position_that_the_plane_does_not_know_raises_an_alarm(status: int, reason: str) -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, status)
    alarmed(engine, reason)


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
    alarmed(engine, "receipt")


def test_receipts_of_a_plane_in_doubt_are_not_kept_and_what_is_committed_still_counts() -> None:
    engine = Engine()
    batch = engine.pushing()
    asked = engine.take(FetchJournal)
    engine.fails(asked.serial, 410)
    engine.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    assert not engine.wants(StoreReceipts)
    assert connection(engine.state).to_send == len(ITEMS)
    late = Engine()
    batch = late.pushing()
    late.feed(PushAnswered(batch.serial, EPOCH, receipts(ITEMS)))
    late.fails(late.take(FetchJournal).serial, 410)
    late.feed(Written(late.take(StoreReceipts).serial))
    assert connection(late.state).to_send == 0


def test_an_alarm_that_cannot_be_written_is_written_later_and_one_that_was_held_still_holds() -> None:
    engine = Engine().ready()
    engine.fails(engine.take(FetchJournal).serial, 410)
    engine.feed(WriteFailed(engine.take(RaiseAlarm).serial, "The disk is full."))
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    assert engine.take(RaiseAlarm).kind == "epoch"
    held = Engine(initial(Cursor(EPOCH), IDENTITY, True, 2, Halt("alarm", "epoch", "It was.")))
    assert held.feed(OutboxChanged(2)).requests == ()
    assert (connection(held.state).state, connection(held.state).to_send) == ("alarm", 2)


def test_a_plane_of_the_other_world_is_refused_and_nothing_is_sent() -> None:
    engine = Engine(initial(Cursor(), None, False, 3))
    engine.feed(OutboxChanged(3))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, EPOCH))
    assert engine.state.halt is not None
    assert engine.state.halt.reason == "wrong_world"
    assert (engine.last.requests, engine.last.writes) == ((), ())

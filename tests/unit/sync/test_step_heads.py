"""A desk whose chains have two ends, and positions that were withheld: found at once, never asked in a circle."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.proof.envelope import SignedEvent, sign
from console.proof.journal import journal_hash, journal_leaf, receipt_object, sign_receipt
from console.sync.answers import MAX_RESTARTS
from console.sync.step import connection, initial
from console.sync.values import (
    BeginIncarnation,
    ChainEnd,
    CompareHeads,
    ConfigAnswered,
    Cursor,
    Entry,
    FetchConfig,
    FetchHeads,
    FetchJournal,
    FetchShown,
    FetchToken,
    HeadsAnswered,
    HeadsCompared,
    JournalAnswered,
    OutboxChanged,
    OutboxRead,
    PushAnswered,
    PushBatch,
    ReadOutbox,
    ReadWithheld,
    Receipt,
    StoreEntries,
    StoreReceipts,
    StoreShown,
    TimerFired,
    TokenAnswered,
    WithheldRead,
    WriteFailed,
    Written,
)
from tests.fakes.people import DESK, INCIDENT, PLANE
from tests.unit.sync.engine import EPOCH, EVENTS, IDENTITY, ITEMS, Engine, entries, note, page, receipts


def end(incarnation: int, seq: int = 1) -> ChainEnd:
    return ChainEnd(INCIDENT, incarnation, seq, "a" * 64)


def met(incarnation: int = 1) -> Engine:
    """A desk with a device, past its token: the plane is asked where its chains end, and nothing else."""
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True, device=DESK.id, incarnation=incarnation))
    engine.feed(OutboxChanged(0))
    engine.feed(ConfigAnswered(engine.take(FetchConfig).serial, IDENTITY, EPOCH))
    engine.feed(TokenAnswered(engine.take(FetchToken).serial))
    assert not engine.wants(ReadOutbox)
    assert not engine.wants(FetchJournal)
    return engine


def heads(engine: Engine, *ends: ChainEnd, strange: tuple[ChainEnd, ...] = (), more: bool = False) -> None:
    engine.feed(HeadsAnswered(engine.take(FetchHeads).serial, EPOCH, ends, more))
    if ends:
        compare = engine.take(CompareHeads)
        assert compare.heads == ends
        engine.feed(HeadsCompared(compare.serial, strange))


def flows(engine: Engine) -> bool:
    return engine.wants(ReadOutbox) and engine.wants(FetchJournal)


def test_ends_that_the_record_holds_let_everything_flow() -> None:
    engine = met()
    heads(engine, end(1), more=True)
    assert engine.open[-1].after_incident == INCIDENT
    heads(engine)
    assert flows(engine)


def test_a_strange_end_begins_new_chains_before_anything_is_sent() -> None:
    engine = met()
    heads(engine, end(1), end(3), strange=(end(1), end(3)))
    write = engine.take(BeginIncarnation)
    assert write.incarnation == 4
    assert not flows(engine)
    engine.feed(Written(write.serial))
    assert flows(engine)
    assert engine.state.incarnation == 4


def test_ends_of_older_incarnations_were_dealt_with_before() -> None:
    engine = met(incarnation=2)
    heads(engine, end(1), strange=(end(1),))
    assert not engine.wants(BeginIncarnation)
    assert flows(engine)


def test_new_chains_that_cannot_be_written_are_tried_again() -> None:
    engine = met()
    heads(engine, end(1), strange=(end(1),))
    engine.feed(WriteFailed(engine.take(BeginIncarnation).serial, "The disk is full."))
    engine.feed(TimerFired(engine.last.timers[-1].serial))
    heads(engine, end(1), strange=(end(1),))
    assert engine.take(BeginIncarnation).incarnation == 2


@pytest.mark.parametrize("status", [404, 405])
def test_a_plane_that_does_not_know_heads_keeps_nobody(status: int) -> None:
    engine = met()
    engine.fails(engine.take(FetchHeads).serial, status)
    assert flows(engine)


def refused(engine: Engine, kind: str = "conflict", gpos: int = 1) -> None:
    read = engine.take(ReadOutbox)
    engine.feed(OutboxRead(read.serial, ITEMS[:1], 1))
    good = receipts(ITEMS[:1])[0]
    sig = sign_receipt(PLANE, receipt_object(good.event_id, good.hash, "rejected", gpos, EPOCH))
    answer = Receipt(good.event_id, good.hash, "rejected", gpos, sig, kind, "no")
    engine.feed(PushAnswered(engine.take(PushBatch).serial, EPOCH, (answer,)))
    engine.feed(Written(engine.take(StoreReceipts).serial))


def test_a_place_that_is_taken_makes_it_compare_again_and_another_refusal_does_not() -> None:
    engine = met()
    heads(engine)
    refused(engine, "forbidden")
    assert not engine.wants(FetchHeads)
    refused(engine)
    heads(engine, end(1), strange=(end(1),))
    engine.feed(Written(engine.take(BeginIncarnation).serial))
    refused(engine)
    assert not engine.wants(FetchHeads), "what was refused belongs to the chains left behind"


def test_two_copies_of_one_desk_do_not_chase_each_other_for_ever() -> None:
    engine = met()
    for n in range(1, MAX_RESTARTS + 1):
        heads(engine, end(n), strange=(end(n),))
        engine.feed(Written(engine.take(BeginIncarnation).serial))
        engine.open.clear()
        engine.state = _asks_again(engine.state)
        engine.feed(OutboxChanged(1))
    heads(engine, end(9), strange=(end(9),))
    assert not engine.wants(BeginIncarnation)
    assert connection(engine.state).state == "stopped"


def _asks_again(state: Any) -> Any:
    return replace(state, heads_checked=False)


@given(st.lists(st.integers(1, 9), max_size=5), st.integers(1, 9))
def test_new_chains_are_always_above_every_chain_that_is_known(strange: list[int], own: int) -> None:
    engine = met(incarnation=own)
    ends = tuple(end(n) for n in strange)
    heads(engine, *ends, strange=ends)
    if any(n >= own for n in strange):
        assert engine.take(BeginIncarnation).incarnation == max([*strange, own]) + 1
    else:
        assert flows(engine)


# -- withheld positions ---------------------------------------------------------------------------------------------


def test_withheld_positions_are_asked_for_again_until_none_is_left() -> None:
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True, withheld=True)).ready()
    read = engine.take(ReadWithheld)
    assert read.after == 0
    engine.feed(WithheldRead(read.serial, 2, entries()[0].journal_hash, 2))
    asked = engine.take(FetchShown)
    assert (asked.after, asked.hash, asked.limit) == (1, entries()[0].journal_hash, 2)
    shown = entries()[1:]
    still = Entry(3, shown[1].journal_hash, "accepted", None, EVENTS[2].hash)
    engine.feed(page(asked.serial, (shown[0], still)))
    write = engine.take(StoreShown)
    assert write.entries == (shown[0],)
    engine.feed(Written(write.serial))
    read = engine.take(ReadWithheld)
    assert read.after == 3
    engine.feed(WithheldRead(read.serial))
    assert not engine.wants(ReadWithheld)
    assert engine.state.seek_after is None


def test_an_answer_that_shows_nothing_goes_on_behind_it() -> None:
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True, withheld=True)).ready()
    engine.feed(WithheldRead(engine.take(ReadWithheld).serial, 1, "0" * 64, 3))
    engine.feed(page(engine.take(FetchShown).serial, ()))
    assert engine.take(ReadWithheld).after == 3


def _granted(person: str, n: int) -> SignedEvent:
    envelope = EVENTS[n].envelope
    return sign(replace(envelope, type="access.granted", body={"person": person}), DESK)


def _follows(engine: Engine, event: SignedEvent) -> None:
    asked = engine.take(FetchJournal)
    at = journal_hash(asked.hash, event.hash, True)
    tree = engine.state.cursor.frontier.after(journal_leaf(event.hash, True))
    size = asked.after + 1
    answered = JournalAnswered(
        asked.serial, EPOCH, (Entry(size, at, "accepted", event),), size, at, note(size, tree.root())
    )
    engine.feed(answered)
    engine.feed(Written(engine.take(StoreEntries).serial))


def test_only_a_grant_for_the_person_of_this_desk_asks_for_what_was_withheld() -> None:
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True, person="ann@example.org")).ready()
    _follows(engine, _granted("ben@example.org", 0))
    assert not engine.wants(ReadWithheld)
    _follows(engine, _granted("ann@example.org", 1))
    assert engine.wants(ReadWithheld)


def test_a_desk_that_does_not_know_its_person_asks_after_any_grant() -> None:
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True)).ready()
    _follows(engine, _granted("ben@example.org", 0))
    assert engine.wants(ReadWithheld)


def test_a_desk_learns_its_person_from_its_enrolment() -> None:
    engine = Engine(initial(Cursor(EPOCH), IDENTITY, True)).ready()
    engine.state = replace(engine.state, device=DESK.id)
    body = {"device": DESK.id, "public_key": DESK.public_hex, "label": "", "person": "ann@example.org"}
    body |= {"invite": "", "code": ""}
    _follows(engine, sign(replace(EVENTS[0].envelope, type="device.enrolled", body=body), DESK))
    assert engine.state.person == "ann@example.org"
    _follows(engine, _granted("ben@example.org", 1))
    assert not engine.wants(ReadWithheld)

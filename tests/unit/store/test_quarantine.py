"""What a page could not give yet: withheld events, events that lack something; and receipts that contradict it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from console.domain.errors import InputError
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.growth import Frontier
from console.proof.journal import journal_leaf, receipt_object, sign_receipt
from console.store import quarantine, syncing
from console.store.opening import Store
from console.store.receipts import JournalDoubt, store_receipts
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    PLANE,
    ROOT,
    Author,
    Cursor,
    Entry,
    Receipt,
    body_of,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
)

ONE = new_incident(1)
OTHER = key_of(20)


def receipt(event: SignedEvent, gpos: int, status: str = "accepted") -> Receipt:
    event_id = event.envelope.event_id
    sig = sign_receipt(PLANE, receipt_object(event_id, event.hash, status, gpos, "e1"))
    return Receipt(event_id, event.hash, status, gpos, sig)


def pull(record: Record, cursor: Cursor, events: Sequence[SignedEvent], withheld: Sequence[int] = ()) -> Cursor:
    entries, after = entries_after(cursor, events)
    for place in withheld:
        entries[place] = replace(entries[place], event=None, withheld_hash=events[place].hash)
    with record.transaction() as tx:
        syncing.store_entries(tx, cursor, entries, after)
    return after


def value(store: Store, sql: str) -> object:
    with store.reader() as db:
        return db.value(sql)


def intact(store: Store) -> None:
    assert verify_store(store.path).faults == ()


@pytest.fixture
def root() -> Author:
    return Author(ROOT)


@pytest.fixture
def met(record: Record, root: Author) -> Cursor:
    with record.transaction() as tx:
        syncing.remember_plane(
            tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
            plane_public_key=PLANE.public_hex, epoch="e1",
        )  # fmt: skip
    return pull(record, Cursor(), organisation(root, OTHER))


def theirs(count: int, author: Author | None = None) -> list[SignedEvent]:
    author = author or Author(OTHER)
    return [author.write("note.added", ONE, body_of("note.added", text=f"theirs {n}")) for n in range(count)]


def test_withheld_events_move_the_cursor_and_show_nothing(store: Store, record: Record, met: Cursor) -> None:
    events = theirs(4)
    after = pull(record, met, events, withheld=[0, 1, 3])
    assert value(store, "SELECT cursor FROM sync_state") == after.gpos
    assert value(store, f"SELECT count(*) FROM timeline WHERE incident = '{ONE}'") == 0
    assert value(store, "SELECT count(*) FROM alarm") == 0, "what follows a withheld event is no fork"
    with store.reader() as db:
        before = db.value("SELECT journal_hash FROM journal WHERE gpos = ?", (met.gpos,))
        assert quarantine.next_withheld(db, 0, 10) == (met.gpos + 1, before, 2)
        assert quarantine.next_withheld(db, met.gpos + 2, 10)[::2] == (met.gpos + 4, 1)
        assert quarantine.next_withheld(db, met.gpos + 4, 10) == (0, "", 0)
    intact(store)


def test_what_is_shown_later_takes_its_place_and_what_waited_for_it_too(
    store: Store, record: Record, met: Cursor
) -> None:
    events = theirs(3)
    pull(record, met, events, withheld=[0, 1])
    shown = [Entry(met.gpos + 1 + n, "", "accepted", event) for n, event in enumerate(events[:2])]
    for _ in range(2):
        with record.transaction() as tx:
            quarantine.store_shown(tx, shown)
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [event.hash for event in events]
        assert not quarantine.has_withheld(db)
        assert quarantine.quarantined(db) == 0
    intact(store)


def test_another_event_than_the_one_withheld_is_refused(store: Store, record: Record, met: Cursor) -> None:
    events = theirs(2)
    pull(record, met, events, withheld=[0])
    with pytest.raises(InputError, match="not what stood there"), record.transaction() as tx:
        quarantine.store_shown(tx, [Entry(met.gpos + 1, "", "accepted", events[1])])
    intact(store)


def test_an_own_event_that_is_withheld_is_known_by_its_receipt(store: Store, record: Record, met: Cursor) -> None:
    mine = note(record, ONE)
    with record.transaction() as tx:
        store_receipts(tx, "e1", [receipt(mine, met.gpos + 1)])
    pull(record, met, [mine], withheld=[0])
    with store.reader() as db:
        assert not quarantine.has_withheld(db)
    assert value(store, "SELECT count(*) FROM timeline WHERE status = 'accepted' AND type = 'note.added'") == 1
    intact(store)


def test_an_event_whose_key_comes_later_is_judged_again(
    store: Store, record: Record, met: Cursor, root: Author
) -> None:
    late = key_of(30)
    events = theirs(2, Author(late))
    after = pull(record, met, events)
    assert value(store, f"SELECT count(*) FROM event WHERE incident = '{ONE}'") == 0
    certificate = {"device": late.id, "public_key": late.public_hex, "label": "late"}
    pull(record, after, [root.write("device.certified", SYSTEM, certificate)])
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [event.hash for event in events]
        assert quarantine.quarantined(db) == 0
        assert db.tuples("SELECT gpos, status FROM timeline WHERE type = 'note.added' ORDER BY n") == [
            (met.gpos + 1, "accepted"),
            (met.gpos + 2, "accepted"),
        ]
    intact(store)


@pytest.mark.parametrize("journal_first", [True, False])
def test_a_receipt_that_the_journal_contradicts_changes_nothing_and_is_named(
    store: Store, record: Record, met: Cursor, journal_first: bool
) -> None:
    mine, other = note(record, ONE), theirs(1)
    answers = [receipt(mine, met.gpos + 1)]
    if journal_first:
        pull(record, met, other)
        with pytest.raises(JournalDoubt) as doubt, record.transaction() as tx:
            store_receipts(tx, "e1", answers)
    else:
        with record.transaction() as tx:
            store_receipts(tx, "e1", answers)
        with pytest.raises(JournalDoubt) as doubt:
            pull(record, met, other)
    assert doubt.value.kind == "receipt"
    with record.transaction() as tx:
        syncing.start_pull(tx, "e1")
    pull(record, Cursor("e1"), [*organisation(Author(ROOT), OTHER), *other, mine])
    with record.transaction() as tx:
        store_receipts(tx, "e1", [receipt(mine, met.gpos + 2)])
    intact(store)


def test_the_tree_is_kept_with_the_cursor_and_grown_anew_where_it_is_not(
    store: Store, record: Record, met: Cursor
) -> None:
    with store.reader() as db:
        grown = Frontier()
        for text_hash, status in db.tuples("SELECT event_hash, status FROM journal ORDER BY gpos"):
            grown = grown.after(journal_leaf(text_hash, status == "accepted"))
        assert syncing.frontier(db) == grown
    event = theirs(1)
    entries, after = entries_after(met, event)
    grown = grown.after(journal_leaf(event[0].hash, True))
    with record.transaction() as tx:
        syncing.store_entries(tx, met, entries, after, frontier=grown.text())
    with store.reader() as db:
        assert db.value("SELECT frontier FROM sync_state") == grown.text()
        assert syncing.frontier(db) == grown


def test_own_events_that_come_back_from_the_plane_are_what_the_next_one_follows(
    store: Store, record: Record, met: Cursor
) -> None:
    first = note(record, ONE)
    mine = Author(record.device_key)
    mine.heads[ONE] = ChainHead(1, first.hash)
    came_back = mine.write("note.added", ONE, body_of("note.added"))
    pull(record, met, [first, came_back])
    assert note(record, ONE).envelope.seq == 3
    intact(store)

"""Events shown ahead of the journal are there at once, and nothing is different once the journal has brought them."""

from __future__ import annotations

import pytest

from console.proof.envelope import SignedEvent
from console.store import syncing
from console.store.ahead import store_ahead
from console.store.opening import Store
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import ROOT, Author, Cursor, body_of, entries_after, key_of, new_incident, organisation

ONE = new_incident(1)


@pytest.fixture(autouse=True)
def pinned(record: Record) -> None:
    with record.transaction() as tx:
        tx.pin_root(ROOT.public_hex)


def value(store: Store, sql: str) -> object:
    with store.reader() as db:
        return db.value(sql)


def note(author: Author, incident: str = ONE) -> SignedEvent:
    return author.write("note.added", incident, body_of("note.added"))


def journal(author: Author) -> list[SignedEvent]:
    """The organisation and two notes of its desk."""
    return [*organisation(Author(ROOT), author.key), note(author), note(author)]


def test_they_wait_for_their_positions_and_then_have_them(store: Store, record: Record) -> None:
    events = journal(Author(key_of(20)))
    entries, after = entries_after(Cursor(), events)
    for _ in range(2):
        with record.transaction() as tx:
            store_ahead(tx, entries)
        assert value(store, "SELECT count(*) FROM timeline WHERE status = 'pending'") == len(events)
        assert value(store, "SELECT count(*) FROM outbox") == 0
        assert value(store, "SELECT cursor FROM sync_state") == 0
    with record.transaction() as tx:
        syncing.store_entries(tx, Cursor(), entries, after)
    assert value(store, "SELECT group_concat(gpos) FROM (SELECT gpos FROM timeline ORDER BY gpos)") == ",".join(
        str(n + 1) for n in range(len(events))
    )
    assert value(store, "SELECT count(*) FROM timeline WHERE status <> 'accepted'") == 0
    assert verify_store(store.path).faults == ()


def test_what_does_not_fit_leaves_no_trace(store: Store, record: Record) -> None:
    author, stranger = Author(key_of(20)), Author(key_of(33))
    known = journal(author)
    note(author)
    after_a_gap, other = note(author), new_incident(2)
    forged = SignedEvent(note(author, other).canon, note(stranger).sig)
    entries, _ = entries_after(Cursor(), [*known, after_a_gap, forged, note(stranger), SignedEvent("{}", "")])
    with record.transaction() as tx:
        judged = store_ahead(tx, entries)
    assert len(judged.stored) == len(known) == value(store, "SELECT count(*) FROM event")
    for table in ("fork_evidence", "alarm"):
        assert value(store, f"SELECT count(*) FROM {table}") == 0

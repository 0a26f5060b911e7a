"""Many events at once give the same record as the same events one by one, and as starting over."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.events import BODIES, PERSON_SIGNED
from console.proof.envelope import SYSTEM, SignedEvent
from console.store import projections, rebuild, search, syncing
from console.store._sqlite import Connection, connect_memory
from console.store.opening import Store
from console.store.projection_tables import TABLES, create
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    ROOT,
    Author,
    Cursor,
    body_of,
    desk,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
)

TYPES = sorted(set(BODIES) - {"organisation.founded"})
OTHERS = [key_of(20), key_of(21)]
ONE = new_incident(1)


def _written(author: Author, event_type: str, incident: str, text: str) -> SignedEvent:
    wanted = dict(part.split(":") for part in BODIES[event_type].split())
    fields = {name: text for name, kind in wanted.items() if kind == "s"}
    event = author.write(event_type, incident, body_of(event_type, **fields), actor=COMMANDER.person)
    if event_type not in PERSON_SIGNED:
        return event
    return SignedEvent(event.canon, event.sig, PERSON.sign_text(event.canon.encode()))


_HAPPENINGS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(TYPES), st.integers(1, 3), st.sampled_from(["", "SEV-1", "x y"])),
    min_size=1,
    max_size=25,
)


def _story(happenings: Sequence[tuple[int, str, int, str]]) -> list[SignedEvent]:
    authors = [Author(key) for key in OTHERS]
    return [
        _written(authors[who], event_type, SYSTEM if number == 3 else new_incident(number), text)
        for who, event_type, number, text in happenings
    ]


def _rows(conn: Connection) -> dict[str, list[Any]]:
    found = {table: conn.execute(f"SELECT * FROM {table} ORDER BY n").fetchall() for table in TABLES}
    return found | {"search": conn.execute("SELECT rowid FROM search WHERE search MATCH 'x'").fetchall()}


@given(_HAPPENINGS, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_projected_together_equals_one_by_one(
    happenings: list[tuple[int, str, int, str]], chance: random.Random
) -> None:
    events = [(n, event.envelope) for n, event in enumerate(_story(happenings), search.FOLD_EVERY - 5)]
    positions = {n: (n * 2, chance.choice(["accepted", "rejected"])) for n, _ in events if chance.random() < 0.8}
    together, single = connect_memory(), connect_memory()
    try:
        for conn in (together, single):
            create(conn)
        projections.apply_all(together, events, positions)
        for n, event in events:
            projections.apply(single, n, event)
        for n, (gpos, status) in positions.items():
            projections.place(single, n, gpos, status)
        assert _rows(together) == _rows(single)
    finally:
        together.close()
        single.close()


def _meet(record: Record) -> None:
    with record.transaction() as tx:
        syncing.remember_plane(
            tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
            plane_public_key=PLANE.public_hex, epoch="e1",
        )  # fmt: skip


def _pulled(folder: Path, events: Sequence[SignedEvent], rejected: Sequence[int], page: int) -> dict[str, list[Any]]:
    """What a fresh record holds after pulling these, `page` at a time."""
    with desk(folder) as (store, record):
        _meet(record)
        entries, _ = entries_after(Cursor(), events, rejected)
        cursor = Cursor("e1")
        for start in range(0, len(entries), page):
            part = entries[start : start + page]
            after = Cursor("e1", part[-1].gpos, part[-1].journal_hash, len(entries))
            with record.transaction() as tx:
                syncing.store_entries(tx, cursor, part, after)
            cursor = after
        assert verify_store(store.path).faults == ()
        fresh = connect_memory()
        try:
            create(fresh)
            rebuild.fill(store.conn, fresh)
            assert list(rebuild.differences(store.conn, fresh)) == []
        finally:
            fresh.close()
        return _by_event(store)


def _by_event(store: Store) -> dict[str, list[Any]]:
    with store.reader() as db:
        return {
            "timeline": db.tuples(
                "SELECT event_id, incident, gpos, hlc, status, type, actor, role, device, text FROM timeline ORDER BY 1"
            ),
            "incident": db.tuples(
                "SELECT incident, severity, severity_event, state, state_event, class FROM incident ORDER BY 1"
            ),
            "forks": db.tuples("SELECT hash, reason FROM fork_evidence ORDER BY 1"),
            "journal": db.tuples("SELECT gpos, event_id, event_hash, status, journal_hash FROM journal ORDER BY 1"),
        }


@given(_HAPPENINGS, st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_a_long_page_gives_the_record_that_pages_of_one_give(
    happenings: list[tuple[int, str, int, str]], chance: random.Random
) -> None:
    events = [*organisation(Author(ROOT), *OTHERS), *_story(happenings)]
    rejected = [place for place in range(6, len(events)) if chance.random() < 0.2]
    with TemporaryDirectory() as folder:
        assert _pulled(Path(folder, "a"), events, rejected, 1) == _pulled(Path(folder, "b"), events, rejected, 1000)


@pytest.mark.parametrize("page", [1, 1000])
def test_what_arrived_before_its_predecessor_is_placed_where_it_stands_last(tmp_path: Path, page: int) -> None:
    """In one page the later position decides, as it does over several."""
    author = Author(OTHERS[0])
    first, second = (author.write("note.added", ONE, body_of("note.added", text=text)) for text in "ab")
    found = _pulled(tmp_path / "s", [*organisation(Author(ROOT), *OTHERS), second, first, second], (), page)
    positions = {row[0]: row[2] for row in found["timeline"]}
    assert positions[second.envelope.event_id] == 8
    assert positions[first.envelope.event_id] == 7


def test_an_id_that_two_chains_of_one_page_claim_belongs_to_the_first(store: Store, record: Record) -> None:
    _meet(record)
    mine, theirs = (Author(key) for key in OTHERS)
    taken = mine.write("note.added", ONE, body_of("note.added", text="first"))
    again = theirs.write("note.added", ONE, body_of("note.added", text="second"), event_id=taken.envelope.event_id)
    entries, after = entries_after(Cursor(), [*organisation(Author(ROOT), *OTHERS), taken, again])
    with record.transaction() as tx:
        judged = syncing.store_entries(tx, Cursor(), entries, after)
    assert [why for _, why in judged.forked] == ["its id is that of another event"]
    assert verify_store(store.path).faults == ()


def test_own_events_keep_their_row_and_leave_the_outbox(store: Store, record: Record) -> None:
    _meet(record)
    mine = [note(record, ONE, str(n)) for n in range(3)]
    entries, after = entries_after(Cursor(), mine, [1])
    with record.transaction() as tx:
        syncing.store_entries(tx, Cursor(), entries, after)
    with store.reader() as db:
        assert db.tuples("SELECT gpos, status FROM timeline ORDER BY n") == [
            (1, "accepted"), (2, "rejected"), (3, "accepted"),
        ]  # fmt: skip
        assert syncing.waiting(db) == 0

"""What a desk writes around its events: commands, observations, blobs, drafts, alarms, keys."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from console.domain.commands import (
    ACKNOWLEDGED,
    AUTHORISED,
    DISPATCHED,
    ENDS,
    EXPIRED,
    REFUSED,
    SENT,
    UNKNOWN,
    VERIFIED,
)
from console.domain.errors import InputError, RefusedError
from console.domain.times import parse_utc
from console.store import syncing
from console.store.opening import Store
from console.store.record import Record
from console.store.verify import verify_store
from console.sync.keeping import open_commands
from tests.fakes.full_store import ONE, order_of
from tests.fakes.record_kit import ROOT, Author, Cursor, entries_after, key_of, new_incident, organisation

ID = new_incident(9)


@pytest.fixture
def ordered(record: Record) -> Record:
    with record.transaction() as tx:
        tx.insert_command(order_of(ID), "{}", "device sig", "person sig")
    return record


def _row(store: Store) -> dict[str, Any]:
    with store.reader() as db:
        return db.rows("SELECT * FROM command")[0]


def _move(record: Record, *states: str, **known: Any) -> None:
    for state in states:
        with record.transaction() as tx:
            tx.update_command(ID, state, **known)


def test_an_order_is_a_row_of_its_own_and_never_in_the_outbox(store: Store, ordered: Record) -> None:
    row = _row(store)
    assert (row["state"], row["sent_at"], row["order_canon"], row["incident"]) == (AUTHORISED, "", "{}", ONE)
    assert store.conn.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


def test_a_command_moves_forward_and_keeps_what_is_known(store: Store, ordered: Record) -> None:
    _move(ordered, SENT, sent_at="2026-01-31T14:02:12.000000Z")
    _move(ordered, ACKNOWLEDGED, acknowledged_at="2026-01-31T14:02:13.000000Z")
    _move(ordered, VERIFIED, results={"refuses_new": {"result": "true"}}, offset_us=-40, offset_known=1)
    row = _row(store)
    assert (row["state"], row["sent_at"], row["offset_us"]) == (VERIFIED, "2026-01-31T14:02:12.000000Z", -40)
    assert json.loads(row["results"])["refuses_new"]["result"] == "true"
    assert verify_store(store.path).faults == ()


@pytest.mark.parametrize("end", ENDS)
def test_an_end_never_moves_but_may_learn_more(store: Store, ordered: Record, end: str) -> None:
    _move(ordered, SENT, UNKNOWN, end)
    for to in (SENT, UNKNOWN, AUTHORISED, *(other for other in ENDS if other != end)):
        with pytest.raises(RefusedError, match=f"is {end} and cannot become"):
            _move(ordered, to)
    _move(ordered, end, sentence="looked up again")
    assert _row(store)["sentence"] == "looked up again"


def test_progress_never_goes_back(ordered: Record) -> None:
    _move(ordered, SENT, DISPATCHED)
    with pytest.raises(RefusedError):
        _move(ordered, ACKNOWLEDGED)


def test_an_order_that_was_sent_before_its_row_could_say_so_may_become_unknown(store: Store, ordered: Record) -> None:
    _move(ordered, UNKNOWN, EXPIRED)
    assert _row(store)["state"] == EXPIRED


def test_an_unknown_command_or_field_is_refused(ordered: Record) -> None:
    with pytest.raises(InputError, match="no field 'order_canon'"):
        _move(ordered, REFUSED, order_canon="{}")
    with pytest.raises(InputError, match="There is no command"), ordered.transaction() as tx:
        tx.update_command("x", REFUSED)


def test_drafts_are_replaced_and_dropped(store: Store, record: Record) -> None:
    for text in ("half", "half a thought"):
        with record.transaction() as tx:
            tx.save_draft("k", ONE, "note", text)
    assert store.conn.execute("SELECT text FROM draft").fetchall() == [("half a thought",)]
    with record.transaction() as tx:
        tx.drop_draft("k")
        tx.drop_draft("k")
    assert store.conn.execute("SELECT count(*) FROM draft").fetchone()[0] == 0


def test_an_alarm_stays_until_it_is_settled(store: Store, record: Record) -> None:
    with record.transaction() as tx:
        first = tx.raise_alarm("epoch", "The journal was restarted.")
        assert tx.raise_alarm("epoch", "The journal was restarted.") == first
        tx.settle_alarm(first)
        assert tx.raise_alarm("epoch", "The journal was restarted.") != first
    assert store.conn.execute("SELECT count(*) FROM alarm").fetchone()[0] == 2
    with pytest.raises(InputError, match="no alarm"), record.transaction() as tx:
        tx.settle_alarm("x")


def test_one_root_is_pinned_for_ever(store: Store, record: Record) -> None:
    with record.transaction() as tx:
        tx.hold_key(ROOT.public_hex, "import")
        tx.pin_root(ROOT.public_hex)
        tx.pin_root(ROOT.public_hex)
    with pytest.raises(RefusedError, match="Another organisation"), record.transaction() as tx:
        tx.pin_root(key_of(99).public_hex)
    roots = "SELECT device FROM known_key WHERE origin = 'root'"
    assert store.conn.execute(roots).fetchall() == [(ROOT.id,)]


def test_a_blob_is_noted_once(store: Store, record: Record) -> None:
    for _ in range(2):
        with record.transaction() as tx:
            tx.insert_blob("a" * 64, 5)
    assert store.conn.execute("SELECT sha256, size FROM blob").fetchall() == [("a" * 64, 5)]


@pytest.mark.parametrize(("raised", "began_again", "doubted"), [
    ("", "", False), ("before", "", False), ("after", "", True), ("", "before", False), ("", "after", True),
])  # fmt: skip
def test_a_desk_that_starts_knows_which_orders_a_rolled_back_plane_may_have_forgotten(
    store: Store, ordered: Record, raised: str, began_again: str, doubted: bool
) -> None:
    at = "2026-01-31T14:02:12.000000Z"
    _move(ordered, SENT, sent_at=at)
    sent = parse_utc(at)
    moments = {"before": sent - timedelta(seconds=5), "after": sent + timedelta(seconds=5)}
    if raised:
        with ordered.transaction(moments[raised]) as tx:
            tx.raise_alarm("shrunk", "The journal holds less than before.")
    if began_again:
        with ordered.transaction(moments[began_again]) as tx:
            syncing.start_pull(tx, "e1")
            syncing.start_pull(tx, "e1")
            cursor = Cursor("e1")
            entries, after = entries_after(cursor, organisation(Author(ROOT)))
            tx.pin_root(ROOT.public_hex)
            syncing.store_entries(tx, cursor, entries, after)
    with store.reader() as db:
        (found,) = open_commands(db)
    assert found.doubted is doubted

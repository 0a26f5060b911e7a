"""The sync page: what waits, what is in doubt, and the last checkpoint in words; and a person settling an alarm."""

from pathlib import Path

import pytest

from console.actions.alarms import settle_alarm
from console.domain.errors import InputError
from console.proof.checkpoint import sign_checkpoint
from console.proof.growth import Frontier
from console.proof.journal import journal_leaf
from console.proof.words import eight_words
from console.queries.sync_state import SyncPage, sync_page
from console.store import syncing
from console.store.opening import Store
from console.store.receipts import store_receipts
from tests.fakes.record_kit import (
    PLANE,
    ROOT,
    START,
    Author,
    Cursor,
    Receipt,
    desk,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
)

ONE = new_incident(1)


def page(store: Store) -> SyncPage:
    with store.reader() as db:
        return sync_page(db, "online")


def test_a_record_that_never_met_a_plane(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (store, record):
        first = note(record, ONE)
        note(record, ONE)
        shown = page(store)
        assert (shown.connection, shown.queued, shown.checkpoint, shown.origin) == ("online", 2, None, "")
        with store.reader() as db:
            stored = db.value("SELECT stored_at FROM event WHERE event_id = ?", (first.envelope.event_id,))
        assert shown.oldest_queued == stored
        assert (shown.rejected, shown.quarantined, shown.withheld, shown.recoveries) == (0, 0, 0, 0)


def test_a_record_that_followed_its_plane(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (store, record):
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
        refused, stranger = note(record, ONE), Author(key_of(77))
        strange = stranger.write("note.added", ONE, {"text": "", "happened_at": ""})
        events = [*organisation(Author(ROOT)), strange]
        entries, after = entries_after(Cursor("e1"), events)
        tree = Frontier()
        for event in events:
            tree = tree.after(journal_leaf(event.hash, True))
        signed = sign_checkpoint("o", tree.size, tree.root(), PLANE, "o")
        with record.transaction() as tx:
            syncing.store_entries(tx, Cursor("e1"), entries, after, frontier=tree.text(), checkpoint=signed)
            gone = Receipt(refused.envelope.event_id, refused.hash, "rejected", 0, "", "forbidden", "no")
            store_receipts(tx, "e1", [gone])
            alarm = tx.raise_alarm("epoch", "It was begun anew.")
        shown = page(store)
        assert (shown.queued, shown.rejected, shown.quarantined) == (0, 1, 1)
        assert (shown.origin, shown.epoch, shown.position, shown.size) == ("o", "e1", after.gpos, after.gpos)
        assert shown.checkpoint is not None
        assert (shown.checkpoint.size, shown.checkpoint.words) == (tree.size, eight_words(tree.root()))
        assert sorted(a.kind for a in shown.open_alarms) == ["epoch", "fork", "stranded"]
        settle_alarm(record, alarm, START)
        shown = page(store)
        assert [a.kind for a in shown.open_alarms] == ["fork", "stranded"]
        assert [(a.kind, bool(a.settled_at)) for a in shown.settled_alarms] == [("epoch", True)]
        with record.transaction() as tx:
            syncing.start_pull(tx, "e2")
        shown = page(store)
        assert (shown.recoveries, shown.checkpoint, shown.epoch) == (1, None, "e2")


def test_an_alarm_that_is_not_there_cannot_be_settled(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (_, record), pytest.raises(InputError):
        settle_alarm(record, "none", START)

"""What comes from the plane: data and cursor together, everything judged, nothing dropped, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from console.domain.errors import InputError, RefusedError
from console.domain.rejection import WRITE_AGAIN
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.journal import receipt_object, sign_receipt
from console.queries.rejected import rejected
from console.queries.sync_state import sync_page
from console.store import syncing
from console.store.opening import Store
from console.store.receipts import JournalDoubt, set_aside, store_receipts
from console.store.record import Record
from console.store.verify import verify_store
from console.sync import facts
from console.sync.keeping import keep
from console.sync.values import StoreReceipts
from tests.fakes.record_kit import (
    PLANE,
    ROOT,
    Author,
    Cursor,
    Receipt,
    append,
    body_of,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
)

ONE = new_incident(1)
OTHER = key_of(20)


def _receipt(event: SignedEvent, gpos: int, status: str = "accepted", epoch: str = "e1", **problem: str) -> Receipt:
    event_id = event.envelope.event_id
    sig = sign_receipt(PLANE, receipt_object(event_id, event.hash, status, gpos, epoch))
    return Receipt(event_id, event.hash, status, gpos, sig, **problem)


def _meet(record: Record, *, epoch: str = "e1", root: str = ROOT.public_hex) -> None:
    with record.transaction() as tx:
        syncing.remember_plane(
            tx, origin="o", exercise=True, root_public_key=root, plane_device=PLANE.id,
            plane_public_key=PLANE.public_hex, epoch=epoch,
        )  # fmt: skip


def _pull(record: Record, cursor: Cursor, events: Sequence[SignedEvent], rejected: Sequence[int] = ()) -> Cursor:
    entries, after = entries_after(cursor, events, rejected)
    with record.transaction() as tx:
        syncing.store_entries(tx, cursor, entries, after)
    return after


def _value(store: Store, sql: str) -> object:
    with store.reader() as db:
        return db.value(sql)


@pytest.fixture
def root() -> Author:
    return Author(ROOT)


@pytest.fixture
def met(record: Record, root: Author) -> Cursor:
    """A desk that has met its plane and knows the other desk's device."""
    _meet(record)
    return _pull(record, Cursor(), organisation(root, OTHER))


def _intact(store: Store) -> None:
    assert verify_store(store.path).faults == ()


def test_events_of_others_arrive_in_the_order_of_the_plane(store: Store, record: Record, met: Cursor) -> None:
    other = Author(OTHER)
    mine = note(record, ONE, "mine, first by the clock")
    theirs = [other.write("note.added", ONE, body_of("note.added", text=f"theirs {n}")) for n in range(2)]
    _pull(record, met, [theirs[0], mine, theirs[1]])
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [theirs[0].hash, mine.hash, theirs[1].hash]
        assert syncing.waiting(db) == 0
        assert syncing.sync_position(db).gpos == met.gpos + 3
    _intact(store)


def test_a_page_that_comes_again_is_refused_and_changes_nothing(store: Store, record: Record, met: Cursor) -> None:
    event = Author(OTHER).write("note.added", ONE, body_of("note.added"))
    after = _pull(record, met, [event])
    with pytest.raises(InputError, match="ask again from there"):
        _pull(record, met, [event])
    assert _value(store, "SELECT cursor FROM sync_state") == after.gpos
    _intact(store)


def test_entries_that_do_not_lead_to_the_cursor_change_nothing(store: Store, record: Record, met: Cursor) -> None:
    entries, after = entries_after(met, [Author(OTHER).write("note.added", ONE, body_of("note.added"))])
    for wrong in (Cursor("e1", after.gpos, "0" * 64), Cursor("e1", after.gpos + 1, after.hash)):
        with pytest.raises(InputError), record.transaction() as tx:
            syncing.store_entries(tx, met, entries, wrong)
    assert _value(store, "SELECT count(*) FROM journal") == met.gpos
    assert _value(store, "SELECT count(*) FROM event") == met.gpos


def test_the_same_event_pulled_under_two_positions_is_stored_once(store: Store, record: Record, met: Cursor) -> None:
    event = Author(OTHER).write("note.added", ONE, body_of("note.added"))
    _pull(record, met, [event, event])
    assert _value(store, f"SELECT count(*) FROM event WHERE incident = '{ONE}'") == 1
    _intact(store)


def test_a_rejected_event_stays_in_the_timeline_and_decides_nothing(store: Store, record: Record, met: Cursor) -> None:
    append(record, "incident.opened", ONE, severity="SEV-3", title="t")
    graded = append(record, "severity.graded", ONE, level="SEV-0")
    assert _value(store, "SELECT severity FROM incident") == "SEV-0"
    with store.reader() as db:
        mine = [item.event for item in syncing.outbox(db, 10, 10**6)]
    assert graded.hash == mine[1].hash
    _pull(record, met, mine, rejected=[1])
    assert _value(store, "SELECT severity FROM incident") == "SEV-3"
    assert _value(store, "SELECT status FROM timeline WHERE type = 'severity.graded'") == "rejected"
    assert _value(store, "SELECT count(*) FROM severity_now") == 1
    _intact(store)


def test_the_journal_decides_what_holds_now_not_the_clock(store: Store, record: Record, met: Cursor) -> None:
    other = Author(OTHER)
    opened = append(record, "incident.opened", ONE, severity="SEV-3", title="t")
    late = append(record, "lifecycle.entered", ONE, state="mitigated")
    early = other.write("lifecycle.entered", ONE, body_of("lifecycle.entered", state="contained"))
    assert early.envelope.hlc < late.envelope.hlc
    cursor = _pull(record, met, [opened, early])
    assert _value(store, "SELECT state FROM incident") == "mitigated"  # ours is still in the tail
    cursor = _pull(record, cursor, [late])
    assert _value(store, "SELECT state FROM incident") == "mitigated"
    again = other.write("lifecycle.entered", ONE, body_of("lifecycle.entered", state="open"))
    _pull(record, cursor, [again])
    assert _value(store, "SELECT state FROM incident") == "open"
    assert _value(store, "SELECT count(*) FROM lifecycle") == 3  # the ones that no longer hold are all kept
    _intact(store)


def test_an_event_that_does_not_fit_is_quarantined_and_raises_an_alarm(
    store: Store, record: Record, met: Cursor
) -> None:
    other = Author(OTHER)
    first = other.write("note.added", ONE, body_of("note.added", text="one"))
    fork = other.write("note.added", ONE, body_of("note.added", text="another one"), seq=1, prev_hash="0" * 64)
    _pull(record, met, [first, fork])
    assert _value(store, "SELECT hash FROM fork_evidence") == fork.hash
    assert _value(store, "SELECT kind FROM alarm") == "fork"
    assert _value(store, f"SELECT count(*) FROM timeline WHERE incident = '{ONE}'") == 1
    _intact(store)


def test_a_gap_in_a_chain_is_quarantined(store: Store, record: Record, met: Cursor) -> None:
    other = Author(OTHER)
    other.write("note.added", ONE, body_of("note.added", text="never sent"))
    _pull(record, met, [other.write("note.added", ONE, body_of("note.added"))])
    assert _value(store, "SELECT count(*) FROM fork_evidence") == 1
    assert _value(store, "SELECT count(*) FROM alarm") == 1
    _intact(store)


def test_a_forgery_that_the_plane_rejected_cannot_take_the_place_of_the_event(
    store: Store, record: Record, met: Cursor
) -> None:
    """The attack: push a text in the victim's place; its rejection stands in the journal before the original."""
    other = Author(OTHER)
    true = other.write("note.added", ONE, body_of("note.added", text="true"))
    lie = Author(OTHER).write("note.added", ONE, body_of("note.added", text="a lie"))
    forged = SignedEvent(lie.canon, key_of(66).sign_text(lie.canon.encode()))
    _pull(record, met, [forged, true], rejected=[0])
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [true.hash]
    assert _value(store, "SELECT hash FROM fork_evidence") == forged.hash
    assert _value(store, "SELECT count(*) FROM alarm") == 0
    _intact(store)


def test_the_newest_signature_vouches_for_the_chain_and_a_bad_one_for_nothing(
    store: Store, record: Record, met: Cursor
) -> None:
    other = Author(OTHER)
    events = [other.write("note.added", ONE, body_of("note.added", text=str(n))) for n in range(3)]
    events[2] = SignedEvent(events[2].canon, events[1].sig)
    _pull(record, met, events)
    assert _value(store, f"SELECT max(seq) FROM event WHERE incident = '{ONE}'") == 2
    assert _value(store, "SELECT count(*) FROM fork_evidence") == 1
    assert _value(store, "SELECT count(*) FROM alarm") == 1


def test_a_device_that_nobody_certified_is_quarantined(store: Store, record: Record, met: Cursor) -> None:
    _pull(record, met, [Author(key_of(77)).write("note.added", ONE, body_of("note.added"))])
    assert "not known here" in str(_value(store, "SELECT reason FROM fork_evidence"))


def test_a_certificate_and_what_it_certifies_may_come_in_one_page(store: Store, record: Record, root: Author) -> None:
    _meet(record)
    event = Author(OTHER).write("note.added", ONE, body_of("note.added"))
    founded = organisation(root, OTHER)
    _pull(record, Cursor(), [founded[0], founded[1], event, *founded[2:]])
    assert _value(store, "SELECT count(*) FROM fork_evidence") == 0
    _intact(store)


def test_only_the_pinned_root_certifies_people_and_roles(store: Store, record: Record, met: Cursor) -> None:
    impostor = {"person": "eve@example.org", "public_key": key_of(5).public_hex, "display_name": "Eve"}
    _pull(record, met, [Author(OTHER).write("person.certified", SYSTEM, impostor)])
    with store.reader() as db:
        assert [row["person"] for row in db.rows("SELECT person FROM person_now")] == ["ic@example.org"]
        assert db.tuples("SELECT person, role FROM grant_now") == [("ic@example.org", "incident_commander")]


def test_an_event_of_the_other_world_is_quarantined(store: Store, record: Record, met: Cursor) -> None:
    _pull(record, met, [Author(OTHER, exercise=False).write("note.added", ONE, body_of("note.added"))])
    assert "other world" in str(_value(store, "SELECT reason FROM fork_evidence"))


def test_what_cannot_be_read_at_all_is_kept_as_it_came(store: Store, record: Record, met: Cursor) -> None:
    _pull(record, met, [SignedEvent('{"v": 1}', "AAAA")], rejected=[0])
    assert _value(store, "SELECT canon FROM fork_evidence") == '{"v": 1}'
    _intact(store)


def test_receipts_settle_the_outbox_once(store: Store, record: Record, met: Cursor) -> None:
    events = [note(record, ONE, str(n)) for n in range(3)]
    receipts = [
        _receipt(events[0], 5),
        _receipt(events[1], 6, "rejected", problem_kind="forbidden", problem_detail="no"),
    ]
    for _ in range(2):
        with record.transaction() as tx:
            store_receipts(tx, "e1", receipts)
    with store.reader() as db:
        assert [item.event.hash for item in syncing.outbox(db, 10, 10**6)] == [events[2].hash]
        statuses = db.tuples(f"SELECT status, gpos FROM timeline WHERE incident = '{ONE}' ORDER BY n LIMIT 2")
        assert statuses == [("accepted", 5), ("rejected", 6)]
    _intact(store)


def test_a_receipt_of_another_journal_settles_nothing(store: Store, record: Record, met: Cursor) -> None:
    event = note(record, ONE)
    with record.transaction() as tx:
        store_receipts(tx, "e0", [_receipt(event, 5, epoch="e0")])
    assert _value(store, "SELECT count(*) FROM outbox") == 1
    _intact(store)


def test_an_event_set_aside_is_shown_as_refused(store: Store, record: Record, met: Cursor) -> None:
    event = note(record, ONE)
    with record.transaction() as tx:
        set_aside(tx, event.envelope.event_id, "malformed", "the plane cannot read it")
    assert _value(store, f"SELECT status FROM timeline WHERE incident = '{ONE}'") == "rejected"
    assert _value(store, "SELECT count(*) FROM outbox") == 0
    _intact(store)


def test_what_follows_an_event_set_aside_stays_here_shown_and_told_and_new_chains_begin(
    store: Store, record: Record, met: Cursor
) -> None:
    events = [note(record, ONE, str(n)) for n in range(4)]
    with record.transaction() as tx:
        store_receipts(tx, "e1", [_receipt(events[0], 5)])
        assert set_aside(tx, events[1].envelope.event_id, "malformed", "the plane cannot read it")
    with store.reader() as db:
        shown = db.tuples(f"SELECT status FROM timeline WHERE incident = '{ONE}' ORDER BY n")
        assert [row[0] for row in shown] == ["accepted", "rejected", "rejected", "rejected"]
        assert [one.event_id for one in rejected(db)] == [e.envelope.event_id for e in reversed(events[1:])]
        assert all(WRITE_AGAIN in one.actions and one.reason for one in rejected(db))
        assert sync_page(db, "online").not_at_plane == 3
    assert _value(store, "SELECT count(*) FROM alarm WHERE kind = 'stranded'") == 1
    assert _value(store, "SELECT count(*) FROM outbox") == 0
    _intact(store)


def test_an_answer_without_a_position_settles_nothing_while_the_one_before_may_come(
    store: Store, record: Record, met: Cursor
) -> None:
    events = [note(record, ONE, str(n)) for n in range(2)]
    early = _receipt(events[1], 0, "rejected", problem_kind="conflict", problem_detail="send the earlier ones first")
    with record.transaction() as tx:
        assert not store_receipts(tx, "e1", [early])
    assert _value(store, "SELECT count(*) FROM outbox") == 2
    assert _value(store, "SELECT count(*) FROM timeline WHERE status = 'rejected'") == 0
    with record.transaction() as tx:
        store_receipts(tx, "e1", [_receipt(events[0], 5)])
        store_receipts(tx, "e1", [_receipt(events[1], 6)])
    assert _value(store, "SELECT count(*) FROM outbox") == 0
    _intact(store)


def test_a_plane_that_asks_for_what_it_had_accepted_was_rolled_back(store: Store, record: Record, met: Cursor) -> None:
    events = [note(record, ONE, str(n)) for n in range(2)]
    early = _receipt(events[1], 0, "rejected", problem_kind="conflict", problem_detail="send the earlier ones first")
    with record.transaction() as tx:
        store_receipts(tx, "e1", [_receipt(events[0], 5)])
    with pytest.raises(JournalDoubt) as doubt, record.transaction() as tx:
        store_receipts(tx, "e1", [early])
    assert doubt.value.kind == "receipt"
    assert _value(store, "SELECT count(*) FROM outbox") == 1


def test_what_follows_the_end_of_a_fork_stays_here_and_new_chains_begin(
    store: Store, record: Record, met: Cursor
) -> None:
    events = [note(record, ONE, str(n)) for n in range(3)]
    forked = _receipt(events[0], 5, "rejected", problem_kind="conflict", problem_detail="The chain is forked")
    early = _receipt(events[1], 0, "rejected", problem_kind="conflict", problem_detail="send the earlier ones first")
    answers = tuple(
        facts.Receipt(**{f.name: getattr(one, f.name) for f in fields(facts.Receipt)}) for one in (forked, early)
    )
    write = StoreReceipts(1, "e1", answers)
    keep(record, write, datetime(2026, 1, 2, tzinfo=UTC))
    assert record.incarnation == 2
    assert _value(store, "SELECT count(*) FROM outbox") == 1, "chain.restarted alone"
    with store.reader() as db:
        assert sync_page(db, "online").not_at_plane == 2
        (item,) = syncing.outbox(db, 10, 10**6)
    assert (item.event.envelope.type, item.event.envelope.incarnation) == ("chain.restarted", 2)
    _intact(store)


def test_the_outbox_keeps_both_limits_but_always_gives_one(store: Store, record: Record) -> None:
    for n in range(5):
        note(record, ONE, str(n) * 500)
    with store.reader() as db:
        assert len(syncing.outbox(db, 3, 10**6)) == 3
        assert len(syncing.outbox(db, 10, 2600)) == 2
        assert len(syncing.outbox(db, 10, 1)) == 1


def test_a_new_pull_keeps_everything_and_offers_it_again(store: Store, record: Record, met: Cursor) -> None:
    mine = note(record, ONE)
    _pull(record, met, [mine])
    with record.transaction() as tx:
        syncing.start_pull(tx, "e2")
    assert _value(store, "SELECT count(*) FROM event") == _value(store, "SELECT count(*) FROM outbox")
    assert _value(store, "SELECT count(*) FROM timeline WHERE status = 'accepted'") == 0
    _intact(store)
    entries, after = entries_after(Cursor(), [mine], epoch="e2")
    with record.transaction() as tx:
        syncing.store_entries(tx, Cursor("e2"), entries, after)
    assert _value(store, "SELECT pull || epoch FROM sync_state") == "2e2"
    _intact(store)


def test_another_organisation_plane_or_world_is_refused(record: Record, met: Cursor) -> None:
    with pytest.raises(RefusedError):
        _meet(record, root=key_of(99).public_hex)
    with pytest.raises(RefusedError):
        _meet(record, epoch="e9")
    _meet(record)


def test_a_clock_far_ahead_does_not_carry_ours_away(store: Store, record: Record, met: Cursor) -> None:
    before = note(record, ONE).envelope.hlc
    other = Author(OTHER)
    wild = other.write("note.added", ONE, body_of("note.added"), hlc="ffffffffffffffff")
    near = other.write("note.added", ONE, body_of("note.added"), hlc=f"{int(before, 16) + (1000 << 16):016x}")
    _pull(record, met, [note(record, new_incident(2)), wild, near])
    after = note(record, ONE).envelope.hlc
    assert near.envelope.hlc < after < wild.envelope.hlc
    _intact(store)


def test_seen_position_stands_in_the_next_event(record: Record, met: Cursor) -> None:
    assert note(record, ONE).envelope.seen_gpos == met.gpos

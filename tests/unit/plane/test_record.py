"""The journal on disk: positions, hashes and receipts that never change, and what a new start reads back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault
from console.plane import journal
from console.plane.db import Database, Transaction, database_url
from console.plane.founding import DEVICE_KEY, found_plane, read_key, sign_as_root
from console.plane.journal import Receipt
from console.plane.record import Record, birth_of
from console.proof.chain import verify_chain
from console.proof.envelope import SignedEvent
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash, receipt_object, verify_receipt
from tests.fakes.people import DESK, INCIDENT, some
from tests.fakes.planes import World, certificates


def opened(folder: Path) -> tuple[Database, Record]:
    database = Database.opened(database_url(str(folder / "plane.db")))
    key = read_key(folder / "plane-device.key", DEVICE_KEY)
    birth = database.write_now(lambda tx: birth_of(tx.connection))
    record = Record(birth, key, "0" * 64, lambda: datetime.now(UTC))
    database.write_now(lambda tx: record.load(tx.connection))
    return database, record


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Database, Record]]:
    """A founded plane's database and record that know DESK."""
    world = World(tmp_path)
    database, record = opened(tmp_path)
    made = sign_as_root(world.root, world.founded.root_chain, certificates(DESK), exercise=True, now=datetime.now(UTC))
    take(database, record, made)
    yield database, record
    database.close()


def take(database: Database, record: Record, events: Sequence[SignedEvent]) -> list[Receipt]:
    return database.write_now(lambda tx: record.take(tx, events))


def whole(database: Database) -> list[journal.Entry]:
    return database.write_now(lambda tx: journal.page(tx.connection, 0, 1000))


def test_positions_have_no_gap_and_the_hash_covers_every_entry(kept: tuple[Database, Record]) -> None:
    database, record = kept
    events = some(5)
    take(database, record, [events[0], replace(events[1], sig=""), *events[1:3]])
    entries, at = whole(database), EMPTY_JOURNAL_HASH
    assert [entry.gpos for entry in entries] == list(range(1, len(entries) + 1))
    for entry in entries:
        at = journal_hash(at, entry.event.hash, entry.status == "accepted")
        assert entry.journal_hash == at
    assert (record.head.gpos, record.head.hash) == (len(entries), at)


def test_the_same_event_has_the_same_receipt_for_ever(kept: tuple[Database, Record]) -> None:
    database, record = kept
    events = some(2)
    first = take(database, record, events)
    size = record.head.gpos
    assert take(database, record, [events[1], events[0]]) == [first[1], first[0]]
    assert record.head.gpos == size
    shape = receipt_object(first[0].event_id, first[0].hash, "accepted", first[0].gpos, record.birth.epoch)
    assert verify_receipt(record.birth.plane_public_key, shape, first[0].server_sig)


def test_a_rejection_is_an_entry_and_its_receipt_stays(kept: tuple[Database, Record]) -> None:
    database, record = kept
    wrong = some(2, exercise=False)
    receipts = take(database, record, wrong)
    assert [(r.status, r.problem["kind"]) for r in receipts] == [("rejected", "wrong_world")] * 2
    assert [entry.status for entry in whole(database)[-2:]] == ["rejected"] * 2
    assert take(database, record, wrong) == receipts


def test_a_rejection_does_not_block_what_follows_in_its_chain(kept: tuple[Database, Record]) -> None:
    database, record = kept
    bad = some(1, exercise=False)[0]
    take(database, record, [bad])
    found = database.write_now(lambda tx: journal.chain_head(tx.connection, bad.envelope.chain))
    assert (found.seq, found.hash) == (1, bad.hash)


def test_a_gap_takes_no_place_and_is_accepted_once_it_is_closed(kept: tuple[Database, Record]) -> None:
    database, record = kept
    first, second = some(2)
    early = take(database, record, [second])[0]
    assert (early.status, early.gpos, early.problem["kind"]) == ("rejected", 0, "conflict")
    assert [r.status for r in take(database, record, [first, second])] == ["accepted", "accepted"]


def test_an_unreadable_event_takes_no_place(kept: tuple[Database, Record]) -> None:
    database, record = kept
    size = record.head.gpos
    receipts = take(database, record, [SignedEvent("{}", ""), SignedEvent("\ud800", ""), SignedEvent("[1.5]", "")])
    assert [(r.status, r.gpos, r.problem["kind"]) for r in receipts] == [("rejected", 0, "malformed")] * 3
    assert record.head.gpos == size


def test_a_device_certified_in_a_batch_may_write_in_the_same_batch(tmp_path: Path) -> None:
    world = World(tmp_path)
    database, record = opened(tmp_path)
    made = sign_as_root(world.root, world.founded.root_chain, certificates(DESK), exercise=True, now=datetime.now(UTC))
    assert {r.status for r in take(database, record, [*made, *some(1)])} == {"accepted"}
    database.close()


def test_what_is_rolled_back_is_not_published(kept: tuple[Database, Record]) -> None:
    database, record = kept
    before = (record.head, record.identities)

    def fails(tx: Transaction) -> None:
        record.take(tx, some(1))
        raise EnvironmentFault("The disk is full.")

    with pytest.raises(EnvironmentFault, match="disk is full"):
        database.write_now(fails)
    assert (record.head, record.identities) == before
    assert [r.status for r in take(database, record, some(1))] == ["accepted"]


def test_its_own_events_are_a_chain_that_verifies(kept: tuple[Database, Record]) -> None:
    database, record = kept
    body = {"command_id": "c", "state": "unknown", "sentence": "x"}
    for _ in range(3):
        database.write_now(lambda tx: record.write(tx, "switch.ended", INCIDENT, body))
    mine = [e.event for e in whole(database) if e.event.envelope.device == record.key.id]
    assert verify_chain(mine, record.key.public_hex).seq == 3
    assert [event.envelope.seen_gpos for event in mine] == [record.head.gpos - 3 + n for n in range(3)]


def test_a_new_start_knows_what_the_last_one_knew(kept: tuple[Database, Record], tmp_path: Path) -> None:
    database, record = kept
    database.write_now(
        lambda tx: record.write(tx, "switch.ended", INCIDENT, {"command_id": "c", "state": "", "sentence": ""})
    )
    database.close()
    again, reborn = opened(tmp_path)
    assert (reborn.identities, reborn.head) == (record.identities, record.head)
    again.write_now(
        lambda tx: reborn.write(tx, "switch.ended", INCIDENT, {"command_id": "c", "state": "", "sentence": ""})
    )
    clocks = [e.event.envelope.hlc for e in whole(again) if e.event.envelope.device == record.key.id]
    assert clocks == sorted(set(clocks))
    again.close()


def test_who_has_access_is_known_after_a_new_start(kept: tuple[Database, Record], tmp_path: Path) -> None:
    database, record = kept
    body = {"role": "scribe", "person": "p@example.org", "saw": ""}
    database.write_now(lambda tx: record.write(tx, "role.taken", INCIDENT, body))
    database.write_now(lambda tx: record.write(tx, "access.limited", INCIDENT, {"reason": "x"}))
    access = record.access(INCIDENT)
    assert (access.limited, access.lets_in("p@example.org"), access.lets_in("q@example.org")) == (True, True, False)
    database.close()
    again, reborn = opened(tmp_path)
    assert reborn.access(INCIDENT) == access
    again.close()


def test_the_database_itself_refuses_to_rewrite_the_journal(kept: tuple[Database, Record]) -> None:
    database, _ = kept
    for statement in ("UPDATE journal SET status = 'accepted'", "DELETE FROM journal"):

        def rewrite(tx: Transaction, statement: str = statement) -> None:
            tx.connection.exec_driver_sql(statement)

        with pytest.raises(EnvironmentFault, match="append-only"):
            database.write_now(rewrite)


def test_a_plane_is_born_in_one_world(tmp_path: Path) -> None:
    at = datetime.now(UTC)
    for exercise, name in ((True, "exercise"), (False, "production")):
        folder = tmp_path / name
        founded = found_plane(
            str(folder / "plane.db"), folder / "root.key", exercise=exercise, organisation="x", now=at
        )
        assert founded.origin.startswith(f"{name}/")
        database, record = opened(folder)
        types = [entry.event.envelope.type for entry in whole(database)]
        assert types == ["organisation.founded", "plane.certified"]
        assert record.birth.exercise is exercise
        assert {entry.event.envelope.exercise for entry in whole(database)} == {exercise}
        database.close()

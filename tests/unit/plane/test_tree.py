"""The journal's tree in the database against one built whole, at every small size, for every pair of sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from console.domain.errors import EnvironmentFault, InputError
from console.plane import journal, tree
from console.plane.db import Database, Transaction
from console.plane.founding import sign_as_root
from console.plane.record import Record
from console.plane.tables import TREE
from console.proof.checkpoint import NoteKey, verify_checkpoint
from console.proof.envelope import SignedEvent
from console.proof.growth import Frontier, consistency_path, continues
from console.proof.journal import ACCEPTED, journal_leaf
from console.proof.merkle import includes, inclusion_path, root
from tests.fakes.people import DESK, fresh_id, some
from tests.fakes.planes import World, certificates, now
from tests.unit.plane.test_record import opened, take, whole

MOST = 40


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Record, list[bytes]]]:
    """A journal of MOST entries, made one, two and three at a time, and its leaves."""
    folder = tmp_path_factory.mktemp("plane")
    world = World(folder)
    database, record = opened(folder)
    take(database, record, world.certified)
    events = certify_desk(world, record, database)
    while record.head.gpos < MOST:
        part, events = events[: 1 + record.head.gpos % 3], events[1 + record.head.gpos % 3 :]
        take(database, record, part[: MOST - record.head.gpos])
    leaves = [journal_leaf(e.event_hash, e.status == ACCEPTED) for e in whole(database)]
    assert len(leaves) == MOST
    yield database, record, leaves
    database.close()


def certify_desk(world: World, record: Record, database: Database) -> list[SignedEvent]:
    head = database.write_now(lambda tx: journal.chain_head(tx.connection, (world.root.id, "system", 1)))
    take(database, record, sign_as_root(world.root, head, certificates(DESK), exercise=True, now=now()))
    exercise_not = some(3, DESK, fresh_id(), exercise=False)  # rejected, and entries like any other
    return [*exercise_not, *some(MOST)]


def test_the_leaves_hold_a_rejection_too(grown: tuple[Database, Record, list[bytes]]) -> None:
    assert {entry.status for entry in whole(grown[0])} == {"accepted", "rejected"}


def test_the_frontier_in_the_head_is_that_of_the_tree_built_whole(grown: tuple[Database, Record, list[bytes]]) -> None:
    database, _, leaves = grown
    frontier = database.write_now(lambda tx: journal.frontier(tx.connection))
    assert (frontier.size, frontier.root()) == (MOST, root(leaves))


def test_the_table_holds_every_complete_subtree_and_nothing_else(grown: tuple[Database, Record, list[bytes]]) -> None:
    database, _, leaves = grown
    rows = database.write_now(lambda tx: tx.connection.execute(select(TREE)).all())
    assert {(row.level, row.at): bytes.fromhex(row.hash) for row in rows} == tree.nodes_of(leaves)
    assert tree.nodes_of(leaves)[1, 0] == root(leaves[:2])


def test_every_earlier_size_is_continued_by_every_later_one(grown: tuple[Database, Record, list[bytes]]) -> None:
    database, _, leaves = grown

    def check(tx: Transaction) -> None:
        for second in range(MOST + 1):
            for first in range(second + 1):
                path = tree.consistency(tx.connection, first, second)
                assert path == consistency_path(leaves[:second], first)
                assert continues(first, root(leaves[:first]), second, root(leaves[:second]), path)

    database.write_now(check)


def test_every_entry_is_in_every_later_tree(grown: tuple[Database, Record, list[bytes]]) -> None:
    database, _, leaves = grown

    def check(tx: Transaction) -> None:
        for size in range(1, MOST + 1):
            for gpos in range(1, size + 1):
                path = tree.inclusion(tx.connection, gpos, size)
                assert path == inclusion_path(leaves[:size], gpos - 1)
                assert tree.leaf(tx.connection, gpos) == leaves[gpos - 1]
                assert includes(root(leaves[:size]), size, gpos - 1, leaves[gpos - 1], path)

    database.write_now(check)


def test_what_is_no_pair_of_sizes_is_refused(grown: tuple[Database, Record, list[bytes]]) -> None:
    def check(tx: Transaction) -> None:
        for ask in (
            lambda: tree.consistency(tx.connection, 3, 2),
            lambda: tree.inclusion(tx.connection, 0, 2),
            lambda: tree.inclusion(tx.connection, 3, 2),
        ):
            with pytest.raises(InputError):
                ask()

    grown[0].write_now(check)


def test_a_checkpoint_is_signed_once_a_size_and_verifies(grown: tuple[Database, Record, list[bytes]]) -> None:
    _, record, leaves = grown
    birth, signer = record.birth, tree.Checkpoints(record.birth.origin, record.key)
    frontier = Frontier()
    for leaf in leaves[:5]:
        frontier = frontier.after(leaf)
        note = signer.note(frontier)
        assert signer.note(replace(frontier)) is note
        checkpoint, _ = verify_checkpoint(note, [NoteKey(birth.origin, birth.plane_public_key)])
        assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (birth.origin, frontier.size, frontier.root())


def test_what_is_rolled_back_grows_no_tree(tmp_path: Path) -> None:
    World(tmp_path)
    database, record = opened(tmp_path)
    before = database.write_now(lambda tx: journal.frontier(tx.connection))

    def fails(tx: Transaction) -> None:
        record.write(tx, "switch.ended", fresh_id(), {"command_id": "c", "state": "", "sentence": ""})
        raise EnvironmentFault("The disk is full.")

    with pytest.raises(EnvironmentFault):
        database.write_now(fails)
    assert database.write_now(lambda tx: journal.frontier(tx.connection)) == before
    database.close()

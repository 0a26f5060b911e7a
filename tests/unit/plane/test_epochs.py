"""A database that was put back is noticed by its guard, goes on under a new epoch, and takes the lost events again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault, InputError
from console.plane import journal
from console.plane.backup import Restored, back_up, restore
from console.plane.db import Database, Transaction
from console.plane.epochs import Guard, GuardKeeper, begin_epoch, guard_file, read_guard, rollback_sign, write_guard
from console.plane.founding import DEVICE_KEY, read_key, sign_as_root
from console.plane.record import Record
from console.proof.journal import receipt_object, verify_receipt
from tests.fakes.people import INCIDENT, some
from tests.fakes.planes import World, certificates, now
from tests.unit.plane.test_record import opened, take, whole

ENDED = {"command_id": "c", "state": "", "sentence": ""}


def founded(folder: Path) -> tuple[Database, Record]:
    """A plane that knows the desk of `people`."""
    from tests.fakes.people import DESK

    world = World(folder)
    database, record = opened(folder)
    made = sign_as_root(world.root, world.founded.root_chain, certificates(DESK), exercise=True, now=now())
    take(database, record, made)
    return database, record


def guard_path(folder: Path) -> Path:
    return guard_file(str(folder / "plane.db"), folder / "plane-device.key")


def put_back(folder: Path, backup: Path) -> Restored:
    key = read_key(folder / "plane-device.key", DEVICE_KEY)
    return restore(str(folder / "plane.db"), backup, key, guard_path(folder), "0" * 64, now)


def test_the_guard_is_kept_and_read_back(tmp_path: Path) -> None:
    database, record = founded(tmp_path)
    keeper = GuardKeeper(guard_path(tmp_path), record)
    keeper.keep()
    birth, head = record.birth, record.head
    guard = Guard(birth.origin, birth.epoch, birth.incarnation, head.gpos, head.hash)
    assert read_guard(guard_path(tmp_path)) == guard
    assert database.write_now(lambda tx: rollback_sign(tx.connection, birth, guard)) == ""
    take(database, record, some(2))
    assert database.write_now(lambda tx: rollback_sign(tx.connection, birth, guard)) == ""  # it lags, and may
    keeper.close()
    assert read_guard(guard_path(tmp_path)) != guard
    database.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"gpos": 99}, "were acknowledged"), ({"journal_hash": "f" * 64}, "another history"), ({"epoch": "x"}, "anew")],
)
def test_what_the_guard_shows(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    database, record = founded(tmp_path)
    birth, head = record.birth, record.head
    good = {"origin": birth.origin, "epoch": birth.epoch, "incarnation": 1, "gpos": head.gpos}
    guard = Guard(**good | {"journal_hash": head.hash} | changes)  # type: ignore[arg-type]
    assert says in database.write_now(lambda tx: rollback_sign(tx.connection, birth, guard))
    other = Guard("exercise/other", guard.epoch, 1, 99, "")
    assert database.write_now(lambda tx: rollback_sign(tx.connection, birth, other)) == ""
    database.close()


def test_a_damaged_guard_is_one_sentence(tmp_path: Path) -> None:
    path = guard_path(tmp_path)
    assert read_guard(path) is None
    for text in ("", "{", "[]", '{"origin": 1}'):
        path.write_text(text)
        with pytest.raises(InputError, match="damaged"):
            read_guard(path)
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_guard(tmp_path / "none" / "guard", Guard("", "", 1, 0, ""))


def test_a_new_epoch_says_so_first_under_an_incarnation_nobody_used(tmp_path: Path) -> None:
    database, record = founded(tmp_path)
    size, birth = record.head.gpos, record.birth
    guard = Guard(birth.origin, "later", 7, 99, "")

    def begin(tx: Transaction, known: Guard | None) -> int:
        return begin_epoch(tx, birth, record.key, "0" * 64, now, known, "because").incarnation

    assert database.write_now(lambda tx: begin(tx, guard)) == 8
    last = whole(database)[-1].event.envelope
    assert (last.type, last.incarnation, last.seq, last.body["size"]) == ("epoch.began", 8, 1, size)
    assert (last.body["previous"], last.body["reason"]) == (birth.epoch, "because")
    assert database.write_now(lambda tx: begin(tx, None)) > 1_700_000_000  # without a guard: the clock's seconds
    database.close()


def test_a_backup_put_back_takes_the_lost_events_again_with_new_receipts(tmp_path: Path) -> None:
    database, record = founded(tmp_path)
    first, *lost = some(4)
    old = take(database, record, [first])[0]
    database.write_now(lambda tx: record.write(tx, "switch.ended", INCIDENT, ENDED))
    back_up(str(tmp_path / "plane.db"), tmp_path / "backup")
    take(database, record, lost)
    for _ in range(2):
        database.write_now(lambda tx: record.write(tx, "switch.ended", INCIDENT, ENDED))
    held = whole(database)
    GuardKeeper(guard_path(tmp_path), record).keep()
    database.close()

    done = put_back(tmp_path, tmp_path / "backup")
    assert done.kept is not None
    assert done.kept.exists()
    database, reborn = opened(tmp_path)
    assert (reborn.birth.epoch, reborn.birth.incarnation) == (done.epoch, 2)
    guard = read_guard(guard_path(tmp_path))
    assert database.write_now(lambda tx: rollback_sign(tx.connection, reborn.birth, guard)) == ""
    receipts = take(database, reborn, [entry.event for entry in held])
    assert {receipt.status for receipt in receipts} == {"accepted"}
    assert [entry.event.hash for entry in whole(database) if entry.event not in [e.event for e in held]] == [
        next(e.event.hash for e in whole(database) if e.event.envelope.type == "epoch.began")
    ]
    again = take(database, reborn, [first])[0]
    receipt = receipt_object(old.event_id, old.hash, old.status, old.gpos, done.epoch)
    assert (again.gpos, again.server_sig == old.server_sig) == (old.gpos, False)
    assert verify_receipt(reborn.birth.plane_public_key, receipt, again.server_sig)
    assert take(database, reborn, [first])[0] == again
    database.write_now(lambda tx: reborn.write(tx, "switch.ended", INCIDENT, ENDED))
    assert whole(database)[-1].event.envelope.chain == (reborn.key.id, INCIDENT, 2)
    back_up(str(tmp_path / "plane.db"), tmp_path / "second")  # receipts of two epochs in one journal
    database.close()
    assert put_back(tmp_path, tmp_path / "second").size == len(held) + 2


def spoil(statement: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        from console.plane.db import database_url

        database = Database.opened(database_url(str(backup)))

        def work(tx: Transaction) -> None:
            for verb in ("update", "delete"):
                tx.connection.exec_driver_sql(f"DROP TRIGGER journal_no_{verb}")
            tx.connection.exec_driver_sql(statement)

        database.write_now(work)
        database.close()

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (spoil("UPDATE journal SET canon = replace(canon, 'note 1', 'note 2')"), "was changed"),
        (spoil("UPDATE journal SET actor = 'eve' WHERE gpos = 3"), "entry 3 was changed"),
        (spoil("DELETE FROM journal WHERE gpos = 3"), "entry 3 is missing"),
        (spoil("DELETE FROM journal WHERE gpos = (SELECT max(gpos) FROM journal)"), "head says"),
        (spoil("UPDATE journal SET status = 'rejected' WHERE gpos = 3"), "does not continue"),
        (spoil("UPDATE journal SET server_sig = '' WHERE gpos = 3"), "receipt of entry 3"),
        (spoil("DELETE FROM tree WHERE level = 1 AND at = 0"), "the tree"),
        (lambda path: path.write_bytes(path.read_bytes()[:4096]), "not a backup that can be put back"),
        (lambda path: path.write_text("no database"), "not a backup that can be put back"),
        (lambda path: path.unlink(), "There is no backup"),
    ],
    ids=["text", "columns", "gap", "end", "status", "receipt", "tree", "half a file", "no database", "no file"],
)
def test_a_backup_that_was_touched_is_refused_and_nothing_is_changed(
    tmp_path: Path, change: Callable[[Path], None], says: str
) -> None:
    database, record = founded(tmp_path)
    take(database, record, some(3))
    back_up(str(tmp_path / "plane.db"), tmp_path / "backup")
    before = whole(database)
    with pytest.raises(EnvironmentFault, match="Another plane runs"):
        put_back(tmp_path, tmp_path / "backup")
    database.close()
    change(tmp_path / "backup")
    with pytest.raises(InputError, match=says):
        put_back(tmp_path, tmp_path / "backup")
    database, again = opened(tmp_path)
    assert (whole(database), again.birth) == (before, record.birth)
    database.close()
    assert not list(tmp_path.glob("*.restoring*"))


def test_another_planes_backup_is_refused(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        database, _ = founded(tmp_path / name)
        database.close()
    back_up(str(tmp_path / "theirs" / "plane.db"), tmp_path / "backup")
    with pytest.raises(InputError, match="another plane"):
        put_back(tmp_path / "ours", tmp_path / "backup")


def test_a_backup_is_never_overwritten_and_needs_a_plane(tmp_path: Path) -> None:
    database, _ = founded(tmp_path)
    back_up(str(database.url.database), tmp_path / "backup")
    with pytest.raises(InputError, match="never overwritten"):
        back_up(str(database.url.database), tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    database.close()
    with pytest.raises(InputError, match="There is no plane"):
        back_up(str(tmp_path / "none.db"), tmp_path / "more")
    with pytest.raises(InputError, match="its own tools"):
        back_up("postgresql://db.example.org/plane", tmp_path / "more")


def test_a_copied_file_put_back_by_hand_is_noticed(tmp_path: Path) -> None:
    database, record = founded(tmp_path)
    back_up(str(tmp_path / "plane.db"), tmp_path / "backup")
    take(database, record, some(3))
    GuardKeeper(guard_path(tmp_path), record).keep()
    database.close()
    for part in tmp_path.glob("plane.db-*"):
        part.unlink()
    shutil.copyfile(tmp_path / "backup", tmp_path / "plane.db")
    database, again = opened(tmp_path)
    guard = read_guard(guard_path(tmp_path))
    sign = database.write_now(lambda tx: rollback_sign(tx.connection, again.birth, guard))
    assert f"holds {journal_size(database)} entries" in sign
    database.close()


def journal_size(database: Database) -> int:
    return database.write_now(lambda tx: journal.head(tx.connection)).gpos

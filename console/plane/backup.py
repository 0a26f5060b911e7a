"""A copy of the plane's database made while it runs, and putting one back: checked whole, and under a new epoch.

Evidence goes with it, each way only what is not there yet. Nothing is thrown away: the database that a backup replaces
stays beside it under another name. Both are for SQLite; a database server has tools of its own, and a plane started on
an older copy notices it by its guard file.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Row, select

from console.domain.errors import ConsoleError, EnvironmentFault, InputError
from console.plane import journal, tree
from console.plane.blobs import BLOB_PLACES, blobs_folder
from console.plane.db import Database, Transaction, copy_into, database_file, database_url, kept_locked
from console.plane.epochs import Guard, begin_epoch, read_guard, write_guard
from console.plane.record import Birth, Clock, birth_of
from console.plane.tables import JOURNAL, TREE
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.growth import Frontier
from console.proof.journal import (
    ACCEPTED,
    EMPTY_JOURNAL_HASH,
    journal_hash,
    journal_leaf,
    receipt_object,
    verify_receipt,
)
from console.proof.keys import SigningKey

_SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Restored:
    """A plane that was put back: entries the backup held, the epoch it goes on under, where the replaced one lies.

    `blobs` is how many pieces of evidence it had lost and has again.
    """

    origin: str
    size: int
    epoch: str
    kept: Path | None
    blobs: int = 0


def back_up(database: str, target: Path) -> int:
    """Copy the plane's database to `target`, whole and settled, whether the plane runs or not; how many blobs went too.

    The blobs lie beside it afterwards, in a folder named after it; `restore` looks for them there.

    Raises InputError when there is no plane or `target` exists, EnvironmentFault when it cannot be written.
    """
    url, file = _sqlite(database)
    if not file.exists():
        raise InputError(f"There is no plane in {file}; name its database with --database.")
    if target.exists():
        raise InputError(f"{target} exists already and a backup is never overwritten; name another file.")
    draft = target.with_name(target.name + ".unfinished")
    try:
        draft.unlink(missing_ok=True)
        copy_into(url, draft)
        draft.chmod(0o600)
        _settle(draft)
        blobs = _copy_blobs(blobs_folder(database, file), _blobs_beside(target))
        draft.rename(target)
        _settle(target.parent)
    except OSError as error:
        raise EnvironmentFault(f"The backup cannot be written to {target}: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return blobs


def restore(database: str, backup: Path, key: SigningKey, guard: Path, policy_hash: str, clock: Clock) -> Restored:
    """Put a backup in the place of the plane's database, once every entry of it was checked, and begin a new epoch.

    Raises InputError when the backup is none, is damaged or of another plane, EnvironmentFault when the plane runs or
    a file cannot be written. Nothing was changed then.
    """
    url, file = _sqlite(database)
    if not backup.is_file():
        raise InputError(f"There is no backup in {backup}; name a file that `plane backup` made.")
    live = backup.with_name(backup.name + "-wal")
    if live.exists() and live.stat().st_size:
        raise InputError(f"{backup} is a database in use and not a backup; copy it with `plane backup` first.")
    draft = file.with_name(file.name + ".restoring")
    with kept_locked(url):
        try:
            shutil.copyfile(backup, draft)
            draft.chmod(0o600)
            began, size = _prepared(draft, backup, key, read_guard(guard), policy_hash, clock)
            _settle(draft)
            kept = _set_aside(file, clock().strftime("%Y%m%dT%H%M%SZ"))
            draft.rename(file)
            _settle(file.parent)
        except OSError as error:
            raise EnvironmentFault(f"The backup cannot be put into {file}: {error.strerror}.") from error
        finally:
            for suffix in (*_SUFFIXES, ".lock"):
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)
        write_guard(guard, began)
        try:
            blobs = _copy_blobs(_blobs_beside(backup), blobs_folder(database, file))
        except OSError as error:
            raise EnvironmentFault(
                f"The database was put back, but not all of its evidence ({error.strerror}): copy what is missing from "
                f"{_blobs_beside(backup)} into {blobs_folder(database, file)}."
            ) from error
    return Restored(began.origin, size, began.epoch, kept, blobs)


def journal_fault(connection: Connection, birth: Birth) -> str:
    """Where the journal in this database is not what its plane once signed, "" when all of it holds.

    Checks positions, event hashes, what stands beside them, the journal's hashes, every receipt, and the tree.
    """
    at, leaves, epochs = EMPTY_JOURNAL_HASH, list[bytes](), _epochs(connection, birth)
    for row in connection.execute(select(JOURNAL).order_by(JOURNAL.c.gpos)):
        if row.gpos != len(leaves) + 1:
            return f"entry {len(leaves) + 1} is missing"
        fault = _entry_fault(row)
        if fault:
            return fault
        at = journal_hash(at, row.hash, row.status == ACCEPTED)
        if at != row.journal_hash:
            return f"entry {row.gpos} does not continue the one before it"
        if not _is_signed(row, birth, epochs):
            return f"the receipt of entry {row.gpos} is not signed by this plane"
        leaves.append(journal_leaf(row.hash, row.status == ACCEPTED))
    if journal.head(connection) != journal.Head(len(leaves), at):
        return "the journal does not end where its head says"
    return _tree_fault(connection, leaves)


def _entry_fault(row: Row[Any]) -> str:
    event = SignedEvent(row.canon, row.sig, row.person_sig)
    try:
        envelope = event.envelope
    except (InputError, UnicodeError):
        return f"entry {row.gpos} cannot be read"
    beside = (row.event_id, row.type, row.incident, row.device, row.actor)
    named = (envelope.event_id, envelope.type, envelope.incident, envelope.device, envelope.actor)
    return "" if event.hash == row.hash and beside == named else f"entry {row.gpos} was changed"


def _epochs(connection: Connection, birth: Birth) -> list[str]:
    """Every epoch under which receipts of this journal may be signed, the oldest first."""
    began = journal.accepted_of_types(connection, SYSTEM, ("epoch.began",))
    named = [str(event.envelope.body[name]) for event in began for name in ("previous", "epoch")]
    return list(dict.fromkeys([*named, birth.epoch]))


def _is_signed(row: Row[Any], birth: Birth, epochs: list[str]) -> bool:
    for epoch in epochs:
        receipt = receipt_object(row.event_id, row.hash, row.status, row.gpos, epoch)
        if verify_receipt(birth.plane_public_key, receipt, row.server_sig):
            # the entries that follow are most likely of the same epoch: try it first
            epochs.remove(epoch)
            epochs.insert(0, epoch)
            return True
    return False


def _tree_fault(connection: Connection, leaves: list[bytes]) -> str:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.after(leaf)
    held = {(row.level, row.at): bytes.fromhex(row.hash) for row in connection.execute(select(TREE))}
    if held != tree.nodes_of(leaves) or journal.frontier(connection) != frontier:
        return "the tree over the journal is not that of its entries"
    return ""


def _prepared(
    draft: Path, backup: Path, key: SigningKey, guard: Guard | None, policy_hash: str, clock: Clock
) -> tuple[Guard, int]:
    """Check the copy and begin the new epoch in it: its guard from then on, and how many entries the backup held."""
    try:
        copy = Database.opened(database_url(str(draft)))
    except ConsoleError as error:
        raise InputError(f"{backup} is not a backup that can be put back: {error.sentence}") from error
    try:
        reborn, size = copy.write_now(lambda tx: _begun(tx, backup, key, guard, policy_hash, clock))
        head = copy.write_now(lambda tx: journal.head(tx.connection))
        return Guard(reborn.origin, reborn.epoch, reborn.incarnation, head.gpos, head.hash), size
    finally:
        copy.close()


def _begun(
    tx: Transaction, backup: Path, key: SigningKey, guard: Guard | None, policy_hash: str, clock: Clock
) -> tuple[Birth, int]:
    birth = birth_of(tx.connection)
    if birth.plane_device != key.id or (guard is not None and guard.origin != birth.origin):
        raise InputError(f"{backup} is the backup of another plane; nothing was changed. Name one of this plane.")
    fault = journal_fault(tx.connection, birth)
    if fault:
        raise InputError(f"{backup} is damaged: {fault}; nothing was changed. Name another backup.")
    size = journal.head(tx.connection).gpos
    reason = f"A backup of {size} entries was put back."
    return begin_epoch(tx, birth, key, policy_hash, clock, guard, reason), size


def _blobs_beside(backup: Path) -> Path:
    return backup.with_name(backup.name + "-blobs")


def _copy_blobs(source: Path, target: Path) -> int:
    """Copy every whole blob that `target` lacks; a blob is never changed, so its name says all. Returns how many."""
    count = 0
    for blob in sorted(source.glob(BLOB_PLACES)):
        place = target / blob.parent.name / blob.name
        if place.exists() or blob.is_symlink():
            continue
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = place.with_name(f"{blob.name}.unfinished")
        draft.unlink(missing_ok=True)
        shutil.copyfile(blob, draft)
        draft.chmod(0o400)
        _settle(draft)
        draft.rename(place)
        _settle(place.parent)
        count += 1
    return count


def _set_aside(file: Path, at: str) -> Path | None:
    if not file.exists():
        return None
    kept = file.with_name(f"{file.name}.replaced-{at}")
    for suffix in _SUFFIXES:
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


def _sqlite(database: str) -> tuple[URL, Path]:
    url = database_url(database)
    file = database_file(url)
    if file is None:
        raise InputError(
            "Back up and restore a database server with its own tools; the plane notices an older copy when it starts."
        )
    return url, file


def _settle(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Noticing that the database is older than what this plane once acknowledged, and beginning a new epoch then.

Beside the database lies a small guard file: the highest position ever acknowledged, and the journal's hash there. A
database that does not reach it, or holds something else there, was put back; its plane goes on under a new epoch and a
new incarnation of its own device, so that nobody takes the old history for the new one and no place is taken twice.
The guard is written at most every fifth of a second and at the end, never within an answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, update

from console.domain.errors import EnvironmentFault, InputError
from console.domain.times import to_epoch_us
from console.plane import journal
from console.plane.bell import Bell
from console.plane.db import Database, Transaction, database_file, database_url
from console.plane.record import Birth, Clock, Record
from console.plane.tables import PLANE
from console.proof.envelope import SYSTEM
from console.proof.keys import SigningKey

EVERY_S = 0.2
_LOOK_ANYWAY_S = 60.0
_SUFFIX = "-guard.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a plane has acknowledged: how far its journal reached, and under which epoch and incarnation."""

    origin: str
    epoch: str
    incarnation: int
    gpos: int
    journal_hash: str


def guard_file(database: str, device_key: Path) -> Path:
    """Where the guard of this database lies: beside its file, or beside the plane's key for a database server."""
    file = database_file(database_url(database))
    return (file or device_key).with_name((file or device_key).stem + _SUFFIX)


def read_guard(path: Path) -> Guard | None:
    """The guard in `path`, None when there is none.

    Raises InputError when it cannot be read: whoever runs the plane decides then, since nobody else can tell.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        guard = Guard(**value)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"The plane's guard file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The plane's guard file {path} is damaged; restore a backup with `plane restore`, or remove the file if "
            "you know that the database is the newest."
        ) from error
    return guard


def write_guard(path: Path, guard: Guard) -> None:
    """Replace the guard, on the disk when this returns; raises EnvironmentFault when it cannot be written."""
    draft = path.with_name(path.name + ".new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(guard)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise EnvironmentFault(f"The plane's guard file {path} cannot be written: {error.strerror}.") from error


def rollback_sign(connection: Connection, birth: Birth, guard: Guard | None) -> str:
    """Why this database is not the one that the guard saw last, "" when it is or when there is no guard of it."""
    if guard is None or guard.origin != birth.origin:
        return ""
    held = journal.hash_at(connection, guard.gpos)
    if held is None:
        size = journal.head(connection).gpos
        return f"The database holds {size} entries, {guard.gpos} were acknowledged before."
    if held != guard.journal_hash:
        return f"The database holds another history at entry {guard.gpos} than was acknowledged before."
    if guard.epoch != birth.epoch:
        return "The database is from before the journal last began anew."
    return ""


def begin_epoch(
    tx: Transaction, birth: Birth, key: SigningKey, policy_hash: str, clock: Clock, guard: Guard | None, reason: str
) -> Birth:
    """Go on under a new epoch and incarnation, saying so first; who the plane is from now on.

    Without a guard of this plane nobody knows how many incarnations there were: the clock's seconds are beyond them.
    """
    known = guard is not None and guard.origin == birth.origin
    newest = guard.incarnation if guard is not None and known else to_epoch_us(clock()) // 1_000_000
    reborn = replace(birth, epoch=str(uuid.uuid4()), incarnation=max(birth.incarnation, newest) + 1)
    tx.connection.execute(update(PLANE).values(epoch=reborn.epoch, incarnation=reborn.incarnation))
    record = Record(reborn, key, policy_hash, clock)
    record.load(tx.connection)
    size = journal.locked_head(tx).gpos
    body = {"epoch": reborn.epoch, "previous": birth.epoch, "size": size, "reason": reason}
    record.write(tx, "epoch.began", SYSTEM, body)
    return reborn


class GuardKeeper:
    """Writes the guard behind the journal: `run` in the background, `close` at the end."""

    def __init__(self, path: Path, record: Record) -> None:
        self._path, self._record = path, record
        self._written: Guard | None = None
        self._complained = False
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="plane-guard")

    async def run(self, changed: Bell, is_closing: Callable[[], bool]) -> None:
        """Follow the journal until cancelled."""
        while not is_closing():
            if self._standing() == self._written:
                await changed.wait(_LOOK_ANYWAY_S)
            else:
                await asyncio.get_running_loop().run_in_executor(self._hand, self.keep)
                await asyncio.sleep(EVERY_S)

    def keep(self) -> None:
        """Write the guard as the journal stands now, unless it is written; a fault is logged once, not raised."""
        guard = self._standing()
        if guard == self._written:
            return
        try:
            write_guard(self._path, guard)
        except EnvironmentFault as fault:
            if not self._complained:
                _log.warning("%s A database that is put back now will not be noticed.", fault.sentence)
            self._complained = True
            return
        self._written, self._complained = guard, False

    def close(self) -> None:
        """Write what is not written yet, and end."""
        self._hand.submit(self.keep).result()
        self._hand.shutdown()

    def _standing(self) -> Guard:
        birth, head = self._record.birth, self._record.head
        return Guard(birth.origin, birth.epoch, birth.incarnation, head.gpos, head.hash)


async def opened_epoch(
    database: Database, birth: Birth, key: SigningKey, policy_hash: str, clock: Clock, path: Path
) -> Birth:
    """Who the plane in `database` is, after beginning a new epoch where the guard shows that it was put back."""
    guard = read_guard(path)
    sign = await database.read(lambda connection: rollback_sign(connection, birth, guard))
    if not sign:
        return birth
    _log.warning("%s The journal goes on under a new epoch.", sign)
    return await database.write(lambda tx: begin_epoch(tx, birth, key, policy_hash, clock, guard, sign))

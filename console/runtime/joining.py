"""Bringing a desk to its plane: meeting it, comparing its words, being enrolled by a one-time code, going there.

Everything blocks and is called on a worker. Nothing is written before the plane has let the desk in: a refusal leaves
the desk as it was. What the desk wrote before stays its own chain and is sent as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from console.domain.changes import Changes
from console.domain.errors import ConsoleError, RefusedError
from console.proof.keys import SigningKey
from console.remote.desk_people import DeskPerson, add_person, people_here, unlock
from console.remote.identity_store import SEALED_FILE, DeskIdentity, seal_identity
from console.remote.membership import (
    JOINING_FILE,
    Meeting,
    Membership,
    enrol,
    has_person_key,
    meet,
    membership,
    person_key,
)
from console.runtime.desk import Desk
from console.store import syncing
from console.store.opening import record_path
from console.store.readers import Reader, Rows
from console.store.record import Record

__all__ = [
    "DeskDoor", "Joined", "Meeting", "Membership", "bring_in", "has_person_key", "meeting_of", "membership", "misfit",
    "person_key", "remember_met",
]  # fmt: skip

WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Joined:
    """Who the desk belongs to from now on, the person's key, and where the desk's own keys are kept, in words."""

    member: Membership
    key: SigningKey = field(repr=False)
    identity: DeskIdentity = field(repr=False)


def meeting_of(url: str, verify: bool | str = True) -> Meeting:
    """What the plane at this address says of itself; nothing is kept. Raises what talking to it raises."""
    return meet(url, verify, _now_us)


def misfit(db: Rows, met: Meeting) -> str:
    """Why the record of this desk cannot go to that plane, "" when it can."""
    at = syncing.sync_position(db)
    if at.root_public_key and (at.root_public_key, at.plane_public_key) != (met.root_public_key, met.plane_public_key):
        return "This desk's record belongs to another plane; open another store for this one (--store FOLDER)."
    worlds = "SELECT DISTINCT json_extract(canon, '$.exercise') FROM event WHERE origin = 'own'"
    own = {bool(row[0]) for row in db.tuples(worlds)}
    if (not met.exercise) in own:
        mine, its = ("the real thing", "an exercise") if met.exercise else ("an exercise", "the real thing")
        return f"This desk's record is of {mine} and the plane is of {its}; open another store for it (--store FOLDER)."
    return ""


def bring_in(
    folder: Path,
    met: Meeting,
    code: str,
    identity: DeskIdentity,
    passphrase: str,
    verify: bool | str = True,
    *,
    just_sealed: bool = False,
) -> Joined:
    """Has the desk of `folder` enrolled at the plane that was met, whether its record is open or not made yet.

    A device key that lived in memory only is kept under the passphrase first, because the code works once;
    `just_sealed` says that the caller has done so. Raises RefusedError for a record of another plane or world, and
    what the plane said; then the folder is as it was, unless nobody knows whether the plane did it.
    """
    if not identity.lasting:
        identity, just_sealed = seal_identity(folder, identity, passphrase), True
    try:
        _check_record(folder, met)
        member, key = enrol(folder, met, code, identity.device_key, passphrase, verify, _now_us)
    except ConsoleError:
        if just_sealed and not (folder / JOINING_FILE).is_file():
            (folder / SEALED_FILE).unlink(missing_ok=True)
        raise
    return Joined(member, key, identity)


def _check_record(folder: Path, met: Meeting) -> None:
    path = record_path(folder)
    if not path.is_file():
        return
    with Reader.open(path) as db:
        why = misfit(db, met)
    if why:
        raise RefusedError(why)


def remember_met(record: Record, met: Meeting, now: datetime) -> Changes:
    """Pins the root and the plane that a person has compared, before the desk first talks to it; again does nothing.

    Raises RefusedError when another root or plane is pinned.
    """
    with record.transaction(now) as tx:
        if not syncing.sync_position(tx).root_public_key:
            syncing.remember_plane(
                tx, origin=met.origin, exercise=met.exercise, root_public_key=met.root_public_key,
                plane_device=met.plane_device, plane_public_key=met.plane_public_key, epoch=met.epoch,
            )  # fmt: skip
    return tx.changes


class DeskDoor:
    """What a running desk's window is given: meeting a plane, joining it, its people and their keys."""

    def __init__(self, desk: Desk, identity: DeskIdentity, joined: Callable[[Joined], None] = lambda _: None) -> None:
        self._desk, self._identity, self._joined = desk, identity, joined

    @property
    def can_unlock(self) -> bool:
        """Whether the person's own key is kept here, so that they can sign in."""
        return has_person_key(self._desk.settings.folder)

    def meet(self, url: str) -> Meeting:
        """What the plane at this address says of itself; nothing is kept."""
        return meeting_of(url, self._desk.settings.verify)

    def join(self, met: Meeting, code: str, passphrase: str) -> Joined:
        """Has the running desk enrolled and goes to its plane; what it wrote so far is sent there."""
        desk = self._desk
        if desk.read_only:
            raise RefusedError(desk.read_only)
        if met.exercise != desk.settings.exercise:
            world = "an exercise" if met.exercise else "the real thing"
            raise RefusedError(f"The plane is of {world} and this desk is not; open another store for it.")
        found = bring_in(desk.settings.folder, met, code, self._identity, passphrase, desk.settings.verify)
        self._identity = found.identity
        desk.act(remember_met, met, now=desk.settings.clock()).result(WAIT_S)
        self._joined(found)
        desk.go_to_plane(met.url)
        return found

    def people(self) -> tuple[DeskPerson, ...]:
        """The people whose keys are kept on this desk."""
        return people_here(self._desk.settings.folder)

    def unlock(self, person: str, passphrase: str) -> SigningKey:
        """The key of one of them; raises WrongPassphrase."""
        return unlock(self._desk.settings.folder, person, passphrase)

    def add(self, met: Meeting, code: str, passphrase: str) -> Joined:
        """Lets one more person sit here by their own code; the desk stays whose it was. Raises as `join` does."""
        desk = self._desk
        if desk.read_only:
            raise RefusedError(desk.read_only)
        _check_record(desk.settings.folder, met)
        folder, device_key = desk.settings.folder, self._identity.device_key
        member, key = add_person(folder, met, code, device_key, passphrase, desk.settings.verify, _now_us)
        desk.sync_now()
        return Joined(member, key, self._identity)


def _now_us() -> int:
    return time.time_ns() // 1000

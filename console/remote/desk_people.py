"""The people of one desk: each with a key of their own, sealed under their own passphrase, in a file of their own.

The desk stays the first person's; others enrol at it by codes of their own. A desk of one person keeps its key in
PERSON_FILE: it is moved, never copied, once the desk is asked who is here, and what says whose it is is written first.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from console.domain.errors import EnvironmentFault, InputError
from console.proof.keys import SigningKey
from console.remote.membership import (
    PEOPLE,
    PERSON_FILE,
    Meeting,
    Membership,
    NotAsked,
    Now,
    ask_for_key,
    enrol,
    key_in,
    membership,
    person_file,
    tidy_code,
)

_MOST_BYTES = 20_000
_MOST_PEOPLE = 100
"""Far more than sit at one desk: a folder that somebody filled does not keep the window from opening."""


@dataclass(frozen=True, slots=True)
class DeskPerson:
    """Somebody whose key lies at this desk; `roles` are those that their invitation named, no proof of any right."""

    person: str
    display_name: str
    roles: tuple[str, ...]


def people_here(folder: Path) -> tuple[DeskPerson, ...]:
    """Whose keys lie at this desk, the person to whom it belongs first, then by name.

    Raises InputError for a broken file, EnvironmentFault when one cannot be read or moved.
    """
    _take_in_the_first(folder)
    owner = membership(folder)
    found = []
    for path in sorted((folder / PEOPLE).glob("*.json"))[:_MOST_PEOPLE]:
        one = _read(path)
        if person_file(folder, one.person).is_file():
            found.append(one)
    return tuple(sorted(found, key=lambda one: (owner is None or one.person != owner.person, one.person)))


def unlock(folder: Path, person: str, passphrase: str) -> SigningKey:
    """The key of one of the people here.

    Raises InputError when they have none at this desk, WrongPassphrase when this one does not open it.
    """
    if person not in (one.person for one in people_here(folder)):
        raise InputError(f"{person[:80]} has no key at this desk; let them enrol here by a code of their own.")
    return key_in(person_file(folder, person), passphrase)


def add_person(
    folder: Path, met: Meeting, code: str, device_key: SigningKey, passphrase: str, verify: bool | str, now_us: Now
) -> tuple[Membership, SigningKey]:
    """Lets one more person enrol at this desk by their own code, with a fresh key under their own passphrase.

    The first at a new desk becomes the one to whom it belongs. Raises what `membership.enrol` raises, and NotAsked when
    the desk belongs to another organisation or plane than the one that was met; nobody's key is touched then.
    """
    _take_in_the_first(folder)
    owner = membership(folder)
    if owner is None:
        made = enrol(folder, met, code, device_key, passphrase, verify, now_us)
        _take_in_the_first(folder)
        return made
    held = owner.plane
    if (held.root_public_key, held.plane_public_key) != (met.root_public_key, met.plane_public_key):
        raise NotAsked("This desk belongs to another organisation or plane; enrol at a desk of the one that was met.")
    # a file for each code: when the answer to one person is lost, the next one does not overwrite their key
    joining = folder / PEOPLE / f"{hashlib.sha256(tidy_code(code).encode()).hexdigest()}.joining"
    member, key = ask_for_key(joining, met, code, device_key, passphrase, verify, now_us)
    _describe(folder, DeskPerson(member.person, member.person, member.roles))
    joining.replace(person_file(folder, member.person))
    return member, key


def _take_in_the_first(folder: Path) -> None:
    """Moves the key of a desk that knew one person only; stopped half-way, it goes on the next time."""
    first, owner = folder / PERSON_FILE, membership(folder)
    if owner is None or not first.is_file():
        return
    _describe(folder, DeskPerson(owner.person, owner.person, owner.roles))
    try:
        first.replace(person_file(folder, owner.person))
    except OSError as error:
        raise EnvironmentFault(f"{first} cannot be moved ({error.strerror}); nothing was lost.") from error


def _describe(folder: Path, one: DeskPerson) -> None:
    path = person_file(folder, one.person).with_suffix(".json")
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    value = {"v": 1, "person": one.person, "display_name": one.display_name, "roles": list(one.roles)}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with fresh.open("x", encoding="utf-8") as file:
            file.write(json.dumps(value, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written ({error.strerror}); try again.") from error


def _read(path: Path) -> DeskPerson:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
        one = DeskPerson(str(value["person"]), str(value["display_name"]), tuple(str(role) for role in value["roles"]))
        if value["v"] != 1 or person_file(path.parent.parent, one.person).with_suffix(".json") != path:
            raise ValueError(path.name)
        return one
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} does not say whose key lies beside it; restore it from a backup.") from None
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror}).") from error

"""How a plane is born: the organisation's root key, the plane's own key, and the first two events of its journal.

A root key file is never overwritten and never kept by the plane: move it away once people are certified. Whether the
plane is an exercise is decided here and can never be changed.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert

from console.domain.errors import ConsoleError, EnvironmentFault, InputError
from console.domain.times import format_utc, to_epoch_us
from console.plane import journal
from console.plane.db import Database, Transaction, database_file, database_url
from console.plane.journal import Placing
from console.plane.tables import PLANE
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next, uuid7
from console.proof.keys import SEED_BYTES, SigningKey

ROOT_ACTOR = "root"
ROOT_KEY, DEVICE_KEY = "organisation root key", "plane device key"


@dataclass(frozen=True, slots=True)
class Founded:
    """A plane that was just made; `root_chain` is where the root key's chain goes on (incarnation 1)."""

    origin: str
    exercise: bool
    root_public_key: str
    plane_device: str
    plane_public_key: str
    root_chain: ChainHead


def found_plane(
    database: str, root_key: Path, *, exercise: bool, organisation: str, now: datetime, device_key: Path | None = None
) -> Founded:
    """Make the root key, the plane's key and a database that holds the founding events.

    Raises InputError when a key or a plane is there already, EnvironmentFault when a file cannot be written. Nothing is
    left behind then.
    """
    url = database_url(database)
    device_path = device_key or beside(database)
    if root_key.absolute() == device_path.absolute():
        raise InputError("The root key and the plane's own key cannot be one file; name another for --root-key.")
    made: list[Path] = []
    try:
        root = _new_key(root_key, ROOT_KEY, made)
        device = _new_key(device_path, DEVICE_KEY, made)
        file = database_file(url)
        if file is not None:
            _folder(file.parent)
            if not file.exists():
                file.touch(mode=0o600)
                made += [file, *(file.with_name(file.name + suffix) for suffix in ("-wal", "-shm", ".lock"))]
        return _found(Database.created(url), root, device, exercise, organisation, now)
    except ConsoleError:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def beside(database: str) -> Path:
    """Where the plane's own key lies by default: beside its database file. Raises InputError for a server's URL."""
    file = database_file(database_url(database))
    if file is None:
        raise InputError(
            "With a database server the plane's own key needs a place; set device_key in the settings file."
        )
    return file.with_name(file.stem + "-device.key")


def read_key(path: Path, kind: str) -> SigningKey:
    """The key in `path`, which must be of that kind and readable by its owner alone; raises InputError."""
    try:
        mode = path.stat().st_mode
        value = json.loads(path.read_text(encoding="utf-8"))
        seed = bytes.fromhex(value["seed"]) if value["kind"] == kind else b""
    except OSError as error:
        raise InputError(f"The {kind} in {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not hold a {kind}; give the file that `plane init` made.") from error
    if mode & 0o077:
        raise InputError(f"{path} can be read by others than its owner; run `chmod 600` on it.")
    if len(seed) != SEED_BYTES:
        raise InputError(f"{path} does not hold a {kind}; give the file that `plane init` made.")
    return SigningKey(seed)


def sign_as_root(
    root: SigningKey,
    after: ChainHead,
    entries: Sequence[tuple[str, dict[str, object]]],
    *,
    exercise: bool,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
) -> list[SignedEvent]:
    """The root's next events (type, body) in the incident "system", ready to be pushed."""
    signed: list[SignedEvent] = []
    milliseconds, hlc = to_epoch_us(now) // 1000, ""
    for event_type, body in entries:
        hlc = hlc_next(hlc, milliseconds)
        envelope = Envelope(
            type=event_type,
            event_id=uuid7(milliseconds, random(10)),
            incident=SYSTEM,
            device=root.id,
            incarnation=1,
            seq=after.seq + 1,
            prev_hash=after.hash,
            actor=ROOT_ACTOR,
            role="",
            policy_hash="",
            hlc=hlc,
            seen_gpos=0,
            exercise=exercise,
            body=body,
        )
        event = sign(envelope, root)
        signed.append(event)
        after = ChainHead(envelope.seq, event.hash)
    return signed


def _found(
    database: Database, root: SigningKey, device: SigningKey, exercise: bool, organisation: str, now: datetime
) -> Founded:
    origin = f"{'exercise' if exercise else 'production'}/{uuid.uuid4()}"
    epoch = str(uuid.uuid4())
    founding = {"name": organisation, "origin": origin, "root_public_key": root.public_hex, "exercise": exercise}
    certificate: dict[str, object] = {"device": device.id, "public_key": device.public_hex, "origin": origin}
    events = sign_as_root(
        root,
        ChainHead(),
        [("organisation.founded", founding), ("plane.certified", certificate)],
        exercise=exercise,
        now=now,
    )

    def write(tx: Transaction) -> None:
        tx.connection.execute(
            insert(PLANE).values(
                id=1,
                origin=origin,
                exercise=int(exercise),
                epoch=epoch,
                root_public_key=root.public_hex,
                plane_device=device.id,
                plane_public_key=device.public_hex,
                incarnation=1,
                founded_at=format_utc(now),
            )
        )
        journal.begin(tx.connection)
        for event in events:
            journal.place(tx, Placing(event, format_utc(now)), device, epoch)

    try:
        database.write_now(write)
    finally:
        database.close()
    head = ChainHead(events[-1].envelope.seq, events[-1].hash)
    return Founded(origin, exercise, root.public_hex, device.id, device.public_hex, head)


def _new_key(path: Path, kind: str, made: list[Path]) -> SigningKey:
    _folder(path.parent)
    key = SigningKey(os.urandom(SEED_BYTES))
    text = json.dumps({"kind": kind, "seed": key.seed.hex(), "public_key": key.public_hex, "device": key.id}, indent=1)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} exists already and a {kind} is never overwritten; name another file.") from error
    except OSError as error:
        raise EnvironmentFault(f"The {kind} cannot be written to {path}: {error.strerror}.") from error
    made.append(path)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EnvironmentFault(f"The {kind} cannot be written to {path}: {error.strerror}.") from error
    return key


def _folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"The folder {path} cannot be made: {error.strerror}.") from error

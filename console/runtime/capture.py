"""Copying evidence from a back-end into the desk: fetched through the plane, encrypted while copied, committed.

The plaintext exists only in memory, one item at a time. An item that cannot be stored stops the capture with its
reason; what was committed before stays.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import unicodedata
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from console.actions.evidence import Copied, capture_item
from console.domain.errors import InputError
from console.domain.times import parse_utc
from console.evidence.items import SALT_BYTES, check_item_name
from console.evidence.vault import encrypt_while_copying
from console.proof.actor import Actor
from console.remote.plane_client import PlaneClient
from console.runtime.desk import Desk
from console.store.blobs import Encrypt


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture brought: items by dimension, and bytes of plaintext together."""

    items: dict[str, int]
    bytes: int


def capture_target(desk: Desk, incident: str, target: str, recipient: str, actor: Actor) -> Captured:
    """Captures everything the back-end shows of `target` into `incident`, encrypted to `recipient` (age1...).

    Blocks until it is done, so call it off the thread that paints. Raises what the plane client and the store raise,
    InputError for an item that is malformed.
    """
    encrypt = encrypt_to(recipient)
    counted: dict[str, int] = {}
    total = 0
    for copied in desk.errand(lambda client: _fetch(client, desk, incident, target, encrypt)).result():
        desk.act(capture_item, incident, desk.blobs, encrypt, copied, actor, desk.settings.clock()).result()
        counted[copied.dimension] = counted.get(copied.dimension, 0) + 1
        total += copied.blob.plain_size
    return Captured(counted, total)


def encrypt_to(recipient: str) -> Encrypt:
    """The blob store's encryption for one age recipient."""

    def encrypt(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
        copied = encrypt_while_copying(source, target, recipient)
        return copied.plain_sha256, copied.plain_bytes, copied.cipher_sha256, copied.cipher_bytes

    return encrypt


def _fetch(client: PlaneClient, desk: Desk, incident: str, target: str, encrypt: Encrypt) -> list[Copied]:
    with client.captures(incident, target) as items:
        return [_copy(desk, item, f"plane:{target}", encrypt) for item in items]


def _copy(desk: Desk, item: dict[str, Any], source: str, encrypt: Encrypt) -> Copied:
    try:
        plaintext = base64.b64decode(str(item["content_b64"]), validate=True)
        name, dimension, at = str(item["name"]), str(item["dimension"]), parse_utc(str(item["captured_at"]))
    except (KeyError, binascii.Error, ValueError) as error:
        raise InputError(
            "The plane sent an evidence item that cannot be read; capture again or drop the file in."
        ) from error
    blob = desk.blobs.put(BytesIO(plaintext), encrypt)
    return Copied(
        name=name, dimension=dimension, source=source, captured_at=at, salt=secrets.token_bytes(SALT_BYTES), blob=blob
    )


def capture_file(desk: Desk, incident: str, path: Path, dimension: str, recipient: str, actor: Actor) -> Captured:
    """Captures a file of this machine as one item, encrypted to `recipient` while it is read.

    Blocks. Raises InputError when the file cannot be read or its name cannot stand in a leaf, and what the store does.
    """
    encrypt = encrypt_to(recipient)
    try:
        with path.open("rb") as source:
            blob = desk.blobs.put(source, encrypt)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}); nothing was captured.") from error
    now = desk.settings.clock()
    copied = Copied(
        name=check_item_name(unicodedata.normalize("NFC", path.name)),
        dimension=dimension,
        source="desk:file",
        captured_at=now,
        salt=secrets.token_bytes(SALT_BYTES),
        blob=blob,
    )
    desk.act(capture_item, incident, desk.blobs, encrypt, copied, actor, now).result()
    return Captured({dimension: 1}, blob.plain_size)

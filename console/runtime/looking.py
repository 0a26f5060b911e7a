"""Opening one captured item to be looked at: the look is an event first, then everything is verified, then shown.

Nothing of a plaintext is handed out before its leaf, its size and its hash were compared with what the record committed
to. Only the first bytes of a huge item are kept; all of it is hashed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from console.actions.evidence import record_look
from console.domain.errors import ConsoleError, InputError
from console.evidence.age import Identity, NotARecipientError
from console.evidence.items import Leaf, parse_leaf
from console.evidence.vault import open_plaintext
from console.proof.actor import Actor
from console.queries.evidence import ItemRow
from console.remote.faults import Offline, TimedOut
from console.runtime.desk import Desk

KEPT_BYTES = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
_FOREIGN = (
    "This item is encrypted to another desk's evidence identity; its bytes are here, and only that desk can open them."
)
_UNREACHED = "The bytes of this item are not on this desk and the plane cannot be reached; open it again when it can."


@dataclass(frozen=True, slots=True)
class OpenedItem:
    """An item that was opened: its name, whether it is what was captured (`finding` "" then), size, and its beginning.

    `away` says why this desk cannot show it although nothing is wrong with it, "" when it can.

    `head` is empty when it did not verify; `size` is in bytes, of the whole plaintext.
    """

    item: str
    name: str
    finding: str
    size: int
    head: bytes
    away: str = ""


def open_item(desk: Desk, incident: str, row: ItemRow, identity: Identity, actor: Actor, purpose: str) -> OpenedItem:
    """Records the look, then verifies and opens; blocks, so call it off the thread that paints.

    What is not here is fetched from the plane first; when it cannot be had, no look took place and none is recorded.

    Raises what recording the look raises; a damaged or foreign item is a `finding`, not an exception.
    """
    if away := _fetched(desk, row):
        return OpenedItem(row.item, "", "", row.size, b"", away)
    desk.act(record_look, incident, row.seal, row.item, purpose, actor, desk.settings.clock()).result()
    try:
        with open_plaintext(desk.blobs.open(row.leaf_blob), identity) as file:
            leaf = parse_leaf(file.read())
        if leaf.digest.hex() != row.leaf:
            raise InputError("The leaf that lies here is not the one the record committed to; do not trust this item.")
        with open_plaintext(desk.blobs.open(row.blob), identity) as file:
            head, size, digest = _read(file)
    except NotARecipientError:
        return OpenedItem(row.item, "", "", row.size, b"", _FOREIGN)
    except ConsoleError as error:
        return OpenedItem(row.item, "", error.sentence, row.size, b"")
    finding = _finding(leaf, size, digest)
    return OpenedItem(row.item, leaf.name, finding, size, b"" if finding else head)


def _fetched(desk: Desk, row: ItemRow) -> str:
    """Has both blobs of the item here, from the plane if need be; why that is not possible, "" when it is."""
    names = [name for name in (row.leaf_blob, row.blob) if not desk.blobs.path(name).exists()]
    if not names:
        return ""
    from console.runtime.blob_errands import fetch_missing  # HTTP is slow to import

    try:
        desk.errand(lambda client: fetch_missing(client, desk.blobs, names)).result()
    except (Offline, TimedOut):
        return _UNREACHED
    except ConsoleError as error:
        return f"The bytes of this item are not on this desk: {error.sentence}"
    return ""


def _read(file: BinaryIO) -> tuple[bytes, int, str]:
    digest, head, size = hashlib.sha256(), b"", 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if len(head) < KEPT_BYTES:
            head += chunk[: KEPT_BYTES - len(head)]
    return head, size, digest.hexdigest()


def _finding(leaf: Leaf, size: int, digest: str) -> str:
    if size != leaf.size:
        return f"The item is {size} bytes and {leaf.size} were captured; it is not shown."
    if digest != leaf.sha256:
        return f"The {size} bytes of the item are not the ones that were captured; it is not shown."
    return ""

"""Captured items and their leaves: what a seal commits to, one salted line an item.

An item is one record (a span, a log line, a ledger row, a retrieved chunk), so that one prompt can be withheld later
without breaking the seal of the rest. The salt comes from the caller, 32 fresh random bytes an item: without it a guess
at a short plaintext could be confirmed from the public leaf hash.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from console.domain.errors import InputError
from console.domain.evidence import DIMENSIONS
from console.proof.canonical import canonical, parse_canonical
from console.proof.keys import leaf_digest

MAX_ITEMS = 99_000
MAX_ITEM_BYTES = 2**40
MAX_NAME = 200
SALT_BYTES = 32
_HEX64 = re.compile(r"[0-9a-f]{64}")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Leaf:
    """The commitment to one item: its place, name, salt (32 bytes), the plaintext's SHA-256 (hex) and size in bytes."""

    index: int
    name: str
    salt: bytes
    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Raises InputError naming the field that is out of bounds."""
        check_item_name(self.name)
        good = {
            "index": 0 <= self.index < MAX_ITEMS,
            "salt": len(self.salt) == SALT_BYTES,
            "sha256": _HEX64.fullmatch(self.sha256) is not None,
            "size": 0 <= self.size <= MAX_ITEM_BYTES,
        }
        for field, holds in good.items():
            if not holds:
                raise InputError(f"The {field} of item {self.index} is out of bounds; the item cannot be sealed.")

    @cached_property
    def line(self) -> bytes:
        """The canonical preimage without a newline: line `index` of data/leaves.jsonl."""
        fields = {
            "index": self.index,
            "name": self.name,
            "salt": self.salt.hex(),
            "sha256": self.sha256,
            "size": self.size,
        }
        return canonical(fields)

    @cached_property
    def digest(self) -> bytes:
        """The 32-byte leaf digest, SHA-256(0x00 || line)."""
        return leaf_digest(self.line)


@dataclass(frozen=True)
class CapturedItem:
    """A leaf with the dimension (EVI-1) that its item belongs to; the dimension is not part of the leaf."""

    dimension: str
    leaf: Leaf

    def __post_init__(self) -> None:
        """Raises InputError for a dimension that is not one of the seven."""
        check_dimension(self.dimension)


def parse_leaf(line: bytes) -> Leaf:
    """The leaf written in `line` (no newline); raises InputError when it is not exactly one, to the byte."""
    value = parse_canonical(line)
    match value:
        case {"index": int(index), "name": str(name), "salt": str(salt), "sha256": str(sha256), "size": int(size)} if (
            len(value) == 5 and _HEX64.fullmatch(salt) and not isinstance(index, bool) and not isinstance(size, bool)
        ):
            return Leaf(index, name, bytes.fromhex(salt), sha256, size)
    raise InputError("A line of the leaves does not hold index, name, salt, sha256 and size; it is not a leaf.")


def check_dimension(dimension: str) -> str:
    """`dimension` when it is one of the seven of EVI-1; raises InputError otherwise."""
    if dimension not in DIMENSIONS:
        raise InputError(f"'{dimension[:40]}' is not a dimension of evidence; use one of {', '.join(DIMENSIONS)}.")
    return dimension


def check_item_name(name: str) -> str:
    """`name` when it may stand in a leaf: 1 to 200 visible characters in normal form; raises InputError otherwise."""
    if not 0 < len(name) <= MAX_NAME or any(unicodedata.category(char) in _HIDDEN for char in name):
        raise InputError(
            f"{name[:40]!a} cannot name an item; use 1 to {MAX_NAME} characters without control or invisible ones."
        )
    return name

"""RFC 6962 Merkle trees over leaf digests: root, inclusion path, and the check of a path.

A leaf digest is `keys.leaf_digest(leaf)`, SHA-256(0x00 || leaf), so an event hash is a leaf of a log as it stands; an
inner node is SHA-256(0x01 || left || right). Callers hand in digests, never leaves: a leaf is hashed once, by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from console.domain.errors import InputError

DIGEST_BYTES = 32


def root(digests: Sequence[bytes]) -> bytes:
    """The 32-byte root over leaf digests in order; the root of no leaves is SHA-256 of nothing (RFC 6962, 2.1).

    Raises InputError when a digest is not 32 bytes.
    """
    _check_sizes(digests)
    if not digests:
        return hashlib.sha256(b"").digest()
    level = list(digests)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_path(digests: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The sibling digests from leaf `index` up to the root, lowest first (RFC 6962, 2.1.1).

    Raises InputError when `index` is not in the tree or a digest is not 32 bytes.
    """
    _check_sizes(digests)
    if not 0 <= index < len(digests):
        raise InputError(f"A tree of {len(digests)} leaves has no leaf {index}; ask for one of its own.")
    path: list[bytes] = []
    level, at = list(digests), index
    while len(level) > 1:
        sibling = at ^ 1
        if sibling < len(level):  # the odd one at the end of a level moves up without a partner
            path.append(level[sibling])
        level, at = _parents(level), at // 2
    return tuple(path)


def includes(tree_root: bytes, size: int, index: int, digest: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves `digest` to be leaf `index` of a tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    The index steers every step, so a path that is right for one place proves nothing for another.
    """
    if not 0 <= index < size or any(len(part) != DIGEST_BYTES for part in (tree_root, digest, *path)):
        return False
    at, last, node = index, size - 1, digest
    for sibling in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            node = _node(sibling, node)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            node = _node(node, sibling)
        at, last = at // 2, last // 2
    return last == 0 and node == tree_root


def _parents(level: Sequence[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    parents = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    if len(level) % 2:
        parents.append(level[-1])
    return parents


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _check_sizes(digests: Sequence[bytes]) -> None:
    for place, digest in enumerate(digests):
        if len(digest) != DIGEST_BYTES:
            raise InputError(f"Leaf digest {place} is {len(digest)} bytes; a SHA-256 digest has {DIGEST_BYTES}.")

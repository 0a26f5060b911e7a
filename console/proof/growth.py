"""How an RFC 6962 tree grows: a frontier that takes one leaf at a time, and proofs that a later tree continues another.

A frontier holds the roots of the complete subtrees of a tree, at most 53 digests, so a desk that follows a journal
knows its root at every size without keeping the tree. Like `merkle`, everything here takes leaf digests, never leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.domain.errors import InputError
from console.proof.merkle import DIGEST_BYTES, root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees of a tree of `size` leaves, the largest first: one a set bit of `size`.

    Raises InputError when the nodes are not as many as `size` has bits set, or not 32 bytes each.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.nodes) != self.size.bit_count():
            raise InputError(f"A tree of {self.size} leaves has not {len(self.nodes)} complete subtrees.")
        if any(len(node) != DIGEST_BYTES for node in self.nodes):
            raise InputError("A node of a tree is not a SHA-256 digest of 32 bytes.")

    def after(self, digest: bytes) -> Frontier:
        """The frontier with one more leaf."""
        nodes, at = [*self.nodes, digest], self.size
        while at & 1:
            right = nodes.pop()
            nodes.append(_node(nodes.pop(), right))
            at >>= 1
        return Frontier(self.size + 1, tuple(nodes))

    def extended(self, digests: Iterable[bytes]) -> Frontier:
        """The frontier with all these leaves more, in order; as `after` for each."""
        nodes, size = list(self.nodes), self.size
        for digest in digests:
            at, right = size, digest
            while at & 1:
                right = _node(nodes.pop(), right)
                at >>= 1
            nodes.append(right)
            size += 1
        return Frontier(size, tuple(nodes))

    def root(self) -> bytes:
        """The 32-byte root; that of no leaves is SHA-256 of nothing."""
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        found = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            found = _node(left, found)
        return found

    def text(self) -> str:
        """Size and nodes in hex, parted by spaces; `frontier_from_text` reads it back."""
        return " ".join([str(self.size), *(node.hex() for node in self.nodes)])


def frontier_from_text(text: str) -> Frontier:
    """The frontier that `text` holds, "" being the empty one; raises InputError when it is none."""
    if not text:
        return Frontier()
    size, *nodes = text.split(" ")
    try:
        return Frontier(int(size), tuple(bytes.fromhex(node) for node in nodes))
    except ValueError as error:
        raise InputError("The kept frontier of the journal is damaged; the journal is to be pulled anew.") from error


def consistency_path(digests: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """The nodes that prove the tree over `digests` to continue the one over its first `first` leaves (RFC 6962, 2.1.2).

    Empty for the empty tree and for the same size. Raises InputError when `first` is not a size of an earlier tree.
    """
    if not 0 <= first <= len(digests):
        raise InputError(f"A tree of {len(digests)} leaves has no earlier one of {first}; ask for a smaller one.")
    return () if first in (0, len(digests)) else _subproof(digests, first, whole=True)


def continues(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves the tree (second, second_root) to continue (first, first_root) (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second or any(len(part) != DIGEST_BYTES for part in (first_root, second_root, *path)):
        return False
    if first == second:
        return first_root == second_root and not path
    if first == 0:
        return not path and first_root == hashlib.sha256(b"").digest()
    rest = [first_root, *path] if first & (first - 1) == 0 else list(path)
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not rest:
        return False
    old = new = rest[0]
    for node in rest[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = _node(node, old), _node(node, new)
            while at & 1 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            new = _node(new, node)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _subproof(digests: Sequence[bytes], first: int, whole: bool) -> tuple[bytes, ...]:
    if first == len(digests):
        return () if whole else (root(digests),)
    cut = 1 << (len(digests) - 1).bit_length() - 1
    if first <= cut:
        return (*_subproof(digests[:cut], first, whole), root(digests[cut:]))
    return (*_subproof(digests[cut:], first - cut, whole=False), root(digests[:cut]))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()

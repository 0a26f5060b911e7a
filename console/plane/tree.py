"""The journal's RFC 6962 tree: it grows in the transaction of each entry, and proves that it only ever grew.

Position n of the journal is leaf n - 1. Leaves are read from the journal itself; the table holds what is above them,
one row a complete subtree (level, index), so appending costs one row an entry and a proof some rows a level. How the
tree ends (its frontier) is in the head row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from console.domain.errors import InputError
from console.plane.tables import JOURNAL, TREE
from console.proof.checkpoint import sign_checkpoint
from console.proof.growth import Frontier
from console.proof.journal import ACCEPTED, journal_leaf
from console.proof.keys import SigningKey
from console.proof.merkle import root

_KEEP = insert(TREE)
_NODE = select(TREE.c.hash).where(TREE.c.level == bindparam("on"), TREE.c.at == bindparam("index"))
_LEAF = select(JOURNAL.c.hash, JOURNAL.c.status).where(JOURNAL.c.gpos == bindparam("position"))


def grow(connection: Connection, frontier: Frontier, leaves: Sequence[bytes]) -> Frontier:
    """Keep the subtrees that `leaves` complete behind `frontier`; the frontier after them."""
    rows: list[dict[str, object]] = []
    nodes, size = list(frontier.nodes), frontier.size
    for leaf in leaves:
        nodes.append(leaf)
        level, at = 0, size
        while at & 1:
            right = nodes.pop()
            nodes.append(root((nodes.pop(), right)))
            level, at = level + 1, at >> 1
            rows.append({"level": level, "at": at, "hash": nodes[-1].hex()})
        size += 1
    if rows:
        connection.execute(_KEEP, rows)
    return Frontier(size, tuple(nodes))


def nodes_of(leaves: Iterable[bytes]) -> dict[tuple[int, int], bytes]:
    """Every subtree above the leaves that a whole tree keeps, by (level, index): what the table must hold."""
    found: dict[tuple[int, int], bytes] = {}
    level, below = 0, list(leaves)
    while len(below) > 1:
        level += 1
        below = [root(pair) for pair in zip(below[::2], below[1::2], strict=False)]
        found |= {(level, at): node for at, node in enumerate(below)}
    return found


def consistency(connection: Connection, first: int, second: int) -> tuple[bytes, ...]:
    """The nodes that prove the tree of `second` entries to continue that of `first` (RFC 6962, 2.1.2).

    The caller has checked that the journal is that long. Raises InputError when `first` is larger than `second`.
    """
    if not 0 <= first <= second:
        raise InputError(f"A tree of {second} entries has no earlier one of {first}; ask for a smaller one.")
    return () if first in (0, second) else _subproof(connection, first, 0, second, whole=True)


def inclusion(connection: Connection, gpos: int, size: int) -> tuple[bytes, ...]:
    """The nodes from entry `gpos` up to the root of the tree of `size` entries, lowest first (RFC 6962, 2.1.1).

    The caller has checked that the journal is that long. Raises InputError when `gpos` is not in that tree.
    """
    if not 1 <= gpos <= size:
        raise InputError(f"A tree of {size} entries has no entry {gpos}; ask for one of its own.")
    return _path(connection, gpos - 1, 0, size)


def leaf(connection: Connection, gpos: int) -> bytes:
    """The leaf digest of the entry at `gpos`, which must be there."""
    row = connection.execute(_LEAF, {"position": gpos}).one()
    return journal_leaf(row.hash, row.status == ACCEPTED)


def subtree(connection: Connection, start: int, end: int) -> bytes:
    """The root over leaves `start` to `end` (exclusive), `start` being a multiple of the power of two that holds them.

    A complete subtree is one row; an incomplete one is put together from those it consists of.
    """
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        if level == 0:
            return leaf(connection, start + 1)
        return bytes.fromhex(connection.execute(_NODE, {"on": level, "index": start >> level}).scalar_one())
    cut = start + _left_part(count)
    return root((subtree(connection, start, cut), subtree(connection, cut, end)))


def _path(connection: Connection, index: int, start: int, end: int) -> tuple[bytes, ...]:
    if end - start == 1:
        return ()
    cut = start + _left_part(end - start)
    if index < cut:
        return (*_path(connection, index, start, cut), subtree(connection, cut, end))
    return (*_path(connection, index, cut, end), subtree(connection, start, cut))


def _subproof(connection: Connection, first: int, start: int, end: int, whole: bool) -> tuple[bytes, ...]:
    """`first` is where the earlier tree ends, counted like `start` and `end` from the beginning of the journal."""
    if first == end:
        return () if whole else (subtree(connection, start, end),)
    cut = start + _left_part(end - start)
    if first <= cut:
        return (*_subproof(connection, first, start, cut, whole), subtree(connection, cut, end))
    return (*_subproof(connection, first, cut, end, whole=False), subtree(connection, start, cut))


def _left_part(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


@dataclass
class Checkpoints:
    """Signs the journal's size and root under its origin; the newest is kept, so that a size is signed once."""

    origin: str
    key: SigningKey
    _newest: tuple[int, bytes, str] = (-1, b"", "")

    def note(self, frontier: Frontier) -> str:
        """The signed checkpoint of the journal that ends with `frontier` (c2sp.org/tlog-checkpoint)."""
        size, digest, note = self._newest
        tree_root = frontier.root()
        if (size, digest) != (frontier.size, tree_root):
            note = sign_checkpoint(self.origin, frontier.size, tree_root, self.key, self.origin)
            self._newest = (frontier.size, tree_root, note)
        return note

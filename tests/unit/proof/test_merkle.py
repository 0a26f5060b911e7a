"""The tree is RFC 6962's: known roots, and paths that prove one leaf at one place and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.keys import leaf_digest
from console.proof.merkle import includes, inclusion_path, root

# The leaves and roots that implementations of certificate transparency test each other with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def digests(count: int) -> list[bytes]:
    return [leaf_digest(b"%d" % i) for i in range(count)]


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(1, 9))
def test_known_roots(count: int) -> None:
    leaves = [leaf_digest(bytes.fromhex(leaf)) for leaf in LEAVES[:count]]
    assert root(leaves).hex() == ROOTS[count - 1]


def test_the_root_of_nothing() -> None:
    assert root([]) == hashlib.sha256(b"").digest()


@given(st.integers(1, 70))
def test_level_by_level_equals_the_recursion(count: int) -> None:
    assert root(digests(count)) == recursive_root(digests(count))


@given(st.integers(1, 40), st.data())
def test_a_path_proves_its_leaf_at_its_place_only(count: int, data: st.DataObject) -> None:
    leaves = digests(count)
    index = data.draw(st.integers(0, count - 1))
    path = inclusion_path(leaves, index)
    tree = root(leaves)
    assert includes(tree, count, index, leaves[index], path)
    for other in range(-1, count + 2):
        assert includes(tree, count, other, leaves[index], path) is (other == index)
    assert not includes(tree, count, index, leaf_digest(b"another"), path)
    assert not includes(tree, count, index, leaves[index], [*path, leaves[0]])
    assert not includes(tree, count, index, leaves[index], [part[:31] for part in path] or [b""])
    if path:
        assert not includes(tree, count, index, leaves[index], path[:-1])
        assert not includes(tree, count, index, leaves[index], path[::-1]) or path == path[::-1]


def test_what_is_not_a_digest_or_not_in_the_tree_is_refused() -> None:
    with pytest.raises(InputError, match="digest 1 is 3 bytes"):
        root([bytes(32), b"abc"])
    with pytest.raises(InputError, match="no leaf 2"):
        inclusion_path(digests(2), 2)
    with pytest.raises(InputError, match="no leaf -1"):
        inclusion_path(digests(2), -1)

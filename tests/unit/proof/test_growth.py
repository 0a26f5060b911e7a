"""A growing tree against the tree built whole, and consistency proofs against every way to spoil them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.growth import Frontier, consistency_path, continues, frontier_from_text
from console.proof.merkle import root

LEAVES = [hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(70)]


def grown(size: int) -> Frontier:
    """The frontier of the first `size` leaves."""
    at = Frontier()
    for digest in LEAVES[:size]:
        at = at.after(digest)
    return at


def test_the_frontier_has_the_root_of_the_whole_tree_at_every_size() -> None:
    assert [grown(size).root() for size in range(71)] == [root(LEAVES[:size]) for size in range(71)]


@given(st.integers(0, 70), st.integers(0, 70))
def test_every_later_tree_continues_every_earlier_one(one: int, other: int) -> None:
    first, second = sorted((one, other))
    path = consistency_path(LEAVES[:second], first)
    assert continues(first, root(LEAVES[:first]), second, root(LEAVES[:second]), path)


@given(st.integers(1, 69), st.integers(2, 70), st.data())
def test_no_spoilt_proof_holds(one: int, other: int, data: st.DataObject) -> None:
    first, second = sorted((one, other))
    path = list(consistency_path(LEAVES[:second], first))
    old, new = root(LEAVES[:first]), root(LEAVES[:second])
    wrong = hashlib.sha256(b"another").digest()
    assert not continues(first, wrong, second, new, path)
    assert not continues(first, old, second, wrong, path)
    assert not continues(first, old, second, new, [*path, wrong])
    assert not continues(second + 1, old, second, new, path)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not continues(first, old, second, new, path[:at] + path[at + 1 :])
        assert not continues(first, old, second, new, [*path[:at], wrong, *path[at + 1 :]])


def test_the_proof_of_the_rfc_for_seven_leaves_from_three() -> None:
    # RFC 6962, 2.1.3: PROOF(3, D[7]) = [c, d, g, l]
    leaf = LEAVES[:7]
    g, wide = root(leaf[0:2]), root(leaf[4:7])
    assert consistency_path(leaf, 3) == (leaf[2], leaf[3], g, wide)


def test_a_frontier_is_kept_as_text() -> None:
    assert frontier_from_text(grown(37).text()) == grown(37)
    assert frontier_from_text("") == Frontier()


@pytest.mark.parametrize("text", ["x", "3 00", "1 " + "zz" * 32, "-1", "2 " + "00" * 31])
def test_a_damaged_frontier_is_said(text: str) -> None:
    with pytest.raises(InputError):
        frontier_from_text(text)


def test_there_is_no_proof_from_a_larger_tree() -> None:
    with pytest.raises(InputError, match="no earlier one"):
        consistency_path(LEAVES[:3], 4)


@given(st.integers(0, 70), st.integers(0, 70))
def test_many_leaves_at_once_are_as_one_after_the_other(first: int, second: int) -> None:
    first, second = sorted((first, second))
    assert grown(first).extended(LEAVES[first:second]) == grown(second)

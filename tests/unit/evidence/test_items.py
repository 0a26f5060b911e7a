"""A leaf is one line with one spelling, and its digest is that of the line."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.evidence import DIMENSIONS
from console.evidence.items import CapturedItem, Leaf, parse_leaf

SALT = bytes(range(32))
DIGEST = hashlib.sha256(b"x").hexdigest()


def test_the_exact_line() -> None:
    line = Leaf(7, "span 4bf9", SALT, DIGEST, 1).line
    expected = f'{{"index":7,"name":"span 4bf9","salt":"{SALT.hex()}","sha256":"{DIGEST}","size":1}}'
    assert line == expected.encode()
    assert Leaf(7, "span 4bf9", SALT, DIGEST, 1).digest == hashlib.sha256(b"\x00" + line).digest()


@given(
    st.integers(0, 98_999),
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=50),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**40),
)
def test_a_leaf_reads_back(index: int, name: str, salt: bytes, size: int) -> None:
    try:
        leaf = Leaf(index, name, salt, DIGEST, size)
        line = leaf.line
    except InputError:
        return  # a name that is not in normal form
    assert parse_leaf(line) == leaf


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        Leaf(0, "a", SALT, DIGEST, 1).line + b"\n",
        Leaf(0, "a", SALT, DIGEST, 1).line.replace(b'"size":1', b'"size":true'),
        Leaf(0, "a", SALT, DIGEST, 1).line.replace(b'"size":1', b'"size":-1'),
        Leaf(0, "a", SALT, DIGEST, 1).line.replace(b'"size":1', b'"size":1,"z":1'),
        Leaf(0, "a", SALT, DIGEST, 1).line.replace(DIGEST.encode(), DIGEST.upper().encode()),
        Leaf(0, "a", SALT, DIGEST, 1).line.replace(SALT.hex().encode(), b"00"),
    ],
    ids=["empty", "no-fields", "newline", "bool-size", "negative-size", "extra-field", "upper-case-hex", "short-salt"],
)
def test_what_is_not_exactly_a_leaf_is_refused(line: bytes) -> None:
    with pytest.raises(InputError):
        parse_leaf(line)


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "\u202egnp.exe", "zero\u200bwidth", "x" * 201, "\ud800"])
def test_names_that_deceive_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        Leaf(0, name, SALT, DIGEST, 1)


def test_the_seven_dimensions_and_no_other() -> None:
    assert len(DIMENSIONS) == 7
    leaf = Leaf(0, "a", SALT, DIGEST, 1)
    assert [CapturedItem(dimension, leaf).dimension for dimension in DIMENSIONS] == list(DIMENSIONS)
    with pytest.raises(InputError, match="not a dimension"):
        CapturedItem("screenshots", leaf)

"""Canonical form: equal values have equal bytes, and whatever two programs could print differently is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.canonical import MAX_DEPTH, canonical, nfc, parse_canonical

text = st.text(max_size=20).map(lambda s: nfc(s.encode("utf-8", "ignore").decode("utf-8")))
values = st.recursive(
    st.one_of(text, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(text, values, max_size=5)


@given(objects)
def test_parsing_what_was_written_gives_the_value_back(value: dict[str, Any]) -> None:
    assert parse_canonical(canonical(value)) == value


@given(objects)
def test_order_of_names_does_not_change_the_bytes(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(list(value.items())))) == canonical(value)


@given(objects)
def test_any_other_spelling_of_the_same_value_is_refused(value: dict[str, Any]) -> None:
    spaced = json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8")
    if spaced != canonical(value):
        with pytest.raises(InputError):
            parse_canonical(spaced)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": None}, "a"),
        ({"a": {"b": 1.5}}, "a.b"),
        ({"a": [1, 2**53]}, "a[1]"),
        ({"a": -(2**53)}, "a"),
        ({"a": "e\u0301"}, "a"),
        ({"a": "\ud800"}, "a"),
        ({1: "a"}, ""),
        ({"a": b"raw"}, "a"),
    ],
)
def test_what_cannot_be_signed_is_refused_by_its_path(value: dict[Any, Any], path: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical(value)
    assert f"'{path}'" in caught.value.sentence


def test_nesting_is_bounded() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(InputError, match="nested deeper"):
        canonical({"a": value})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"a":1.0}',
        b'{"a":NaN}',
        b'{"a":1,"a":1}',
        b'{"a":1e2}',
        b"\xff",
        b'{"b":1,"a":1}',
        b'{"a":1}\n',
        b"[" * 100_000,
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_canonical(data)

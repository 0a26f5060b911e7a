"""The quick way of reading canonical text says the same as the thorough one, about every text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.proof import canonical

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def _agree(data: bytes) -> None:
    quick = canonical._parse_plain(data)
    if quick is not None:
        assert quick == canonical._parse_thorough(data)


@given(st.dictionaries(st.text(max_size=4), _VALUES, max_size=5), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_both_ways_agree_on_json(value: dict[str, Any], separators: tuple[str, str]) -> None:
    for ascii_only in (True, False):
        for in_order in (True, False):
            text = json.dumps(value, ensure_ascii=ascii_only, sort_keys=in_order, separators=separators)
            _agree(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=40))
def test_both_ways_agree_on_anything(data: bytes) -> None:
    _agree(data)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}', '{"a":1.0}', '{"a":NaN}', '{"a":-0}', '{"a":null}', '{"a":"null"}', '{"a":9007199254740992}',
        '{"a":9007199254740991}', '{"a":"\\ud800"}', '{"a":"\\u00e9"}', '{"b":1,"a":1}', '{"a":1 }', "[1]", '{"a":01}',
        '{"a":' + "[" * 31 + "]" * 31 + "}", '{"a":' + "[" * 32 + "]" * 32 + "}", '{"a":' + "[" * 33 + "]" * 33 + "}",
        '{"a":"\\u001f"}', '{"a":"\\u001F"}', '{"a":"\\/"}', '{"a":' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_both_ways_agree_at_the_edges(text: str) -> None:
    _agree(text.encode())


def test_the_quick_way_reads_an_ordinary_event() -> None:
    assert canonical._parse_plain(b'{"a":"b","c":[1,true]}') == {"a": "b", "c": [1, True]}

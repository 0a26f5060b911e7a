"""Our canonical form is byte for byte that of the reference implementation of RFC 8785, quick path or not."""

from __future__ import annotations

from typing import Any

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from console.proof.canonical import canonical, nfc

ascii_text = st.text(st.characters(max_codepoint=127), max_size=12)
any_text = st.text(max_size=12).map(lambda s: nfc(s.encode("utf-8", "ignore").decode("utf-8")))
texts = st.one_of(ascii_text, any_text)
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=10,
)


@given(st.dictionaries(texts, values, max_size=6))
@example({"\x7f": '\x00\x1f\x7f"\\/\b\f\n\r\t', "Z": 1, "a": True, "": []})
@example({"\U0001f600": 1, "\uffee": 2, "\u20ac": 3, "\r": 4, "1": 5})
def test_it_is_the_form_of_the_reference(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)

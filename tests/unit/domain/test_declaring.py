"""What a back-end declares, as a line and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.declaring import declared_in, declared_text

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=20)


@given(st.dictionaries(NAMES, st.booleans()))
def test_a_line_says_what_was_declared(capabilities: dict[str, bool]) -> None:
    assert declared_in(declared_text(capabilities)) == capabilities


def test_the_line_is_for_people() -> None:
    line = declared_text({"refuses_new": True, "durable": False})
    assert line == "The back-end declares: durable no, refuses_new yes."


@pytest.mark.parametrize("text", ["", "stopped", "The back-end declares: .", "The back-end declares: durable maybe."])
def test_any_other_text_declares_nothing(text: str) -> None:
    assert declared_in(text) == {}


@given(st.text(max_size=60))
def test_hostile_text_is_only_text(text: str) -> None:
    assert set(declared_in("The back-end declares: " + text).values()) <= {True, False}

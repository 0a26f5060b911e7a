"""Every kind of event has a sentence, and none of them fails on what it is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.events import BODIES, check_body
from console.domain.telling import TELLINGS, sentence_of

EMPTY: dict[str, Any] = {"s": "word", "t": "2026-01-31T14:02:11.000000Z", "i": 3, "b": True, "l": [], "o": {}}


def body_of(event_type: str) -> dict[str, Any]:
    return {name: EMPTY[kind] for name, kind in (part.split(":") for part in BODIES[event_type].split())}


def test_every_type_has_a_telling_and_nothing_else_has() -> None:
    assert set(TELLINGS) == set(BODIES)


@pytest.mark.parametrize("event_type", sorted(BODIES))
def test_a_valid_body_is_told_without_the_name_of_its_type(event_type: str) -> None:
    body = body_of(event_type)
    check_body(event_type, body)
    told = sentence_of(event_type, body)
    assert event_type not in told
    assert len(told) > 3


@given(st.sampled_from(sorted(BODIES)), st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text()))
def test_a_body_that_is_not_what_it_should_be_is_named_and_nothing_fails(event_type: str, body: dict[str, Any]) -> None:
    assert sentence_of(event_type, body)


def test_an_unknown_type_is_named() -> None:
    assert sentence_of("drill.scored", {}).startswith("drill.scored")


def test_what_matters_is_in_the_sentence() -> None:
    observed = body_of("switch.observed") | {"results": {"streams_cut": {"result": "false"}}, "state": "stopped"}
    assert "streams cut false" in sentence_of("switch.observed", observed)
    assert "NOT" in sentence_of("evidence.verified", body_of("evidence.verified") | {"verified": False})

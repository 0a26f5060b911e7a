"""The table of event bodies: what must be there is there, of its kind, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.events import BODIES, PERSON_SIGNED, PLANE_ONLY, check_body

AT = "2026-01-31T14:02:11.000000Z"
SAMPLE: dict[str, Any] = {"s": "text", "t": AT, "i": 7, "b": True, "l": ["x"], "o": {"a": "b"}}
WRONG: dict[str, list[Any]] = {
    "s": [1, None, ["text"], True],
    "t": [1, None, "yesterday", "2026-01-31T14:02:11.000000", "2026-01-31 14:02Z", "2026-02-31T14:02:11.000000Z"],
    "i": ["7", 7.0, True, None],
    "b": ["true", 1, None],
    "l": ["x", {}, None],
    "o": [[], "{}", None],
}
types = st.sampled_from(sorted(BODIES))


def fields(event_type: str) -> dict[str, str]:
    return dict(part.split(":") for part in BODIES[event_type].split())


def a_body(event_type: str) -> dict[str, Any]:
    return {name: SAMPLE[kind] for name, kind in fields(event_type).items()}


@pytest.mark.parametrize("event_type", sorted(BODIES))
def test_a_whole_body_passes(event_type: str) -> None:
    check_body(event_type, a_body(event_type))


@pytest.mark.parametrize("event_type", sorted(BODIES))
def test_each_missing_field_is_named(event_type: str) -> None:
    for name in fields(event_type):
        body = a_body(event_type)
        del body[name]
        with pytest.raises(InputError, match=f"'{name}'"):
            check_body(event_type, body)


@given(types, st.data())
def test_a_field_of_another_kind_is_named(event_type: str, data: st.DataObject) -> None:
    name, kind = data.draw(st.sampled_from(sorted(fields(event_type).items())))
    wrong = data.draw(st.sampled_from(WRONG[kind]))
    with pytest.raises(InputError, match=f"'{name}'"):
        check_body(event_type, a_body(event_type) | {name: wrong})


@given(types, st.text(max_size=500))
def test_a_field_too_many_is_refused_in_a_short_sentence(event_type: str, name: str) -> None:
    if name not in fields(event_type):
        with pytest.raises(InputError) as caught:
            check_body(event_type, a_body(event_type) | {name: "x"})
        assert len(caught.value.sentence) < 300


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=5), st.integers()))
def test_a_type_from_a_newer_desk_passes(event_type: str, body: dict[str, int]) -> None:
    if event_type not in BODIES:
        check_body(event_type, body)


def test_the_sets_name_types_that_exist() -> None:
    assert set(BODIES) >= PERSON_SIGNED
    assert set(BODIES) >= PLANE_ONLY
    assert not PERSON_SIGNED & PLANE_ONLY


def test_what_a_person_must_sign() -> None:
    assert {"switch.confirmed", "evidence.exported", "incident.closed", "review.signed"} <= PERSON_SIGNED


def test_kinds_are_of_the_six_that_are_known() -> None:
    for event_type in BODIES:
        assert set(fields(event_type).values()) <= set(SAMPLE)
        assert len(fields(event_type)) == len(BODIES[event_type].split())

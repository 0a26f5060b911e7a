"""The order that people sign: it reads back as written, refuses what is malformed, and its states go one way."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import (
    ACKNOWLEDGED,
    ARMED,
    AUTHORISED,
    DISPATCHED,
    ENDS,
    EXPIRED,
    FALLBACK,
    PROGRESS,
    REFUSED,
    SENT,
    STALE,
    SUPERSEDED,
    UNKNOWN,
    VERIFIED,
    Approval,
    Order,
    approval_subject,
    may_follow,
    may_move,
    order_from_object,
)
from console.domain.errors import InputError
from console.domain.inventory import SCOPES, BlastRadius

STATES = (*PROGRESS, REFUSED, EXPIRED, STALE, SUPERSEDED, UNKNOWN, FALLBACK)
text = st.text(max_size=12)
count = st.integers(0, 2**53 - 1)
ids = st.lists(text, max_size=3).map(tuple)
radii = st.builds(BlastRadius, st.sampled_from(SCOPES), ids)
approvals = st.builds(Approval, text, text, text, text, st.booleans())
orders = st.builds(
    Order,
    command_id=text, incident=text, switch=text, target=text, want=text, epoch=text, generation=count,
    blast_radius=radii, policy_hash=text, expires=text, authorised_at=text, reason=text, typed_name=text,
    dwell_ms=count, gesture=text, person=text, role=text, for_owner=text, device=text, exercise=st.booleans(),
    select_token=text, confirmation=text, approvals=st.lists(approvals, max_size=2).map(tuple), break_glass=text,
    criteria=st.dictionaries(text, ids, max_size=2),
)  # fmt: skip


@given(orders)
def test_an_order_reads_back_as_it_was_written(order: Order) -> None:
    assert order_from_object(order.as_object()) == order


@given(orders)
def test_every_field_is_in_what_is_signed(order: Order) -> None:
    signed = order.as_object()
    assert set(signed) == {field.name for field in dataclasses.fields(Order)} | {"v", "kind"}
    assert (signed["v"], signed["kind"]) == (1, "command")


@given(orders, st.data())
def test_an_order_without_a_field_or_with_one_more_is_refused(order: Order, data: st.DataObject) -> None:
    value = order.as_object()
    name = data.draw(st.sampled_from(sorted(value)))
    for wrong in ({k: v for k, v in value.items() if k != name}, value | {"toggle": True}):
        with pytest.raises(InputError):
            order_from_object(wrong)


GOOD: dict[str, Any] = {
    **dict.fromkeys((field.name for field in dataclasses.fields(Order)), "text"),
    "v": 1,
    "kind": "command",
    "generation": 1,
    "dwell_ms": 1500,
    "exercise": True,
    "blast_radius": {"scope": "tenant", "ids": ["tenant.one"]},
    "approvals": [],
    "criteria": {},
}
WRONG: dict[str, list[Any]] = {
    "v": [2, "1", None],
    "kind": ["approval", ""],
    "person": [None, 1, ["ada"]],
    "generation": ["1", -1, True, 1.0, None],
    "dwell_ms": ["1500", -1, False],
    "exercise": ["true", 1, None],
    "blast_radius": [None, [], {}, {"scope": "wide"}, {"ids": []}],
    "approvals": [None, [1], [{"person": "ada"}]],
    "criteria": [None, [], {"a": None}],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in WRONG.items() for v in values])
def test_a_field_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    order_from_object(GOOD)
    with pytest.raises(InputError):
        order_from_object(GOOD | {field: value})


@given(orders)
def test_same_desk_is_never_guessed(order: Order) -> None:
    value = order.as_object()
    value["approvals"] = [
        {"person": "a", "device": "d", "sig": "s", "approved_at": "t", "same_desk": odd} for odd in (1, "true", None)
    ]
    assert [approval.same_desk for approval in order_from_object(value).approvals] == [False, False, False]


@given(orders, text)
def test_an_approval_is_over_the_world_not_over_live_numbers(order: Order, expires: str) -> None:
    subject = approval_subject(order, expires)
    what = {"command_id", "switch", "target", "want", "generation"}
    assert set(subject) == what | {"blast_radius", "policy_hash", "expires"}
    assert subject["expires"] == expires
    same = dataclasses.replace(order, person="other", dwell_ms=1, reason="other", select_token="other", device="other")
    assert approval_subject(same, expires) == subject


@given(orders)
def test_an_approval_changes_with_everything_it_covers(order: Order) -> None:
    subject = approval_subject(order, "t")
    for other in (
        dataclasses.replace(order, command_id=order.command_id + "x"),
        dataclasses.replace(order, switch=order.switch + "x"),
        dataclasses.replace(order, target=order.target + "x"),
        dataclasses.replace(order, want=order.want + "x"),
        dataclasses.replace(order, generation=order.generation + 1),
        dataclasses.replace(order, policy_hash=order.policy_hash + "x"),
        dataclasses.replace(order, blast_radius=BlastRadius(order.blast_radius.scope, (*order.blast_radius.ids, "x"))),
    ):
        assert approval_subject(other, "t") != subject
    assert approval_subject(order, "u") != subject


@pytest.mark.parametrize("end", ENDS)
def test_an_end_never_moves(end: str) -> None:
    assert not any(may_move(end, to) for to in STATES)


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=12))
def test_no_walk_goes_back_or_comes_round(wishes: list[str]) -> None:
    """Follow any wishes as far as the rules allow: progress only grows, and no state is entered twice."""
    at, seen = ARMED, [ARMED]
    for wish in wishes:
        if may_move(at, wish):
            at = wish
            seen.append(at)
    assert len(seen) == len(set(seen))
    places = [PROGRESS.index(state) for state in seen if state in PROGRESS]
    assert places == sorted(places)


def test_nothing_is_sent_before_it_is_authorised_and_nothing_is_verified_before_it_is_sent() -> None:
    assert not may_move(ARMED, SENT)
    assert not may_move(AUTHORISED, ACKNOWLEDGED)
    assert not may_move(AUTHORISED, VERIFIED)
    assert not may_move(ACKNOWLEDGED, REFUSED)
    assert not may_move(ACKNOWLEDGED, EXPIRED)
    assert not may_move(DISPATCHED, EXPIRED)


def test_an_unknown_outcome_can_be_resolved_to_anything_but_is_never_sent_again() -> None:
    assert UNKNOWN not in ENDS
    assert all(may_move(UNKNOWN, end) for end in ENDS)
    assert may_move(SENT, UNKNOWN)
    for state in (ARMED, AUTHORISED, SENT):
        assert not may_move(UNKNOWN, state)


def test_who_looks_now_and_then_may_have_missed_that_it_was_unknown() -> None:
    for end in ENDS:
        assert may_follow(ACKNOWLEDGED, end)
        assert may_follow(DISPATCHED, end)
        assert not any(may_follow(end, to) for to in STATES)
    assert not may_follow(DISPATCHED, ACKNOWLEDGED)
    assert not may_follow(ARMED, REFUSED)


def test_a_state_nobody_knows_does_not_move() -> None:
    assert not may_move("lost", SENT)
    assert not may_move(SENT, "lost")

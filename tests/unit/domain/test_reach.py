"""Which switch to take first: the smallest that is enforced, triage's before others, wider ones with a warning."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.reach import (
    FAIL_CLOSED,
    FAILED,
    STOPPED_ALREADY,
    UNKNOWN,
    Reach,
    propose,
    smallest_hold,
    switches_for,
)
from console.policy import default_path, load

POLICY = load(default_path())
INVENTORY, CATALOGUE = POLICY.inventory, POLICY.switches
BLOCK = ("FF_TENANT_BLOCK", "tenant.borealis")


def test_the_target_s_own_switch_comes_first_and_wider_ones_come_later_with_a_warning() -> None:
    found = switches_for(INVENTORY, CATALOGUE, "tenant.borealis")
    assert (found[0].switch, found[0].target) == BLOCK
    enforced = [one for one in found if one.adapter]
    warned = [bool(one.warning) for one in enforced]
    assert warned == sorted(warned)
    assert {one.target for one in enforced if not one.warning} == {"tenant.borealis"}
    assert [one.switch for one in enforced][-1] == "FF_GLOBAL_AI"


def test_what_nobody_enforces_comes_last() -> None:
    flags = [bool(one.adapter) for one in switches_for(INVENTORY, CATALOGUE, "tenant.borealis")]
    assert flags == sorted(flags, reverse=True)
    assert False in flags


def test_triage_is_heard_among_equals() -> None:
    wanted = ("FF_TOOL_REVOKE", "tool.search")
    found = switches_for(INVENTORY, CATALOGUE, "tenant.borealis", [wanted])
    enforced = [(one.switch, one.target) for one in found if one.adapter]
    assert enforced[0] == BLOCK
    warned = [(one.switch, one.target) for one in found if one.adapter and one.warning]
    assert warned[0] == wanted
    assert [one.proposed for one in found].count(True) == 1


def test_the_hold_is_reversible_and_enforced() -> None:
    found = switches_for(INVENTORY, CATALOGUE, "tenant.borealis")
    hold = smallest_hold(found)
    assert hold is not None
    assert (hold.switch, hold.target) == BLOCK
    assert smallest_hold([replace(one, reversible=False) for one in found]) is None
    assert smallest_hold([replace(one, adapter="") for one in found]) is None


def test_a_target_that_is_not_in_the_inventory_is_refused() -> None:
    with pytest.raises(InputError):
        switches_for(INVENTORY, CATALOGUE, "tenant.nowhere")


FOUND = switches_for(INVENTORY, CATALOGUE, "tenant.borealis")
NARROWER = [one for one in FOUND if one.adapter and one.reversible and one.step != FAIL_CLOSED]


def place(reach: Reach) -> tuple[str, str]:
    return reach.switch, reach.target


def test_the_smallest_step_is_proposed_first() -> None:
    made = propose(FOUND, {})
    assert (made.reach, made.passed_over, made.fails_closed) == (FOUND[0], (), False)


@pytest.mark.parametrize(
    ("how", "word"), [(STOPPED_ALREADY, "stopped already"), (FAILED, "no effect"), (UNKNOWN, "nobody knows")]
)
def test_a_step_that_helps_no_more_is_passed_over_with_the_reason(how: str, word: str) -> None:
    made = propose(FOUND, {place(FOUND[0]): how})
    assert made.reach == NARROWER[1]
    assert [one.reach for one in made.passed_over] == [FOUND[0]]
    assert word in made.passed_over[0].why
    assert word in made.sentence
    assert NARROWER[1].switch in made.sentence


def test_when_every_narrower_step_is_spent_it_fails_closed() -> None:
    made = propose(FOUND, {place(one): FAILED for one in NARROWER})
    assert made.fails_closed
    assert made.reach is not None
    assert made.reach.switch == "FF_GLOBAL_AI"
    assert "No narrower step is left" in made.sentence
    assert len(made.passed_over) == len(NARROWER)


def test_without_a_path_that_meets_its_floors_it_fails_closed_at_once() -> None:
    made = propose(FOUND, {}, {"model.orion-1": False, "model.orion-2": False})
    assert made.fails_closed
    assert made.reach is not None
    assert made.reach.switch == "FF_GLOBAL_AI"
    assert "No path meets its floors" in made.sentence
    assert not propose(FOUND, {}, {"model.orion-1": True, "model.orion-2": False}).fails_closed
    assert not propose(FOUND, {}, {}).fails_closed


def test_when_nothing_is_left_people_are_sent_to_the_card() -> None:
    spent = propose(FOUND, {place(one): UNKNOWN for one in FOUND})
    by_hand = propose([replace(one, adapter="") for one in FOUND], {})
    for made in (spent, by_hand, propose((), {})):
        assert made.reach is None
        assert made.fails_closed
        assert "fallback card" in made.sentence


@given(
    st.dictionaries(
        st.sampled_from([place(one) for one in FOUND]), st.sampled_from([STOPPED_ALREADY, FAILED, UNKNOWN])
    ),
    st.dictionaries(st.sampled_from(["model.a", "model.b"]), st.booleans()),
)
def test_what_is_proposed_can_help_and_nothing_smaller_could(
    standing: dict[tuple[str, str], str], paths: dict[str, bool]
) -> None:
    made = propose(FOUND, standing, paths)
    assert made.sentence.endswith(".")
    if made.reach is None:
        assert made.fails_closed
        return
    assert made.reach.adapter
    assert place(made.reach) not in standing
    if not made.fails_closed:
        smaller = NARROWER[: NARROWER.index(made.reach)]
        assert [one.reach for one in made.passed_over] == smaller
        assert all(place(one) in standing for one in smaller)
    else:
        assert made.reach.step == FAIL_CLOSED

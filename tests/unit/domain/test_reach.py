"""Which switch to take first: the smallest that is enforced, triage's before others, wider ones with a warning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.domain.errors import InputError
from console.domain.reach import smallest_hold, switches_for
from console.policy import default_path, load

POLICY = load(default_path())
INVENTORY, CATALOGUE = POLICY.inventory, POLICY.switches
BLOCK = ("FF_TENANT_BLOCK", "tenant.borealis")


def test_the_target_s_own_switch_comes_first_and_alone_has_no_warning() -> None:
    found = switches_for(INVENTORY, CATALOGUE, "tenant.borealis")
    assert (found[0].switch, found[0].target) == BLOCK
    enforced = [one for one in found if one.adapter]
    assert [bool(one.warning) for one in enforced] == [False] + [True] * (len(enforced) - 1)
    assert [one.switch for one in enforced][-1] == "FF_GLOBAL_AI"


def test_what_nobody_enforces_comes_last() -> None:
    flags = [bool(one.adapter) for one in switches_for(INVENTORY, CATALOGUE, "tenant.borealis")]
    assert flags == sorted(flags, reverse=True)
    assert False in flags


def test_triage_is_heard_among_equals() -> None:
    wanted = ("FF_TOOL_REVOKE", "tool.search")
    found = switches_for(INVENTORY, CATALOGUE, "tenant.borealis", [wanted])
    enforced = [(one.switch, one.target) for one in found if one.adapter]
    assert enforced[:2] == [BLOCK, wanted]
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

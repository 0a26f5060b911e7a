"""What an application is told: off wherever its request belongs, an error where its context leaves something open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.plane.backends import Held
from console.plane.flags import (
    Evaluation,
    NoEvaluation,
    context_for,
    evaluate,
    evaluate_all,
    flag_keys,
    wrong_defaults,
)

STAND, FJORD, GLACIER, DESK, CANARY = (
    "environment.stand", "tenant.fjord", "tenant.glacier", "surface.helpdesk", "model.canary",
)  # fmt: skip
ITEMS = {
    name: InventoryItem(name, name.partition(".")[0], name, STAND) for name in (STAND, FJORD, GLACIER, DESK, CANARY)
}
DRAFT, GLOBAL, ROUTE = "FF_AGENT_DRAFT", "FF_GLOBAL_AI", "FF_MODEL_ROUTE"
INVENTORY = Inventory(
    ITEMS,
    (
        Enforcement(DRAFT, DESK, "ofrep"),
        Enforcement(DRAFT, FJORD, "ofrep"),
        Enforcement(GLOBAL, STAND, "ofrep"),
        Enforcement(DRAFT, STAND, "ofrep"),
        Enforcement(ROUTE, CANARY, "haproxy"),
    ),
    {STAND: "stand-probe"},
)
HERE = {"targetingKey": "u", "surface": DESK, "tenant": FJORD}


def stopped(*targets: str) -> dict[tuple[str, str], Held]:
    return {(DRAFT, target): Held("stopped", 3, f"by-{target}") for target in targets}


def test_the_flags_are_what_this_adapter_enforces() -> None:
    assert flag_keys(INVENTORY) == (DRAFT, GLOBAL)
    assert [one.key for one in evaluate_all(INVENTORY, {}, HERE)] == [DRAFT, GLOBAL]


def test_a_stop_on_whatever_the_request_belongs_to_counts_and_every_one_is_named() -> None:
    for target in (DESK, FJORD, STAND):
        found = evaluate(INVENTORY, stopped(target), DRAFT, HERE)
        assert isinstance(found, Evaluation)
        assert (found.value, found.variant) == (False, "stopped")
        assert found.metadata == {"switch": DRAFT, "target": target, "generation": 3, "command_id": f"by-{target}"}
    both = evaluate(INVENTORY, stopped(STAND, DESK), DRAFT, HERE)
    assert isinstance(both, Evaluation)
    assert (both.metadata["target"], both.metadata["target_2"]) == (DESK, STAND)
    elsewhere = evaluate(INVENTORY, stopped(FJORD), DRAFT, HERE | {"tenant": GLACIER})
    assert isinstance(elsewhere, Evaluation)
    assert (elsewhere.value, elsewhere.variant, elsewhere.reason) == (True, "enabled", "DEFAULT")


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({}, "TARGETING_KEY_MISSING"),
        (HERE | {"targetingKey": ""}, "TARGETING_KEY_MISSING"),
        (HERE | {"targetingKey": 7}, "TARGETING_KEY_MISSING"),
        ({"targetingKey": "u", "tenant": FJORD}, "INVALID_CONTEXT"),
        (HERE | {"tenant": "tenant.nowhere"}, "INVALID_CONTEXT"),
        (HERE | {"tenant": DESK}, "INVALID_CONTEXT"),
        (HERE | {"tenant": None}, "INVALID_CONTEXT"),
        (HERE | {"model": "x"}, "INVALID_CONTEXT"),
        ({"targetingKey": "u", "tenant": "", "surface": ""}, "INVALID_CONTEXT"),
    ],
)
def test_what_is_left_open_gets_an_error(context: dict[str, Any], code: str) -> None:
    found = evaluate(INVENTORY, {}, DRAFT, context)
    assert isinstance(found, NoEvaluation)
    assert found.code == code


@given(st.dictionaries(st.sampled_from(["targetingKey", "tenant", "surface", "model", "environment"]), st.one_of(
    st.none(), st.text(), st.integers(), st.lists(st.text()), st.sampled_from(list(ITEMS))
)))  # fmt: skip
def test_no_context_gets_past_a_stopped_environment(context: dict[str, Any]) -> None:
    found = evaluate(INVENTORY, stopped(STAND), DRAFT, context)
    assert isinstance(found, NoEvaluation) or found.value is False


@pytest.mark.parametrize("key", ["", ROUTE, "FF_NONE", "../x", "F" * 5000])
def test_there_is_no_such_flag(key: str) -> None:
    found = evaluate(INVENTORY, {}, key, HERE)
    assert isinstance(found, NoEvaluation)
    assert found.code == "FLAG_NOT_FOUND"
    assert len(found.key) <= 200


@pytest.mark.parametrize("target", [DESK, FJORD, STAND])
def test_a_probe_asks_for_a_request_that_belongs_to_its_target_alone(target: str) -> None:
    context = context_for(INVENTORY, DRAFT, ITEMS[target])
    off, on = (evaluate(INVENTORY, stopped(*at), DRAFT, context) for at in ((target,), ()))
    assert isinstance(off, Evaluation)
    assert isinstance(on, Evaluation)
    assert (off.value, off.metadata["target"], on.value) == (False, target, True)
    assert context["targetingKey"] == "stand-probe"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('client.get_boolean_value("FF_AGENT_DRAFT", True, context)', [DRAFT]),
        ("client.getBooleanValue('FF_AGENT_DRAFT', true)", [DRAFT]),
        ('get_boolean_details("FF_AGENT_DRAFT", default_value=True)', [DRAFT]),
        ('client.get_boolean_value("FF_AGENT_DRAFT", False, context)', []),
        ('{"key": "FF_AGENT_DRAFT", "value": true}', []),
    ],
)
def test_a_default_of_true_is_found(source: str, found: list[str]) -> None:
    assert wrong_defaults(source) == found

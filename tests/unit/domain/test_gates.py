"""The gate table of design.md, column by column: every rule, taken out, makes a test here fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Order
from console.domain.errors import InputError
from console.domain.gates import GateContext, unmet_gates
from console.domain.inventory import BlastRadius, Inventory, InventoryItem
from console.domain.switches import GateLimits, GateTimes, RestoreCriterion, Switch, SwitchCatalogue

ENVIRONMENT = "environment.here"
ITEMS = (
    InventoryItem(ENVIRONMENT, "environment", "here", ENVIRONMENT),
    InventoryItem("tenant.one", "tenant", "one", ENVIRONMENT),
    InventoryItem("tenant.two", "tenant", "two", ENVIRONMENT),
    InventoryItem("tool.pay", "tool", "pay", ENVIRONMENT, tenants=("tenant.one", "tenant.two")),
    InventoryItem("tool.own", "tool", "own", ENVIRONMENT, tenants=("tenant.one",)),
)
INVENTORY = Inventory({item.id: item for item in ITEMS}, (), {})
TIMES = GateTimes(1500, 1000, 250, 350, 1000, 30, 600, 60, 60)


def a_switch(switch_id: str, kinds: tuple[str, ...], owner: str, thrown_by: tuple[str, ...]) -> Switch:
    criteria = (
        RestoreCriterion("signed_off", "Somebody signed.", "security_lead", "statement"),
        RestoreCriterion("measured", "It was measured.", "", "validation"),
    )
    return Switch(switch_id, "t", "c", "m", kinds, owner, thrown_by, "scoped", True, criteria, "by hand", "test")


SWITCHES = (
    a_switch("FF_GLOBAL", ("environment",), "platform_administrator", ("platform_administrator", "incident_commander")),
    a_switch("FF_TENANT", ("tenant",), "incident_commander", ("incident_commander",)),
    a_switch("FF_TOOL", ("tool",), "tool_owner", ("tool_owner", "sre_on_call")),
)
CATALOGUE = SwitchCatalogue({switch.id: switch for switch in SWITCHES}, {}, TIMES)
POLICY = "a" * 64

CONTEXT = GateContext(
    roles_of={
        "ada": {"tool_owner"},
        "bob": {"security_lead"},
        "cyd": {"incident_commander"},
        "dov": {"sre_on_call"},
        "eve": set(),
        "flo": {"platform_administrator"},
    },
    approved_by=(),
    proven=("event-1", "event-2"),
    policy_hash=POLICY,
)


def an_order(
    target: str, want: str, *, switch: str = "FF_TOOL", person: str = "ada", role: str = "tool_owner"
) -> Order:
    """An order that meets every gate but the second person."""
    return Order(
        command_id="c",
        incident="i",
        switch=switch,
        target=target,
        want=want,
        epoch="e",
        generation=1,
        blast_radius=INVENTORY.blast_radius(target),
        policy_hash=POLICY,
        expires="2026-01-01T00:00:30.000000Z",
        authorised_at="2026-01-01T00:00:00.000000Z",
        reason="It misfires.",
        typed_name=INVENTORY.item(target).name,
        dwell_ms=1500,
        gesture="hold",
        person=person,
        role=role,
        for_owner="",
        device="d",
        exercise=True,
        select_token="s",
        confirmation="f",
        criteria={"signed_off": ("event-1",), "measured": ("event-2",)},
    )


APPROVED = replace(CONTEXT, approved_by=("bob",))
COLUMNS = {
    "narrow stop": an_order("tool.own", "stopped"),
    "wide stop": an_order("tool.pay", "stopped"),
    "narrow restore": an_order("tool.own", "running"),
    "wide restore": an_order("tool.pay", "running"),
}
ALWAYS = {"policy", "preview", "role", "gesture"}
TYPED = {"reason", "typed_name", "dwell"}
PROOF = {"criterion:signed_off", "criterion:measured"}
TABLE = {
    "narrow stop": ALWAYS,
    "wide stop": ALWAYS | TYPED | {"second_person"},
    "narrow restore": ALWAYS | TYPED | PROOF,
    "wide restore": ALWAYS | TYPED | PROOF | {"second_person"},
}
"""Which gates each column of the table has."""

Broken = tuple[Order, GateContext]


def _without_role(order: Order, context: GateContext) -> Broken:
    return order, replace(context, roles_of={**context.roles_of, order.person: {"support_lead"}})


DEFECTS: dict[str, Callable[[Order, GateContext], Broken]] = {
    "policy": lambda o, c: (replace(o, policy_hash="b" * 64), c),
    "preview": lambda o, c: (replace(o, blast_radius=BlastRadius(o.blast_radius.scope, ("tenant.two",))), c),
    "role": _without_role,
    "gesture": lambda o, c: (replace(o, gesture="click"), c),
    "reason": lambda o, c: (replace(o, reason=" \t"), c),
    "typed_name": lambda o, c: (replace(o, typed_name="pay "), c),
    "dwell": lambda o, c: (replace(o, dwell_ms=1499), c),
    "second_person": lambda o, c: (o, replace(c, approved_by=())),
    "criterion:signed_off": lambda o, c: (replace(o, criteria={**o.criteria, "signed_off": ()}), c),
    "criterion:measured": lambda o, c: (replace(o, criteria={**o.criteria, "measured": ("event-2", "event-9")}), c),
}


def unmet(order: Order, context: GateContext = APPROVED) -> set[str]:
    return {gate.gate for gate in unmet_gates(order, INVENTORY, CATALOGUE, context)}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_order_with_everything_meets_every_gate(column: str) -> None:
    assert unmet_gates(COLUMNS[column], INVENTORY, CATALOGUE, APPROVED) == ()


@given(st.sampled_from(sorted(COLUMNS)), st.sets(st.sampled_from(sorted(DEFECTS))))
def test_exactly_the_gates_of_the_column_are_unmet(column: str, defects: set[str]) -> None:
    order, context = COLUMNS[column], APPROVED
    for defect in defects:
        order, context = DEFECTS[defect](order, context)
    found = unmet_gates(order, INVENTORY, CATALOGUE, context)
    assert {gate.gate for gate in found} == defects & TABLE[column]
    assert all(gate.sentence.endswith((".", "!")) for gate in found)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_alone(column: str, defect: str) -> None:
    order, context = DEFECTS[defect](COLUMNS[column], APPROVED)
    assert unmet(order, context) == {defect} & TABLE[column]


def test_a_global_stop_is_wide() -> None:
    order = an_order(ENVIRONMENT, "stopped", switch="FF_GLOBAL", person="flo", role="platform_administrator")
    assert unmet(order) == set()
    assert unmet(replace(order, reason="", typed_name="", dwell_ms=0), CONTEXT) == TYPED | {"second_person"}


def test_a_tenant_stop_is_narrow_and_its_restore_is_not_free() -> None:
    stop = an_order("tenant.one", "stopped", switch="FF_TENANT", person="cyd", role="incident_commander")
    assert unmet(replace(stop, reason="", typed_name="", dwell_ms=0, criteria={}), CONTEXT) == set()
    assert unmet(replace(stop, want="running", reason="", criteria={}), CONTEXT) == {"reason"} | PROOF


def test_an_order_for_neither_state_is_refused() -> None:
    assert unmet(replace(COLUMNS["narrow stop"], want="toggled")) == {"want"}


def test_a_switch_is_thrown_only_on_its_kinds() -> None:
    assert unmet(an_order("tenant.one", "stopped")) == {"target"}


def test_what_is_not_in_the_inventory_or_the_catalogue_is_an_error() -> None:
    for order in (
        replace(COLUMNS["narrow stop"], target="tenant.none"),
        replace(COLUMNS["narrow stop"], switch="FF_NONE"),
    ):
        with pytest.raises(InputError):
            unmet(order)


# --- who may act ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "person", "role", "refused"),
    [
        ("tool.own", "ada", "tool_owner", False),
        ("tool.own", "dov", "sre_on_call", False),  # among those who may throw it
        ("tool.own", "cyd", "incident_commander", False),  # for an absent owner, up to tenant scope
        ("tool.own", "bob", "security_lead", True),
        ("tool.pay", "ada", "tool_owner", False),
        ("tool.pay", "dov", "sre_on_call", False),
        ("tool.pay", "cyd", "incident_commander", True),  # wider than a tenant: not for an absent owner
        ("tool.pay", "bob", "security_lead", True),
    ],
)
def test_who_may_stop(target: str, person: str, role: str, refused: bool) -> None:
    context = replace(CONTEXT, approved_by=("eve-2",), roles_of={**CONTEXT.roles_of, "eve-2": {"support_lead"}})
    assert ("authority" in unmet(an_order(target, "stopped", person=person, role=role), context)) is refused


@pytest.mark.parametrize(
    ("person", "role"), [("dov", "sre_on_call"), ("cyd", "incident_commander"), ("bob", "security_lead")]
)
@pytest.mark.parametrize("target", ["tool.own", "tool.pay"])
def test_only_the_owner_restores(target: str, person: str, role: str) -> None:
    approved = replace(CONTEXT, approved_by=("flo",))
    assert unmet(an_order(target, "running", person=person, role=role), approved) == {"authority"}
    assert unmet(an_order(target, "running"), approved) == set()


def test_an_owner_outside_the_list_of_throwers_may_still_stop() -> None:
    lone = SwitchCatalogue({"FF_TOOL": a_switch("FF_TOOL", ("tool",), "tool_owner", ())}, {}, TIMES)
    assert unmet_gates(COLUMNS["narrow stop"], INVENTORY, lone, APPROVED) == ()


def test_a_role_that_is_named_but_not_held_is_refused() -> None:
    order = an_order("tool.own", "stopped", person="bob", role="tool_owner")
    assert unmet(order) == {"role"}
    assert unmet(replace(order, role="")) == {"role", "authority"}
    assert unmet(replace(order, person="nobody", role="tool_owner")) == {"role"}


# --- the second person and break-glass -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approvers", "missing"),
    [
        (("bob",), False),
        (("ada", "bob"), False),
        ((), True),
        (("ada",), True),  # oneself does not count
        (("eve",), True),  # certified once, but holds no role now
        (("stranger",), True),
    ],
)
@pytest.mark.parametrize("want", ["stopped", "running"])
def test_who_counts_as_a_second_person(want: str, approvers: tuple[str, ...], missing: bool) -> None:
    context = replace(CONTEXT, approved_by=approvers)
    assert unmet(an_order("tool.pay", want), context) == ({"second_person"} if missing else set())


def test_the_glass_of_a_global_stop_is_broken_by_one_with_a_reason() -> None:
    order = an_order(ENVIRONMENT, "stopped", switch="FF_GLOBAL", person="cyd", role="incident_commander")
    assert unmet(order, CONTEXT) == {"second_person"}
    assert unmet(replace(order, break_glass="Nobody answers."), CONTEXT) == set()
    assert unmet(replace(order, break_glass="  "), CONTEXT) == {"second_person"}


def test_the_engineer_on_call_may_break_the_glass_too() -> None:
    order = replace(an_order("tool.pay", "stopped", person="dov", role="sre_on_call"), break_glass="Nobody answers.")
    assert unmet(order, CONTEXT) == set()


def test_others_may_not_break_the_glass() -> None:
    order = replace(an_order("tool.pay", "stopped"), break_glass="Nobody answers.")
    assert unmet(order, CONTEXT) == {"break_glass_role"}


def test_a_restore_never_breaks_the_glass() -> None:
    roles = {**CONTEXT.roles_of, "ada": {"tool_owner", "incident_commander"}}
    order = replace(an_order("tool.pay", "running"), break_glass="Nobody answers.")
    assert unmet(order, replace(CONTEXT, roles_of=roles)) == {"second_person", "break_glass"}
    assert unmet(order, replace(APPROVED, roles_of={**roles, "bob": {"security_lead"}})) == {"break_glass"}
    narrow = replace(an_order("tool.own", "running"), break_glass="Nobody answers.")
    assert unmet(narrow, replace(CONTEXT, roles_of=roles)) == {"break_glass"}


@pytest.mark.parametrize("gesture", ["hold", "second_press"])
def test_both_gestures_are_equal(gesture: str) -> None:
    assert unmet(replace(COLUMNS["narrow stop"], gesture=gesture)) == set()


STAND_IN = replace(an_order("tool.own", "stopped", person="cyd", role="incident_commander"), for_owner="tool_owner")


def test_a_commander_says_for_which_owner_they_stop() -> None:
    assert unmet(STAND_IN) == set()
    assert unmet(replace(STAND_IN, for_owner="")) == {"for_owner"}
    assert unmet(replace(STAND_IN, for_owner="platform_administrator")) == {"for_owner"}


@pytest.mark.parametrize(
    ("order", "gates"),
    [
        (COLUMNS["narrow stop"], {"for_owner"}),  # the owner stands in for nobody
        (an_order("tool.own", "stopped", person="dov", role="sre_on_call"), {"for_owner"}),  # nor who may throw it
        (replace(STAND_IN, target="tool.pay", typed_name="pay"), {"authority", "for_owner", "preview"}),
        (replace(STAND_IN, want="running"), {"authority", "for_owner"}),  # restoring needs the owner
        (an_order("tool.own", "stopped", person="bob", role="security_lead"), {"authority", "for_owner"}),
    ],
)
def test_nobody_claims_to_stand_in_who_does_not(order: Order, gates: set[str]) -> None:
    assert unmet(replace(order, for_owner="tool_owner")) == gates


UNSEEN = ["", " \t", "\u200b\u2060", "\ufeff", "\u3164", "\u034f", "\u2800", "\u202e\u202c", "...", "\x00"]


@pytest.mark.parametrize("written", UNSEEN)
def test_what_nobody_can_read_is_no_reason_and_breaks_no_glass(written: str) -> None:
    assert unmet(replace(COLUMNS["wide stop"], reason=written)) == {"reason"}
    glass = an_order("tool.pay", "stopped", person="dov", role="sre_on_call")
    assert unmet(replace(glass, break_glass=written), CONTEXT) == {"second_person"}


@pytest.mark.parametrize("written", ["Es brennt", "\u706b", "5", "\u200bx"])
def test_a_reason_in_any_script_is_one(written: str) -> None:
    assert unmet(replace(COLUMNS["wide stop"], reason=written)) == set()


@pytest.mark.parametrize("typed", ["pay ", " pay", "Pay", "p\u0430y", "pay\u200b", "p\u0061\u0301y", "", "tool.pay"])
def test_the_name_is_typed_exactly(typed: str) -> None:
    assert unmet(replace(COLUMNS["wide stop"], typed_name=typed)) == {"typed_name"}


def test_a_name_is_compared_in_one_spelling() -> None:
    cafe = replace(INVENTORY.items["tool.own"], name="cafe\u0301")
    inventory = replace(INVENTORY, items={**INVENTORY.items, cafe.id: cafe})

    def gates(typed: str) -> set[str]:
        order = replace(COLUMNS["narrow restore"], typed_name=typed)
        return {gate.gate for gate in unmet_gates(order, inventory, CATALOGUE, APPROVED)}

    assert gates("caf\u00e9") == set()
    assert gates("cafe\u0301") == {"typed_name"}, "an order is signed in NFC"


def test_the_glass_breaks_a_few_times_an_hour_and_then_takes_two() -> None:
    glass = replace(an_order("tool.pay", "stopped", person="dov", role="sre_on_call"), break_glass="Nobody answers.")
    assert unmet(glass, replace(CONTEXT, recent_break_glass=2)) == set()
    assert unmet(glass, replace(CONTEXT, recent_break_glass=3)) == {"break_glass_limit"}
    assert unmet(glass, replace(APPROVED, recent_break_glass=3)) == set()
    looser = replace(CATALOGUE, limits=GateLimits(break_glass_per_hour=5))
    assert unmet_gates(glass, INVENTORY, looser, replace(CONTEXT, recent_break_glass=3)) == ()


def test_a_narrow_stop_breaks_no_glass() -> None:
    glass = replace(an_order("tool.own", "stopped", person="dov", role="sre_on_call"), break_glass="Nobody answers.")
    assert unmet(glass) == {"break_glass"}


def test_evidence_must_exist() -> None:
    order = COLUMNS["narrow restore"]
    assert unmet(order, replace(APPROVED, proven=())) == PROOF
    assert unmet(order, replace(APPROVED, proven=("event-1",))) == {"criterion:measured"}
    assert unmet(replace(order, criteria={"something_else": ("event-1",)})) == PROOF


text = st.text(max_size=6)


@given(
    st.sampled_from(["tool.own", "tool.pay", "tenant.one", ENVIRONMENT]),
    st.sampled_from(["stopped", "running", "", "toggled"]),
    st.sampled_from(["ada", "bob", "cyd", "dov", "eve", "nobody"]),
    st.builds(
        dict, role=text, reason=text, typed_name=text, gesture=text, break_glass=text, dwell_ms=st.integers(0, 1499)
    ),
)
def test_random_orders_fire_nothing_wide_and_restore_nothing(
    target: str, want: str, person: str, fields: dict[str, str | int]
) -> None:
    order = replace(an_order(target, want), person=person, criteria={}, **fields)  # type: ignore[arg-type]
    assert unmet(order, CONTEXT)


def test_the_sentences_say_whom_to_ask() -> None:
    def sentence(gate: str, order: Order, context: GateContext) -> str:
        return next(g.sentence for g in unmet_gates(order, INVENTORY, CATALOGUE, context) if g.gate == gate)

    stop = an_order("tool.own", "stopped", person="bob", role="security_lead")
    assert (
        sentence("authority", stop, CONTEXT) == "The role security_lead may not throw it; ask the owner (tool_owner)."
    )
    restore = replace(stop, want="running")
    assert sentence("authority", restore, CONTEXT) == "Only the owner (tool_owner) may restore it; ask them."
    nameless = replace(stop, role="")
    assert "(none)" in sentence("role", nameless, CONTEXT)
    assert "(none)" in sentence("authority", nameless, CONTEXT)
    assert "break the glass" in sentence("second_person", COLUMNS["wide stop"], CONTEXT)
    assert "no break-glass" in sentence("second_person", COLUMNS["wide restore"], CONTEXT)

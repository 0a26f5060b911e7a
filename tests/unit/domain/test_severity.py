"""Severity: a level for every combination, reasons for every step, and nothing that lowers by stealth."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.inventory import InventoryItem
from console.domain.severity import (
    ANSWERS,
    EFFORTS,
    LEVELS,
    PREVALENCES,
    Circumstances,
    Floor,
    entry_floor,
    grade,
    grade_stricter,
    lowering_needs_second,
    stricter,
)
from console.policy import default_path, load

POLICY = load(default_path())
MODEL = POLICY.severity
PAIRS = sorted(MODEL.matrix)

pairs = st.sampled_from(PAIRS)
levels = st.sampled_from(LEVELS)
held = st.sets(st.sampled_from(sorted(MODEL.escalators)))
floors = st.lists(levels.map(lambda level: Floor(level, "So says a runbook.")), max_size=2)
circumstances = st.builds(
    Circumstances,
    prevalence=st.sampled_from(PREVALENCES),
    effort=st.sampled_from(EFFORTS),
    seen_before=st.sampled_from(ANSWERS),
    pause_development=st.sampled_from(ANSWERS),
)


def place(level: str) -> int:
    return LEVELS.index(level)


def test_every_combination_has_a_level_and_reasons() -> None:
    """All of them: scope x urgency x escalators x floor x circumstances x regulated data."""
    every = [
        frozenset(c) for n in range(len(MODEL.escalators) + 1) for c in itertools.combinations(MODEL.escalators, n)
    ]
    some = [Circumstances(*c) for c in itertools.product(PREVALENCES, EFFORTS, ("yes", "unknown"), ("yes", "unknown"))]
    count = 0
    for (scope, urgency), escalators in itertools.product(PAIRS, every):
        for floor in ((), (Floor("SEV-2", "Why."),)):
            found = grade(MODEL, scope, urgency, escalators=escalators, floors=floor)
            assert found.level in LEVELS
            assert all(reason.endswith(".") for reason in found.reasons)
            count += 1
    for (scope, urgency), one in itertools.product(PAIRS, some):
        assert grade(MODEL, scope, urgency, circumstances=one, regulated_data=True).level in LEVELS
        count += 1
    assert count == 25 * 32 * 2 + 25 * 48


@given(pairs, held, floors, circumstances, st.booleans())
def test_the_reasons_begin_with_the_matrix_and_end_at_the_level(
    pair: tuple[str, str], escalators: set[str], floor: list[Floor], given_: Circumstances, regulated: bool
) -> None:
    found = grade(MODEL, *pair, escalators=escalators, floors=floor, circumstances=given_, regulated_data=regulated)
    assert found.reasons[0].endswith(f"{MODEL.matrix[pair]}.")
    named = [level for reason in found.reasons for level in LEVELS if level in reason]
    assert named[-1] == found.level or found.level == MODEL.matrix[pair]
    assert set(found.escalators) == escalators
    assert (found.scope, found.urgency) == pair


@given(pairs, held, st.sampled_from(sorted(MODEL.escalators)), floors, circumstances)
def test_one_escalator_more_never_lowers(
    pair: tuple[str, str], escalators: set[str], more: str, floor: list[Floor], given_: Circumstances
) -> None:
    without = grade(MODEL, *pair, escalators=escalators, floors=floor, circumstances=given_)
    with_it = grade(MODEL, *pair, escalators=escalators | {more}, floors=floor, circumstances=given_)
    assert place(with_it.level) <= place(without.level)


@given(held, floors, circumstances)
def test_wider_and_more_urgent_never_lower(escalators: set[str], floor: list[Floor], given_: Circumstances) -> None:
    def level(scope: str, urgency: str) -> int:
        found = grade(
            MODEL, scope, urgency, escalators=escalators - {"external_enterprise"}, floors=floor, circumstances=given_
        )
        return place(found.level)

    for scope in MODEL.scopes:
        row = [level(scope, urgency) for urgency in MODEL.urgencies]
        assert row == sorted(row)
    for urgency in MODEL.urgencies:
        column = [level(scope, urgency) for scope in MODEL.scopes]
        assert column == sorted(column)


@given(pairs, held, levels, circumstances)
def test_a_floor_holds(pair: tuple[str, str], escalators: set[str], floor: str, given_: Circumstances) -> None:
    found = grade(MODEL, *pair, escalators=escalators, circumstances=given_, floors=[Floor(floor, "Runbook.")])
    assert place(found.level) <= place(floor)
    assert any("Runbook." in reason for reason in found.reasons) == (
        place(grade(MODEL, *pair, escalators=escalators, circumstances=given_).level) > place(floor)
    )


@given(pairs, held, circumstances)
def test_only_what_cannot_be_undone_makes_a_sev_0(
    pair: tuple[str, str], escalators: set[str], given_: Circumstances
) -> None:
    found = grade(MODEL, *pair, escalators=escalators - {"irreversible_surface"}, circumstances=given_)
    assert (found.level == "SEV-0") == (MODEL.matrix[pair] == "SEV-0")


@given(pairs, held)
def test_what_is_not_known_moves_nothing(pair: tuple[str, str], escalators: set[str]) -> None:
    assert grade(MODEL, *pair, escalators=escalators, circumstances=Circumstances()) == grade(
        MODEL, *pair, escalators=escalators
    )


def test_the_press_has_no_say() -> None:
    with pytest.raises(TypeError):
        grade(MODEL, "tenant", "active", press="deafening")  # type: ignore[call-arg]


def test_regulated_data_alerts_governance_whatever_the_level() -> None:
    for scope, urgency in PAIRS:
        loud = grade(MODEL, scope, urgency, regulated_data=True)
        quiet = grade(MODEL, scope, urgency)
        assert "governance_lead" in loud.alerts
        assert quiet.alerts == ()
        assert loud.level == quiet.level
        assert loud.reasons == (*quiet.reasons, "Regulated data is exposed; governance is told whatever the level.")


def test_what_the_scope_counts_already_is_said() -> None:
    found = grade(MODEL, "tenant", "contained", escalators=["external_enterprise"])
    assert found.reasons[1] == "Does it reach users of another enterprise? Yes; the scope counts it already."


def test_ungrounded_financial_advice_to_one_tenant_is_a_sev_1() -> None:
    item = POLICY.inventory.item("tenant.borealis")
    scope, escalators = MODEL.read_target(item)
    assert (scope, escalators) == ("tenant", ("high_impact_workflow",))
    floor = entry_floor(POLICY.thresholds.metric("grounding_score"))
    found = grade(MODEL, scope, "active", escalators=escalators, floors=[floor])
    assert found.level == "SEV-1"
    assert found.reasons == (
        "One tenant or one pool of valuable transactions, and harm is being done that can be made good: SEV-1.",
        "Does it reach work of high impact, such as money, health or law? Yes; it stays at SEV-1.",
    )


@pytest.mark.parametrize(
    ("scope", "urgency", "more", "level"),
    [
        ("global", "irreversible", {}, "SEV-0"),
        ("component", "contained", {}, "SEV-2"),
        ("component", "contained", {"escalators": ["security_boundary"]}, "SEV-1"),
        ("component", "contained", {"escalators": ["security_boundary", "irreversible_surface"]}, "SEV-0"),
        ("cohort", "degrading", {"escalators": ["vulnerable_people"]}, "SEV-2"),
        ("tenant", "contained", {"escalators": ["external_enterprise"]}, "SEV-2"),
        ("cohort", "contained", {"escalators": ["external_enterprise"]}, "SEV-2"),
        ("internal", "latent", {}, "SEV-4"),
        ("cohort", "contained", {"circumstances": Circumstances(prevalence="common", effort="low")}, "SEV-2"),
        ("cohort", "contained", {"circumstances": Circumstances(prevalence="rare", effort="exotic")}, "SEV-3"),
        ("cohort", "contained", {"circumstances": Circumstances(prevalence="common")}, "SEV-3"),
        ("cohort", "latent", {"circumstances": Circumstances(seen_before="yes")}, "SEV-3"),
        ("tenant", "contained", {"circumstances": Circumstances(pause_development="yes")}, "SEV-2"),
        ("cohort", "latent", {"floors": [Floor("SEV-0", "Runbook 10.")]}, "SEV-0"),
    ],
)
def test_cases(scope: str, urgency: str, more: dict[str, Any], level: str) -> None:
    assert grade(MODEL, scope, urgency, **more).level == level


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scope": "galaxy", "urgency": "active"}, "impact scope 'galaxy'"),
        ({"scope": "tenant", "urgency": "soon"}, "urgency 'soon'"),
        ({"scope": "tenant", "urgency": "active", "escalators": ["press"]}, "escalator 'press'"),
        ({"scope": "tenant", "urgency": "active", "circumstances": Circumstances(effort="some")}, "'effort'"),
        ({"scope": "tenant", "urgency": "active", "floors": [Floor("SEV-5", "")]}, "'SEV-5'"),
    ],
)
def test_what_the_model_does_not_know_is_an_error(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        grade(MODEL, **arguments)


def test_a_cap_that_worked_is_not_by_itself_a_sev_1() -> None:
    cost, grounding = (POLICY.thresholds.metric(name) for name in ("cost_velocity_usd", "grounding_score"))
    assert entry_floor(cost).level == "SEV-1"
    assert entry_floor(cost, capped=True).level == "SEV-2"
    assert entry_floor(grounding, capped=True).level == entry_floor(grounding).level


@given(st.lists(pairs, min_size=1, max_size=4), held, floors)
def test_an_ambiguous_signal_is_graded_at_its_stricter_reading(
    readings: list[tuple[str, str]], escalators: set[str], floor: list[Floor]
) -> None:
    found = grade_stricter(MODEL, readings, escalators=escalators, floors=floor)
    single = [grade(MODEL, *reading, escalators=escalators, floors=floor).level for reading in readings]
    assert found.level == stricter(*single)
    assert any("first 15 minutes" in reason for reason in found.reasons) == (len(set(single)) > 1)


def test_a_signal_without_a_reading_is_an_error() -> None:
    with pytest.raises(InputError):
        grade_stricter(MODEL, [])


@pytest.mark.parametrize(
    ("target", "scope", "escalators"),
    [
        ("environment.range", "global", ()),
        ("region.north", "global", ()),
        ("tenant.dunmore", "tenant", ("vulnerable_people",)),
        ("tool.payments", "component", ("high_impact_workflow", "irreversible_surface")),
        ("index.lessons", "tenant", ()),  # it has one tenant only
        ("model.orion-2", "component", ()),
    ],
)
def test_what_the_inventory_says_about_a_target(target: str, scope: str, escalators: tuple[str, ...]) -> None:
    assert MODEL.read_target(POLICY.inventory.item(target)) == (scope, escalators)


def test_a_lonely_environment_stays_global() -> None:
    item = InventoryItem("environment.e", "environment", "e", "environment.e", tenants=("tenant.a",))
    assert MODEL.read_target(item)[0] == "global"


@pytest.mark.parametrize("ladder", sorted(MODEL.ladders))
def test_a_label_comes_back_from_ours_and_ours_is_never_milder(ladder: str) -> None:
    one = MODEL.ladders[ladder]
    for label, span in one.spans.items():
        assert one.from_ours(one.to_ours(label)) == label
        assert one.to_ours(label) == min(span, key=place)
    for level in LEVELS:
        assert place(one.to_ours(one.from_ours(level))) <= place(level)


@pytest.mark.parametrize(
    ("ladder", "label", "level"),
    [
        ("G", "Critical", "SEV-0"),
        ("G", "Low", "SEV-3"),
        ("P", "Sev 1", "SEV-1"),
        ("P", "Sev 2", "SEV-2"),
        ("F", "SEV-1", "SEV-0"),
        ("F", "SEV-3", "SEV-3"),
        ("R", "Sev 1", "SEV-0"),
        ("R", "Sev 4", "SEV-4"),
    ],
)
def test_where_a_label_spans_two_of_ours_the_stricter_counts(ladder: str, label: str, level: str) -> None:
    assert MODEL.ladders[ladder].to_ours(label) == level


def test_an_unknown_label_or_level_is_an_error() -> None:
    for wrong in (lambda: MODEL.ladders["G"].to_ours("Loud"), lambda: MODEL.ladders["G"].from_ours("SEV-9")):
        with pytest.raises(InputError):
            wrong()
    with pytest.raises(InputError):
        MODEL.level("Sev 1")


@given(levels, levels)
def test_lowering_the_two_highest_takes_two(old: str, new: str) -> None:
    assert lowering_needs_second(old, new) is (old in ("SEV-0", "SEV-1") and place(new) > place(old))

"""What two people say at once: both sides stay, the order alone decides, and only the commander settles it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.conflicts import SEVERITY, Resolved, Said, Standing, check_resolution, settle
from console.domain.errors import ConsoleError
from console.domain.severity import LEVELS

ANN, BEN = ("ann", "d1"), ("ben", "d2")


def said(
    event_id: str, value: str, *saw: str, author: tuple[str, str] = ANN, position: int = 0, seen: int = -1
) -> Said:
    return Said(event_id=event_id, value=value, saw=saw, author=author, position=position, seen=seen)


def test_a_newer_grade_that_saw_the_one_before_replaces_it() -> None:
    assert settle(SEVERITY, [said("a", "SEV-1"), said("b", "SEV-3", "a", author=BEN)]) == Standing("b", ("b",))


def test_lowering_on_a_stale_view_does_not_apply() -> None:
    entries = [said("o", "SEV-2"), said("a", "SEV-1", "o"), said("b", "SEV-4", "o", author=BEN)]
    found = settle(SEVERITY, entries)
    assert found == Standing("a", ("a", "b"))
    assert found is not None
    assert found.in_conflict


def test_raising_on_a_stale_view_holds_and_is_marked() -> None:
    entries = [said("o", "SEV-3"), said("a", "SEV-4", "o"), said("b", "SEV-0", "o", author=BEN)]
    assert settle(SEVERITY, entries) == Standing("b", ("a", "b"))


def test_who_changes_what_they_said_themselves_makes_no_conflict() -> None:
    assert settle(SEVERITY, [said("a", "SEV-1"), said("b", "SEV-3")]) == Standing("b", ("b",))


def test_two_who_say_the_same_agree() -> None:
    found = settle("role:scribe", [said("a", "kim"), said("b", "kim", author=BEN), said("c", "lee", "b")])
    assert found == Standing("c", ("c",))


def test_an_answer_is_seen_by_a_desk_that_held_it() -> None:
    first = said("a", "yes", position=4, seen=0)
    assert settle("triage:x", [first, said("b", "no", author=BEN, position=9, seen=4)]) == Standing("b", ("b",))
    assert settle("triage:x", [first, said("b", "no", author=BEN, position=9, seen=3)]) == Standing("b", ("a", "b"))


def test_a_decision_settles_what_it_names_and_no_more() -> None:
    both: list[Said | Resolved] = [said("a", "SEV-1"), said("b", "SEV-4", "x", author=BEN)]
    kept = Resolved("r", "b", ("a",), "incident_commander")
    assert settle(SEVERITY, [*both, kept]) == Standing("b", ("b",), settled=True)
    assert settle(SEVERITY, [*both, Resolved("r", "b", ("a",), "scribe")]) == Standing("a", ("a", "b"))
    third = said("c", "SEV-2", "x", author=("cy", "d3"))
    assert settle(SEVERITY, [*both, third, kept]) == Standing("c", ("b", "c"), settled=True)


def test_a_stale_grade_after_a_decision_is_a_new_conflict() -> None:
    entries: list[Said | Resolved] = [
        said("a", "SEV-1"),
        said("b", "SEV-4", "x", author=BEN),
        Resolved("r", "b", ("a",), "incident_commander"),
        said("c", "SEV-2", "a", author=("cy", "d3")),
    ]
    assert settle(SEVERITY, entries) == Standing("c", ("b", "c"), settled=True)


def test_revisions_of_a_note_are_siblings_until_one_saw_both() -> None:
    entries = [said("n", "old"), said("a", "one", "n"), said("b", "two", "n", author=BEN)]
    assert settle("note:n", entries) == Standing("b", ("a", "b"))
    assert settle("note:n", [*entries, said("c", "joined", "a", "b")]) == Standing("c", ("c",))


def test_nothing_said_is_nothing() -> None:
    assert settle(SEVERITY, []) is None


@pytest.mark.parametrize(
    ("kept", "over", "reason", "role"),
    [
        ("a", ["b"], "why", "scribe"),
        ("x", ["a", "b"], "why", "incident_commander"),
        ("a", [], "why", "incident_commander"),
        ("a", ["b", "z"], "why", "incident_commander"),
        ("a", ["b"], "  ", "incident_commander"),
    ],
)
def test_a_decision_is_the_commanders_names_every_side_and_says_why(
    kept: str, over: list[str], reason: str, role: str
) -> None:
    check_resolution(Standing("a", ("a", "b")), "a", ["b"], "why", "incident_commander")
    with pytest.raises(ConsoleError):
        check_resolution(Standing("a", ("a", "b")), kept, over, reason, role)
    with pytest.raises(ConsoleError):
        check_resolution(None, kept, over, reason, role)


@st.composite
def _grades(draw: st.DrawFn) -> list[Said]:
    found: list[Said] = []
    for number in range(draw(st.integers(1, 8))):
        saw = draw(st.sampled_from(["", *(one.event_id for one in found)]))
        author = draw(st.sampled_from([ANN, BEN, ("cy", "d3")]))
        found.append(said(f"e{number}", draw(st.sampled_from(LEVELS)), saw, author=author))
    return found


@given(_grades())
def test_the_highest_side_holds_and_the_last_word_is_never_lost(grades: list[Said]) -> None:
    found = settle(SEVERITY, grades)
    assert found is not None
    levels = {one.event_id: one.value for one in grades}
    assert levels[found.holds] == min(levels[side] for side in found.sides)
    assert grades[-1].value in {levels[side] for side in found.sides}
    assert len({levels[side] for side in found.sides}) == len(found.sides)

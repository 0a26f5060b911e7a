"""Nothing that somebody wrote disappears in a merge, and nothing is joined within a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.domain.merging import (
    BETWEEN,
    MOST_LINES,
    OURS,
    THEIRS,
    common_base,
    decide,
    has_marks,
    merge,
    open_places,
    places,
)

BASE = "one\ntwo\nthree\nfour\nfive"
TEXTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=8).map("\n".join)


def test_changes_in_different_places_are_joined() -> None:
    assert merge(BASE, BASE.replace("one", "ONE"), BASE.replace("five", "FIVE")) == "ONE\ntwo\nthree\nfour\nFIVE"


def test_two_changes_in_one_line_are_both_kept_and_marked() -> None:
    joined = merge("rolled back to v41", "rolled back to v39", "rolled back to v40")
    assert joined.split("\n") == [OURS, "rolled back to v39", BETWEEN, "rolled back to v40", THEIRS]
    assert has_marks(joined)


def test_changes_in_lines_that_touch_are_marked() -> None:
    assert has_marks(merge(BASE, BASE.replace("two", "2"), BASE.replace("three", "3")))


def test_what_one_removed_and_the_other_left_alone_is_gone() -> None:
    assert merge(BASE, "one\ntwo\nfour\nfive", BASE) == "one\ntwo\nfour\nfive"


@given(TEXTS, TEXTS)
def test_who_changed_alone_is_followed(base: str, changed: str) -> None:
    assert merge(base, changed, base) == merge(base, base, changed) == merge(base, changed, changed) == changed


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_comes_from_nowhere_and_no_new_line_is_lost(base: str, ours: str, theirs: str) -> None:
    joined = merge(base, ours, theirs).split("\n")
    written = {*base.split("\n"), *ours.split("\n"), *theirs.split("\n")}
    assert set(joined) <= written | {OURS, BETWEEN, THEIRS}
    assert (set(ours.split("\n")) | set(theirs.split("\n"))) - set(base.split("\n")) <= set(joined)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from([OURS, BETWEEN, THEIRS]))
def test_deciding_every_place_leaves_no_mark_and_no_line_from_nowhere(
    base: str, ours: str, theirs: str, keep: str
) -> None:
    text, line = merge(base, ours, theirs), 0
    count = open_places(text)
    assert count == sum(place.is_open for place in places(base, ours, theirs))
    for left in range(count, 0, -1):
        assert open_places(text) == left
        text, line = decide(text, line, keep)
        assert line >= 0
    assert not has_marks(text)
    assert decide(text, 0, keep) == (text, -1)


@given(TEXTS, TEXTS, TEXTS)
def test_places_put_together_are_the_three_texts(base: str, ours: str, theirs: str) -> None:
    found = list(places(base, ours, theirs))
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        assert "\n".join(line for place in found for line in getattr(place, name)) == text


def test_deciding_goes_on_from_where_the_person_is() -> None:
    text = merge("a\nb\nc", "A\nb\nC", "1\nb\n3")
    decided, line = decide(text, 6, THEIRS)
    assert decided.split("\n")[-1] == "3"
    assert decide(decided, line, OURS)[0] == "A\nb\n3"  # the one that is left, though it stands before


def test_texts_of_very_many_lines_are_one_place() -> None:
    many = "\n" * (MOST_LINES + 1)
    assert len(list(places(many, many + "a", many + "b"))) == 1


def test_the_base_is_the_newest_revision_that_both_come_from() -> None:
    saw = {"note": [], "r1": ["note"], "r2": ["r1"], "a": ["r2"], "b": ["r2", "gone"], "c": ["r1"]}
    assert common_base(saw, "a", "b") == "r2"
    assert common_base(saw, "a", "c") == "r1"
    assert common_base({"x": ["y"], "y": ["x"], "z": []}, "x", "y") == "y"
    assert common_base(saw, "a", "nowhere") == ""

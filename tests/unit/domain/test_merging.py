"""Nothing that somebody wrote disappears in a merge, and nothing is joined within a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.domain.merging import BETWEEN, OURS, THEIRS, has_marks, merge

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

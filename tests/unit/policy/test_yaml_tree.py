"""The plain subset of YAML: what values mean, where they stand, and that no input gets past it unjudged."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from console.policy.yaml_tree import MAX_DEPTH, parse


def test_scalars_mean_what_they_look_like() -> None:
    text = b"a: 12\nb: -3\nc: 1.50\nd: true\ne: yes\nf: 2026-01-31\ng: 0123\nh: '12'\ni: 1:30\nj: 1e9\nk: .5\nl: NO\n"
    tree, defects = parse(text)
    assert defects == []
    assert tree.plain() == {
        "a": 12, "b": -3, "c": 1.5, "d": True, "e": "yes", "f": "2026-01-31", "g": "0123", "h": "12", "i": "1:30",
        "j": "1e9", "k": ".5", "l": "NO",
    }  # fmt: skip


def test_keys_are_text_even_when_they_look_like_numbers() -> None:
    tree, _ = parse(b"1: a\ntrue: b\n")
    assert tree.plain() == {"1": "a", "true": "b"}


def test_every_part_knows_its_line() -> None:
    tree, _ = parse(b"# comment\na:\n  b:\n    - x\n    - y\n  c: [1,\n    2]\n")
    assert tree.line_of(("a",)) == 2
    assert tree.line_of(("a", "b", 1)) == 5
    assert tree.line_of(("a", "c", 1)) == 7
    assert tree.line_of(("a", "nothing", "here")) == 2


def test_patterns_find_their_parts() -> None:
    tree, _ = parse(b"a:\n  x: {n: [p, q]}\n  y: {n: [r]}\n  z: text\n")
    found = {path: node.value for path, node in tree.matches(("a", "*", "n", "[]"))}
    assert found == {("a", "x", "n", 0): "p", ("a", "x", "n", 1): "q", ("a", "y", "n", 0): "r"}


def test_the_first_of_two_equal_keys_is_named() -> None:
    _, defects = parse(b"a: 1\nb: 2\na: 3\n")
    assert [(d.line, d.path, d.text) for d in defects] == [(3, ("a",), "stands here twice, first in line 1; keep one.")]


def test_a_deep_file_is_refused_quickly() -> None:
    began = time.perf_counter()
    _, defects = parse(b"[" * 200_000)
    assert time.perf_counter() - began < 5
    assert f"deeper than {MAX_DEPTH}" in defects[0].text


def test_a_laughing_file_is_refused_at_its_first_anchor() -> None:
    lines = [b"a0: &a0 [x, x]"] + [b"a%d: &a%d [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 30)]
    _, defects = parse(b"\n".join(lines))
    assert [(d.line, d.path) for d in defects] == [(1, ("a0",))]


def test_numbers_too_long_stay_text() -> None:
    tree, _ = parse(b"a: " + b"9" * 6000 + b"\nb: " + b"9" * 400 + b".0\n")
    assert isinstance(tree.plain()["a"], str)
    assert isinstance(tree.plain()["b"], str)


@pytest.mark.parametrize("text", ["a\u200bb", "a\u202eb", "a\u00adb", "e\u0301", "\ufeffa"])
def test_text_that_hides_something_is_refused(text: str) -> None:
    _, defects = parse(f"a: '{text}'\n".encode())
    assert len(defects) == 1


def test_hidden_text_in_a_key_is_refused() -> None:
    _, defects = parse("ro\u200bles: 1\n".encode())
    assert "U+200B" in defects[0].text


plain_values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**17), 10**17), st.text("abc xyz:-#'\"\u00e9", max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc_", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=4), plain_values, min_size=1, max_size=4))
def test_what_a_dumper_writes_reads_back_the_same(value: dict[str, object]) -> None:
    tree, defects = parse(yaml.safe_dump(value, allow_unicode=True, default_flow_style=None).encode())
    assert defects == [] or any("invisible" in defect.text for defect in defects)
    if not defects:
        assert tree.plain() == value


@given(st.binary(max_size=200))
@example(b"&a")
@example(b"? ")
@example(b"- - - - -\n")
@example(b"%YAML 9.9\n---\n")
@example(b"!<>: 1")
@example(b"a: *")
@example(b"\xef\xbb\xbfa: 1")
def test_any_bytes_give_a_tree_or_defects(data: bytes) -> None:
    tree, defects = parse(data)
    tree.plain()
    assert all(defect.line >= 1 for defect in defects)


@given(st.text("ab:-[]{}&*!|>'\"#%@`,? \n\t01.", max_size=120))
def test_any_yaml_like_text_gives_a_tree_or_defects(text: str) -> None:
    tree, _ = parse(text.encode())
    tree.plain()


@given(st.text("ab:-[]{}&*!'\"#,? \n01.", max_size=80))
def test_the_slow_reader_agrees_with_the_fast_one(text: str) -> None:
    fast = parse(text.encode())
    slow = parse(text.encode(), yaml.SafeLoader)
    if not fast[1] and not slow[1]:
        assert fast[0].plain() == slow[0].plain()

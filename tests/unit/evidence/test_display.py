"""Hostile text is shown, not obeyed: whatever deceives the eye is written out, honest text of any script stays."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.evidence.display import MAX_LINE, display_line, display_text, escape


@pytest.mark.parametrize(
    "text",
    [
        "plain text, with (punctuation): 1/2 = 50%",
        "Привет, мир: оса и сор у реки",  # Russian, with words that are all twins of Latin letters
        "Καλημέρα κόσμε",
        "日本語，テスト：これは。",
        "שלום עולם",
        "naïve café, Zürich — “quoted” … m² ½",
        "हिन्दी",
        "tab\there",
        "🚀 launch",
    ],
)
def test_honest_text_is_left_as_it_is(text: str) -> None:
    shown = display_text(text)
    assert shown.text == unicodedata.normalize("NFC", text) == text
    assert (shown.escaped, shown.hidden) == (0, 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice\u202efdp.exe", "invoice⟨U+202E⟩fdp.exe"),
        ("zero\u200bwidth\u2060\ufeff", "zero⟨U+200B⟩width⟨U+2060⟩⟨U+FEFF⟩"),
        ("\x1b[31mred\x07", "⟨U+001B⟩[31mred⟨U+0007⟩"),
        ("line\r\nnext", "line⟨U+000D⟩\nnext"),
        ("a\u2028b\u2029c\x85d", "a⟨U+2028⟩b⟨U+2029⟩c⟨U+0085⟩d"),
        ("tag \U000e0041\U000e0042", "tag ⟨U+E0041⟩⟨U+E0042⟩"),
        ("p\u0430ypal", "p⟨U+0430⟩ypal"),
        ("\u0440\u0430\u0443\u0440\u043e", "⟨U+0440⟩⟨U+0430⟩⟨U+0443⟩⟨U+0440⟩⟨U+043E⟩"),
        ("g\u03bf\u03bfgle", "g⟨U+03BF⟩⟨U+03BF⟩gle"),
        ("\uff50\uff41\uff59", "⟨U+FF50⟩⟨U+FF41⟩⟨U+FF59⟩"),
        ("\U0001d429ay", "⟨U+1D429⟩ay"),
        ("example\uff0ecom\u2215x", "example⟨U+FF0E⟩com⟨U+2215⟩x"),
        ("no\u00a0break", "no⟨U+00A0⟩break"),
        ("filler\u3164\u115f\u2800", "filler⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩"),
        ("vs\ufe0f\U000e0100", "vs⟨U+FE0F⟩⟨U+E0100⟩"),
        ("z" + "\u0301" * 6, "z" + "\u0301" * 4 + "⟨U+0301⟩" * 2),
        ("lone \ud800 half", "lone ⟨U+D800⟩ half"),
        ("private \ue000", "private ⟨U+E000⟩"),
        ("⟨U+202E⟩", "⟨U+27E8⟩U+202E⟩"),
    ],
)
def test_what_deceives_is_written_out(text: str, shown: str) -> None:
    assert display_text(text).text == shown
    assert display_text(text).escaped > 0


def test_bytes_that_are_no_text_are_shown_as_bytes() -> None:
    assert display_text(b"ok \xff\xfe caf\xc3\xa9").text == "ok ⟨0xFF⟩⟨0xFE⟩ caf\u00e9"


def test_long_lines_are_split_and_the_whole_is_bounded() -> None:
    shown = display_text("x" * (2 * MAX_LINE + 1) + "\ny")
    assert [len(line) for line in shown.lines] == [MAX_LINE, MAX_LINE, 1, 1]
    assert display_text("x" * 500, limit=100).hidden == 400
    assert display_text(b"x" * 500, limit=100).hidden == 400
    assert display_text("").lines == ("",)


def test_one_line_stays_one_line() -> None:
    assert display_line("a\nb\tc") == f"a{escape(chr(10))}b{escape(chr(9))}c"
    assert display_line("x" * 50, limit=10) == "x" * 10 + "…"


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_invisible_and_no_newline_ever_comes_out(text: str) -> None:
    for line in (*display_text(text).lines, display_line(text)):
        for char in line:
            assert char in " \t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")


@given(st.binary(max_size=300))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    shown = display_text(data)
    assert shown.hidden == 0
    assert bool(shown.text.encode("utf-8")) is bool(data)


@pytest.mark.parametrize("unit", ["p\u0430", "\u0301", "\u0430", "\uff0e", "a\u0301", "\u202e", "⟨"])
def test_time_grows_with_the_text_only(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            display_text(text)
            best = min(best, time.process_time() - start)
        return best

    display_text(unit * 10)
    assert seconds(160_000) < 16 * max(seconds(40_000), 0.002)

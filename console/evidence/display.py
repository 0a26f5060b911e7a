"""The form in which captured text is shown to a person: every character that could deceive the eye written out.

Control, invisible and bidirectional characters and look-alikes of Latin letters appear as escapes such as ⟨U+202E⟩, and
so does the opening bracket of the escape itself, so that no text can pretend to be one (EVI-5). The result is plain
text; the sink that shows it still has to be told so (no markup, no links). Time and size grow with the input only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE = 4_000
MAX_CHARACTERS = 200_000
_OPENING = "\u27e8"
_ALWAYS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_INVISIBLE_RANGES = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
)  # fmt: skip
"""Drawn as nothing though their category is that of letters or marks: fillers, joiners, variation selectors."""

_TWINS = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf"  # Cyrillic, small
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u04ae\u04c0"  # and large
    "\u03b1\u03bf\u03bd\u03c1\u03c5\u03c7\u03b9\u03f2\u03f3"  # Greek
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0585\u057d\u0578\u0570\u0555\u054d"  # Armenian ounhOU
    "\u13a0\u13a1\u13a2\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13c0\u13c3\u13da\u13de\u13df\u13e2\u13e6"  # Cherokee
    "\u0251\u0261"  # phonetic a and g
)
"""Letters that fonts draw like a Latin one; written out only by `_deceiving_words`, so that honest text in their own
script stays readable."""

_OTHER_SCRIPTS = re.compile("[\u0370-\u058f\u13a0-\u13ff\u1c80-\u1c8f\ua640-\ua69f]")
_WORD = re.compile(r"[^\W\d_]+")
_MARKS_IN_A_ROW = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{5,}")
_READABLE_MARKS = 4
_STROKES = (
    "\u2010-\u2012\u2024\u2044\u2215\u2236\u2212\u02d0\ua789"  # hyphens, a dot, slashes, ratio, minus, colons
    "\uff03\uff05\uff06\uff0b\uff0d-\uff0f\uff1a\uff1b\uff1d\uff1f\uff20\uff3f"  # full-width # % & + - . / : ; = ? @ _
)
_PUNCTUATION_TWIN = re.compile(f"(?<=[A-Za-z0-9])[{_STROKES}]|[{_STROKES}](?=[A-Za-z0-9])")
"""What passes for the punctuation of an address or a path when it stands beside Latin letters or digits."""


@dataclass(frozen=True, slots=True)
class DisplayText:
    """Text made safe to look at.

    `lines` hold no newline and at most 4,000 characters of the original each (escapes make one longer); `escaped`
    counts characters written out; `hidden` counts characters (bytes, if bytes came in) left out beyond the bound.
    """

    lines: tuple[str, ...]
    escaped: int
    hidden: int

    @property
    def text(self) -> str:
        """The lines joined by newlines."""
        return "\n".join(self.lines)


class _Shown(dict[str, str]):
    """Character -> what is shown for it wherever it stands, worked out at first sight and kept."""

    def __missing__(self, char: str) -> str:
        shown = escape(char) if _deceives_anywhere(char) else char
        self[char] = shown
        return shown


_SHOWN = _Shown()


def escape(char: str) -> str:
    """One character written out, such as ⟨U+202E⟩."""
    return f"{_OPENING}U+{ord(char):04X}\u27e9"


def display_text(captured: str | bytes, limit: int = MAX_CHARACTERS) -> DisplayText:
    """`captured` as lines that may be shown; a byte that is not UTF-8 appears as ⟨0xFF⟩.

    `limit` bounds what is shown, in characters of text or bytes of bytes.
    """
    head, hidden = captured[:limit], max(0, len(captured) - limit)
    text = head.decode("utf-8", "surrogateescape") if isinstance(head, bytes) else head
    lines: list[str] = []
    escaped = 0
    for line in text.split("\n"):
        for start in range(0, max(1, len(line)), MAX_LINE):
            shown = _shown(line[start : start + MAX_LINE], isinstance(head, bytes))
            escaped += shown.count(_OPENING)
            lines.append(shown)
    return DisplayText(tuple(lines), escaped, hidden)


def display_line(captured: str, limit: int = 1_000) -> str:
    """`captured` on one line, cut after `limit` characters: for names, terminals and log records."""
    shown = _shown(captured[:limit], raw=False).replace("\n", escape("\n")).replace("\t", escape("\t"))
    return shown + "\u2026" if len(captured) > limit else shown


def _shown(line: str, raw: bool) -> str:
    if line.isascii() and line.isprintable():
        return line
    deceiving = frozenset(_deceiving_here(line))
    return "".join(
        f"{_OPENING}0x{ord(char) - 0xDC00:02X}\u27e9"
        if raw and "\udc80" <= char <= "\udcff"
        else escape(char)
        if place in deceiving
        else _SHOWN[char]
        for place, char in enumerate(line)
    )


def _deceives_anywhere(char: str) -> bool:
    if char in " \n\t":
        return False
    code = ord(char)
    if char == _OPENING or unicodedata.category(char) in _ALWAYS:
        return True
    return any(first <= code <= last for first, last in _INVISIBLE_RANGES) or _is_styled_latin(char)


def _is_styled_latin(char: str) -> bool:
    """Full-width, mathematical and Roman-numeral forms: another character that reads as one ASCII letter or digit."""
    tag, _, target = unicodedata.decomposition(char).partition(" ")
    if tag not in ("<font>", "<wide>", "<compat>") or " " in target:
        return False
    plain = chr(int(target, 16))
    return plain.isascii() and plain.isalnum()


def _deceiving_here(line: str) -> Iterator[int]:
    """Places of characters that deceive because of their neighbours; every expression is linear, none backtracks."""
    if line.isascii():
        return
    yield from _deceiving_words(line)
    for found in _PUNCTUATION_TWIN.finditer(line):
        yield found.start()
    for found in _MARKS_IN_A_ROW.finditer(line):
        yield from range(found.start() + _READABLE_MARKS, found.end())


def _deceiving_words(line: str) -> Iterator[int]:
    """Twins inside a word with Latin letters, and words all of twins on a line without a letter of their own script."""
    own_script = any(found[0] not in _TWINS for found in _OTHER_SCRIPTS.finditer(line))
    for found in _WORD.finditer(line):
        word = found[0]
        twins = [place for place, char in enumerate(word) if char in _TWINS]
        beside_latin = any(char.isascii() for char in word)
        if twins and (beside_latin or (len(twins) == len(word) and not own_script)):
            yield from (found.start() + place for place in twins)

"""Known prompt patterns: literal text found again under the disguises that cost an attacker nothing. Pure.

Compared is what a reader would see: compatibility forms and case folded, characters without a shape of their own left
out, runs of white space as one space. Nothing is ever read as an expression.
"""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Drawn as nothing, and yet not of the category of format characters."""


def normalised(text: str) -> str:
    """The form in which texts are compared; the same for both sides."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _visible(text)).casefold()
        text = unicodedata.normalize("NFKC", _visible(text))
    return _SPACE.sub(" ", _visible(text).casefold())


def _visible(text: str) -> str:
    return "".join(one for one in text if _is_visible(one))


def _is_visible(one: str) -> bool:
    if one in _SHAPELESS or "\ufe00" <= one <= "\ufe0f" or "\U000e0100" <= one <= "\U000e01ef":
        return False
    return one.isspace() or unicodedata.category(one) not in ("Cf", "Cc", "Cn")

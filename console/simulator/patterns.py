"""Known prompt patterns: literal text found again under the disguises that cost an attacker nothing. Pure.

Compared is what a reader would see: compatibility forms and case folded, characters without a shape of their own left
out, runs of white space as one space. Nothing is ever read as an expression.
"""

from __future__ import annotations

import re
import unicodedata

_SHAPELESS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10))
"""Drawn as nothing, and yet not of the category of format characters."""
_TAGS = range(0xE0000, 0xE1000)
"""Reserved for what is ignored when it is drawn: tags and further variation selectors."""


_FORMATS = range(0x20000)
"""Where all characters of the categories Cc and Cf lie, but for the tags."""


def _invisible() -> re.Pattern[str]:
    """Every character that is left out."""
    formats = (n for n in _FORMATS if unicodedata.category(chr(n)) in ("Cf", "Cc"))
    shapeless = "".join(re.escape(chr(n)) for n in (*formats, *_SHAPELESS) if not chr(n).isspace())
    return re.compile(f"[{shapeless}{chr(_TAGS[0])}-{chr(_TAGS[-1])}]+")


_INVISIBLE = _invisible()


def normalised(text: str) -> str:
    """The form in which texts are compared; the same for both sides."""
    text = _INVISIBLE.sub("", text)
    if text.isascii():
        return " ".join(text.casefold().split())
    folded = unicodedata.normalize("NFKC", text).casefold()  # folding may leave what composes anew
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", folded)).split())

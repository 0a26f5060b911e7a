"""What a back-end declares it can do with a switch, as one line of text and back.

The line is kept with the sighting it came with, so that a person reads the same words a query does.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAYS = "The back-end declares: "
_WORDS: Mapping[str, bool] = {"yes": True, "no": False}


def declared_text(capabilities: Mapping[str, bool]) -> str:
    """One line for `capabilities` by name, "" without any."""
    said = ", ".join(f"{name} {'yes' if can else 'no'}" for name, can in sorted(capabilities.items()))
    return f"{_SAYS}{said}." if said else ""


def declared_in(text: str) -> Mapping[str, bool]:
    """What that line says, {} for any other text."""
    if not text.startswith(_SAYS):
        return {}
    parts = [part.rpartition(" ") for part in text.removeprefix(_SAYS).removesuffix(".").split(", ")]
    return {name: _WORDS[word] for name, _, word in parts if name and word in _WORDS}

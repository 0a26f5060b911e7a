"""Reads the style tokens: the plain part of TOML that they are written in - tables, texts, numbers, true and false.

By hand, because the library costs a tenth of the first paint; a test holds both to the same result.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """The tokens as nested tables; raises OSError, or ValueError naming the line that is none."""
    root: dict[str, Any] = {}
    table = root
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("[") and text.endswith("]"):
            table = _table(root, text[1:-1].split("."))
            continue
        name, found, value = text.partition("=")
        try:
            table[name.strip()] = json.loads(value)
        except ValueError:
            raise ValueError(f"{path.name}, line {number} is no token") from None
        if not found:
            raise ValueError(f"{path.name}, line {number} is no token")
    return root


def _table(root: dict[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        root = root.setdefault(name.strip(), {})
    return root

"""Where the files that the eye sees lie: `resources/` of the checkout, else of the installed share.

A missing folder or file is never fatal: whoever asks gets a path that does not exist and goes on without.
"""

from __future__ import annotations

import sys
from pathlib import Path

_MARK = "tokens.toml"


def folder() -> Path:
    """The folder of the resources; of the checkout when neither is there."""
    frozen = Path(getattr(sys, "_MEIPASS", "")) / "resources" if hasattr(sys, "_MEIPASS") else None
    beside = Path(__file__).resolve().parents[2] / "resources"
    shared = Path(sys.prefix) / "share" / "incident-console" / "resources"
    places = [place for place in (frozen, beside, shared) if place is not None]
    return next((place for place in places if (place / _MARK).is_file()), beside)


def path(*parts: str) -> Path:
    """One file or folder in it, which need not exist."""
    return folder().joinpath(*parts)

"""The description of the API as it is kept in the repository; run this module to renew it.

Whoever changes a route or a message renews the file with COMMAND, and the change is read in review.
"""

from __future__ import annotations

import json
from pathlib import Path

from console.plane.api.app import make_api

KEPT = Path(__file__).parents[2] / "protocol" / "openapi.json"
COMMAND = "python -m console.plane.api.keeping"


def as_text() -> str:
    """The description of the present code, as it is kept."""
    return json.dumps(make_api().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    KEPT.write_text(as_text(), encoding="utf-8")

"""The rows of a conformance run: what a back-end declares beside what was seen of it, and how long it took.

A row that was not run says why in `skipped`; nothing is left out. Times are milliseconds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TRUE, FALSE, UNKNOWN = "true", "false", "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """One capability of one switch on one back-end.

    `declared` and `observed` are "true", "false" or "unknown"; `n` counts the trials, `p50_ms` and `p99_ms` are None
    where no time belongs to it.
    """

    backend: str
    switch: str
    capability: str
    declared: str
    observed: str
    n: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    skipped: str = ""

    @property
    def is_honest(self) -> bool:
        """Whether nothing was declared that was not seen, and the row was run."""
        return not self.skipped and (self.declared != TRUE or self.observed == TRUE)


def verdict(seen: Sequence[str]) -> str:
    """All of them true is true, any false is false, anything else is unknown."""
    if seen and all(one == TRUE for one in seen):
        return TRUE
    return FALSE if FALSE in seen else UNKNOWN


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile, `share` from 0 to 1; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 2)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """`conformance.json`: a list with one object a row."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def as_table(rows: Sequence[Row]) -> str:
    """The same as a table in Markdown, for a terminal and for the README."""
    lines = [
        "| back-end | switch | capability | declared | observed | n | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        seen = f"SKIPPED: {row.skipped}" if row.skipped else row.observed
        times = " | ".join("" if value is None else f"{value:g}" for value in (row.p50_ms, row.p99_ms))
        lines.append(
            f"| {row.backend} | `{row.switch}` | {row.capability.replace('_', ' ')} | {row.declared} | {seen} "
            f"| {row.n} | {times} |"
        )
    return "\n".join(lines)

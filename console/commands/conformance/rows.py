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
TIMED, BARE = "refuses_new", "control_call"
"""The capabilities that a time belongs to: from authorised to observed, and the bare call with its probe."""

_CAPABILITIES = ("refuses_new", "streams_cut", "survives_restart", "read_back", "durable_form", "ends_sessions")
_HEAD = (
    "back-end", "switch", "refuses new", "cuts streams", "survives restart", "read back", "durable form",
    "ends sessions", "n", "authorised to observed, p50 / p99 ms", "bare call, ms",
)  # fmt: skip


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
    """The same as a table in Markdown, one line a switch: what was seen, in brackets where that was not declared."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for backend, switch in dict.fromkeys((row.backend, row.switch) for row in rows):
        by = {row.capability: row for row in rows if (row.backend, row.switch) == (backend, switch)}
        skipped = next((row.skipped for row in by.values() if row.skipped), "")
        seen = [f"SKIPPED: {skipped}"] if skipped else [_seen(by.get(name)) for name in _CAPABILITIES]
        cells = [backend, f"`{switch}`", *seen, *([""] * (len(_CAPABILITIES) - len(seen)))]
        cells += [*_times(by.get(TIMED)), *_times(by.get(BARE))[1:]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _seen(row: Row | None) -> str:
    if row is None:
        return ""
    words = {TRUE: "yes", FALSE: "no", UNKNOWN: "unknown"}
    return words[row.observed] if row.declared == TRUE else f"({words[row.observed]})"


def _times(row: Row | None) -> tuple[str, str]:
    """How many trials, and p50 / p99."""
    if row is None or row.p50_ms is None:
        return "", ""
    return str(row.n), f"{row.p50_ms:.0f} / {row.p99_ms:.0f}"

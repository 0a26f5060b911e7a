"""Searching a record of a million entries for a rare word, newest first, against a LIKE scan of the same lines."""

from __future__ import annotations

import time
from pathlib import Path

from console.store.opening import record_path
from console.store.readers import Reader
from console.store.search import found_events
from tests.bench.board_store import RARE, fill
from tests.bench.pairs import in_turn, row

LINES, HITS, PAIRS, ASKED = 1_000_000, 40, 7, 20
_SCAN = "SELECT event_id FROM timeline WHERE text LIKE ? ORDER BY n DESC LIMIT 100"


def measure(work: Path) -> dict[str, object]:
    """Milliseconds a search; both find the same events."""
    fill(work / "desk", LINES, HITS)
    with Reader.open(record_path(work / "desk")) as db:
        assert found_events(db, RARE) == [event_id for (event_id,) in db.tuples(_SCAN, (f"%{RARE}%",))]

        def ours() -> float:
            begun = time.perf_counter()
            for _ in range(ASKED):
                found_events(db, RARE)
            return (time.perf_counter() - begun) / ASKED * 1000

        def reference() -> float:
            begun = time.perf_counter()
            db.tuples(_SCAN, (f"%{RARE}%",))
            return (time.perf_counter() - begun) * 1000

        mine, theirs = in_turn(ours, reference, PAIRS)
        begun = time.perf_counter()
        found_events(db, "grounding fell")
        common = (time.perf_counter() - begun) * 1000
    return row(mine, theirs, "ms", [f"{LINES:,} lines, {HITS} hits; two words that all lines hold: {common:.2f} ms"])

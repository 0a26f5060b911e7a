"""Measures two things in turn and reports medians: the one way every benchmark here takes its numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def row(ours: Sequence[float], reference: Sequence[float], unit: str, notes: Sequence[str] = ()) -> dict[str, object]:
    """The medians of both series and their ratio; `unit` names the unit of both."""
    mine, theirs = statistics.median(ours), statistics.median(reference)
    return {
        "ours": mine,
        "reference": theirs,
        "ratio": mine / theirs,
        "unit": unit,
        "n": len(ours),
        "notes": list(notes),
    }


def in_turn(ours: Callable[[], float], reference: Callable[[], float], pairs: int) -> tuple[list[float], list[float]]:
    """Runs both `pairs` times, alternating, after one unmeasured warm-up of each; each call returns its own time."""
    ours(), reference()
    mine, theirs = [], []
    for _ in range(pairs):
        theirs.append(reference())
        mine.append(ours())
    return mine, theirs


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

"""Twelve plots of three series of 100,000 points, ours against pyqtgraph with everything given anew: CPU a frame."""

from __future__ import annotations

from pathlib import Path

from tests.bench.graphs import compare, naive

POINTS, PAIRS, FRAMES = 100_000, 5, 10


def measure(work: Path) -> dict[str, object]:
    """CPU milliseconds a frame."""
    return compare(POINTS, naive, PAIRS, FRAMES)

"""Twelve plots of three series of 10,000 points, ours against a bare QPainter: CPU time of a frame."""

from __future__ import annotations

from pathlib import Path

from tests.bench.graphs import bare, compare

POINTS, PAIRS, FRAMES = 10_000, 15, 20


def measure(work: Path) -> dict[str, object]:
    """CPU milliseconds a frame."""
    return compare(POINTS, bare, PAIRS, FRAMES)

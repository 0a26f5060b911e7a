"""A short run of the chaos of `packaging/run chaos`: real processes, broken for some seconds, equal in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import run

SECONDS = 10.0


def test_desks_and_plane_end_equal_with_nothing_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(tmp_path / "world", seed=7, seconds=SECONDS, rate=15.0)
    left = outcome.reckoning
    assert left.unequal == ()
    assert (left.lost, left.duplicated) == (0, 0)
    assert left.acknowledged > 50
    assert outcome.kills + outcome.cuts > 0
    assert outcome.faults["plane restored from an old backup"] == 1
    with capsys.disabled():
        print(f"\nchaos: {outcome.kills} kills, {outcome.cuts} cuts, {left.acknowledged} acknowledged, 0 lost, equal")

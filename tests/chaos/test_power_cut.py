"""Power that goes at a random call: every event that was acknowledged is there, chains and schema are intact.

300 cuts; more by POWER_CUTS=5000 in the environment. The control, with one pragma weaker, must lose something: else the
cuts would prove nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console.store._sqlite import connect_reader
from console.store.opening import open_store
from console.store.verify import verify_store

CUTS = int(os.environ.get("POWER_CUTS", "300"))
CONTROL_CUTS = 40
ROOT = Path(__file__).parents[2]


@dataclass
class Outcome:
    """What all cuts together came to."""

    cuts: int = 0
    acknowledged: int = 0
    undecided: int = 0
    lost: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.cuts} cuts, {self.acknowledged} events acknowledged, {self.undecided} unsynced writes kept, lost "
            f"or torn, {len(self.lost)} events lost, {len(self.faults)} faults"
        )


def _cuts(folder: Path, seed: int, cuts: int, synchronous: str) -> Iterator[dict[str, object]]:
    """Each cut as the child tells of it; the child goes on when the caller has looked."""
    command = [sys.executable, "-m", "tests.chaos.power_cut", str(folder), str(seed), str(cuts), synchronous]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = 0
        try:
            for line in process.stdout:
                yield json.loads(line)
                told += 1
                process.stdin.write(b"\n")
                process.stdin.flush()
        finally:
            if told < cuts:
                process.kill()
        assert told == cuts, "the child ended by itself"


def _look(folder: Path, outcome: Outcome, acknowledged: list[str]) -> None:
    """Opens what survived as the desk would, and checks all of it."""
    with open_store(folder) as store:
        outcome.faults += verify_store(store.path).faults
        conn = connect_reader(store.path)
        try:
            stored = {event_id for (event_id,) in conn.execute("SELECT event_id FROM event")}
        finally:
            conn.close()
    outcome.lost |= set(acknowledged) - stored
    shutil.rmtree(folder)


def _run(folder: Path, seed: int, cuts: int, synchronous: str) -> Outcome:
    outcome, seen = Outcome(), set[str]()
    for told in _cuts(folder, seed, cuts, synchronous):
        acknowledged = told["acknowledged"]
        assert isinstance(acknowledged, list)
        outcome.cuts += 1
        outcome.undecided += int(str(told["undecided"]))
        seen.update(acknowledged)
        _look(folder / str(told["cut"]), outcome, acknowledged)
    outcome.acknowledged = len(seen)
    return outcome


@pytest.mark.timeout(max(180, CUTS))
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _run(tmp_path, 4, CUTS, "FULL")
    with capsys.disabled():
        print(f"\npower cut: {outcome}")
    assert outcome.cuts == CUTS
    assert outcome.acknowledged > CUTS
    assert outcome.undecided > CUTS
    assert outcome.lost == set()
    assert outcome.faults == []


def test_the_cuts_find_a_store_that_does_not_sync_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _run(tmp_path, 5, CONTROL_CUTS, "NORMAL")
    with capsys.disabled():
        print(f"\npower cut, control with synchronous=NORMAL: {outcome}")
    assert outcome.lost
    assert outcome.faults == []

"""Runs chaos on real processes and prints the counts: `run.py [--runs N] [--seconds S] [--seed N] [--json FILE]`.

Exits with 0 only when every run ended equal with nothing lost and nothing duplicated; a failing run's folder is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from tests.chaos.campaign import Outcome, run  # noqa: E402


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description="Chaos on real desks, a real plane and a real simulator")
    parser.add_argument("--runs", type=int, default=1, help="how many runs, with seeds that follow each other")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the faults of a run go on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=15.0, help="actions a second and desk")
    parser.add_argument("--json", type=Path, default=None, dest="json_file")
    asked = parser.parse_args()
    totals = {"kills": 0, "cuts": 0, "acknowledged": 0, "lost": 0, "duplicated": 0, "equal": True}
    for seed in range(asked.seed, asked.seed + asked.runs):
        folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir="/var/tmp"))
        try:
            outcome = run(folder, seed, asked.seconds, asked.rate)
        except AssertionError as error:
            print(f"seed {seed}: NOT SETTLED: {error}\n  its folder is {folder}", flush=True)
            totals["equal"] = False
            continue
        tell(seed, outcome, folder)
        for name in ("kills", "cuts"):
            totals[name] += getattr(outcome, name)
        for name in ("acknowledged", "lost", "duplicated"):
            totals[name] += getattr(outcome.reckoning, name)
        totals["equal"] = totals["equal"] and outcome.equal
        if outcome.equal and not outcome.reckoning.lost and not outcome.reckoning.duplicated:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(totals), flush=True)
    if asked.json_file:
        asked.json_file.write_text(json.dumps(totals) + "\n", "utf-8")
    return 0 if totals["equal"] and not totals["lost"] and not totals["duplicated"] else 1


def tell(seed: int, outcome: Outcome, folder: Path) -> None:
    """One run in a few lines."""
    left = outcome.reckoning
    print(
        f"seed {seed}: {outcome.kills} kills, {outcome.cuts} cuts, {left.acknowledged} acknowledged, {left.lost} lost, "
        f"{left.duplicated} duplicated, {'equal' if outcome.equal else 'NOT EQUAL'}, "
        f"settled in {outcome.settled_s:.1f} s"
    )
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items())), flush=True)
    for fault in left.unequal[:12]:
        print(f"  {fault}")
    if left.unequal:
        print(f"  its folder is {folder}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Runs histories from the command line: `python -m tests.histories [--seeds N] [--seed K] [--bugs] [--jobs 2]`.

Without --bugs every seed must hold, and the first that does not is told in full. With --bugs each seeded bug is tried
with the same seeds until one catches it, and a table says which did; the share must be 90 % at least. Exit 1 else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.histories.bugs import all_bugs, applied
from tests.histories.many import LEAST_SHARE, all_seeds, catch, workers
from tests.histories.run import run_seed, template_store


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, default=None, help="one seed, told in full")
    parser.add_argument("--bug", default="", help="with --seed: with that seeded bug")
    parser.add_argument("--bugs", action="store_true", help="the table of seeded bugs")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _one(asked.seed, asked.bug)
    return _bugs(asked.seeds, asked.jobs) if asked.bugs else _seeds(asked.first, asked.seeds, asked.jobs)


def _one(seed: int, name: str) -> int:
    with template_store() as template:
        if name:
            with applied(next(bug for bug in all_bugs() if bug.name == name)):
                found = run_seed(seed, template)
        else:
            found = run_seed(seed, template)
    print(found.told() if not found.good else f"seed {seed} holds: {found.steps} steps in {found.seconds:.2f} s")
    return 0 if found.good else 1


def _seeds(first: int, count: int, jobs: int) -> int:
    began = time.perf_counter()
    outcomes = all_seeds(first, count, jobs)
    took = time.perf_counter() - began
    met, bad = Counter[str](), [one for one in outcomes if not one.good]
    for outcome in outcomes:
        met.update(outcome.counts)
    print(f"{len(outcomes)} seeds in {took:.1f} s ({len(outcomes) / took:.1f} a second, {jobs} processes)")
    print(f"{sum(one.steps for one in outcomes)} steps; " + ", ".join(f"{n} {what}" for what, n in sorted(met.items())))
    for outcome in bad:
        print(f"seed {outcome.seed}: {outcome.invariant}: {outcome.sentence}")
    if bad:
        print("\n" + bad[0].told())
    return 1 if bad else 0


def _bugs(seeds: int, jobs: int) -> int:
    names = [bug.name for bug in all_bugs()]
    width = max(len(name) for name in names)
    print(f"{'seeded bug':<{width}}  caught  seed  promise broken")
    caught = 0
    with workers(jobs) as pool:
        for name, seed, invariant in pool.map(catch, names, [seeds] * len(names)):
            caught += seed >= 0
            word, at = ("yes", str(seed)) if seed >= 0 else ("NO", "")
            print(f"{name:<{width}}  {word:<6}  {at:<4}  {invariant}", flush=True)
    print(f"{caught} of {len(names)} caught within {seeds} seeds: {caught / len(names):.0%}")
    return 0 if caught >= LEAST_SHARE * len(names) else 1


if __name__ == "__main__":
    sys.exit(main())

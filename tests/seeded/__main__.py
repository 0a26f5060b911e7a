"""Prints who holds which rule of commands and gates: `python -m tests.seeded [PART OF A NAME]`.

Each rule is tried whole, then switched off at the desk, at the plane and at both. "yes": that side alone holds the
line; "-": the rule is not that side's. A row whose rule can go without a test noticing ends in NOT CAUGHT. Exit 1 then.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.seeded.rule import prove
from tests.seeded.table import RULES, lines


def main() -> int:
    """The table, on standard output."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [rule for rule in RULES if part in rule.name]
    width, began = max(len(rule.name) for rule in chosen), time.perf_counter()
    print(f"| {'rule':<{width}} | desk | plane | caught |\n| {'-' * width} | ---- | ----- | ------ |")
    bad = 0
    with tempfile.TemporaryDirectory() as folder, lines(Path(folder)) as line_of:
        for rule in chosen:
            proof = prove(rule, line_of)
            bad += not proof.good
            caught = "yes" if proof.good else "NOT CAUGHT" if proof.holds and not proof.trouble else "BROKEN"
            said = f"{caught:<6} {proof.trouble}".strip()
            print(f"| {rule.name:<{width}} | {proof.desk:<4} | {proof.plane:<5} | {said:<6} |", flush=True)
    print(f"{len(chosen)} rules, {bad} not proven, {time.perf_counter() - began:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""The history checker in CI: 300 seeds hold, so do the seeds that once failed, and seeded bugs are caught.

More by `HISTORY_SEEDS=20000 pytest tests/histories`, or `python -m tests.histories --seeds 20000`; all seeded bugs
within 300 seeds by `python -m tests.histories --bugs`.
"""

from __future__ import annotations

import os

import pytest

from tests.histories.bugs import all_bugs, applied
from tests.histories.kept import CAUGHT_BY, KEPT
from tests.histories.many import LEAST_SHARE, all_seeds
from tests.histories.run import run_seed, template_store

SEEDS = int(os.environ.get("HISTORY_SEEDS", "300"))


@pytest.mark.timeout(max(180, SEEDS))
def test_every_promise_holds_in_every_history() -> None:
    outcomes = all_seeds(0, SEEDS, jobs=2)
    failing = [one for one in outcomes if not one.good]
    assert len(outcomes) == SEEDS
    assert not failing, "\n\n".join([one.told() for one in failing[:2]] + [f"seeds {[one.seed for one in failing]}"])
    met = {what for one in outcomes for what in one.counts}
    assert {"commands in effect", "restored, new epoch", "rolled back in silence", "desk store rolled back"} <= met
    assert {"second back-end down", "brought along", "roles lent", "person revoked"} <= met


@pytest.mark.parametrize("seed", sorted(KEPT))
def test_what_once_failed_holds(seed: int) -> None:
    with template_store() as template:
        found = run_seed(seed, template)
    assert found.good, f"{KEPT[seed]}\n{found.told()}"


@pytest.mark.parametrize("name", sorted(CAUGHT_BY))
def test_a_seeded_bug_is_caught(name: str) -> None:
    bug = next(one for one in all_bugs() if one.name == name)
    with template_store() as template, applied(bug):
        found = run_seed(CAUGHT_BY[name], template)
    assert not found.good, f"{bug.sentence} Seed {CAUGHT_BY[name]} caught it once and does not any more."


def test_most_seeded_bugs_have_a_seed_that_catches_them() -> None:
    names = {bug.name for bug in all_bugs()}
    assert set(CAUGHT_BY) <= names
    assert len(CAUGHT_BY) >= LEAST_SHARE * len(names)


def test_a_seed_is_a_run() -> None:
    with template_store() as template:
        first, again = run_seed(3, template), run_seed(3, template)
    assert (first.steps, first.counts, first.invariant) == (again.steps, again.counts, again.invariant)

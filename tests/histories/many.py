"""Many seeds at once: over processes that begin from nothing, so that a run depends on its seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from tests.histories.bugs import all_bugs, applied
from tests.histories.kept import CAUGHT_BY
from tests.histories.run import Outcome, run_seed, template_store

_AT_ONCE = 10
LEAST_SHARE = 0.9
"""Of the seeded bugs, so many must be caught within 300 seeds."""


def run_seeds(first: int, count: int) -> list[Outcome]:
    """The outcomes of these seeds, in this process."""
    with template_store() as template:
        return [run_seed(seed, template) for seed in range(first, first + count)]


def catch(name: str, seeds: int) -> tuple[str, int, str]:
    """(bug, first seed that caught it or -1, the promise it broke); the known seed is tried before the others."""
    bug = next(one for one in all_bugs() if one.name == name)
    order = list(range(seeds))
    known = CAUGHT_BY.get(name, -1)
    if known in order:
        order.remove(known)
        order.insert(0, known)
    with template_store() as template, applied(bug):
        for seed in order:
            found = run_seed(seed, template)
            if not found.good:
                return name, seed, found.invariant
    return name, -1, ""


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that begin from nothing; they end with the block."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield pool


def all_seeds(first: int, count: int, jobs: int) -> list[Outcome]:
    """The outcomes of `count` seeds from `first` on, over so many processes."""
    if jobs <= 1:
        return run_seeds(first, count)
    begins = range(first, first + count, _AT_ONCE)
    with workers(jobs) as pool:
        parts = pool.map(run_seeds, begins, [min(_AT_ONCE, first + count - begin) for begin in begins])
        return [outcome for part in parts for outcome in part]

"""All rows, and the lines they run on: one shared line a world, and one of its own for a row that asks for it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from console.plane import watching
from tests.seeded import rules_commands, rules_gates, rules_people
from tests.seeded.line import Line, line
from tests.seeded.rule import LineOf, Rule

RULES: tuple[Rule, ...] = (*rules_commands.RULES, *rules_gates.RULES, *rules_people.RULES)


@contextlib.contextmanager
def lines(folder: Path) -> Iterator[LineOf]:
    """A function that lends the line for a row; the two shared ones are open from the beginning to the end."""
    often, watching.EVERY_S = watching.EVERY_S, 0.1
    numbers = itertools.count()

    def line_of(rule: Rule) -> contextlib.AbstractContextManager[Line]:
        if rule.fresh:
            return line(folder / f"own {next(numbers)}", exercise=rule.exercise)
        return contextlib.nullcontext(exercise if rule.exercise else production)

    try:
        with line(folder / "exercise") as exercise, line(folder / "production", exercise=False) as production:
            yield line_of
    finally:
        watching.EVERY_S = often

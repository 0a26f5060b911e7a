"""No rule of commands and gates can be removed unnoticed: each is tried whole, and switched off on each side.

The rows stand in `tests/seeded`; `python -m tests.seeded` prints them as a table, who holds which.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.seeded import table
from tests.seeded.rule import LineOf, Rule, prove


@pytest.fixture(scope="module")
def line_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineOf]:
    with table.lines(tmp_path_factory.mktemp("lines")) as made:
        yield made


@pytest.mark.parametrize("rule", table.RULES, ids=lambda rule: rule.name)
def test_a_rule_holds_and_is_missed_when_it_is_gone(rule: Rule, line_of: LineOf) -> None:
    proof = prove(rule, line_of)
    assert not proof.trouble, proof.trouble
    assert proof.caught, "Without this rule nothing is different: either the attempt is no attempt, or it is idle."
    assert "NO" not in (proof.desk, proof.plane), "One side left it to the other."


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in table.RULES]
    assert len(names) == len(set(names))

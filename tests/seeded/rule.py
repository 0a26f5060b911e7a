"""One rule of the design as a row: an attempt that it forbids (or a deed that it demands), and its removal.

A row holds when its attempt fails against the whole program and succeeds without the rule. Where desk and plane both
enforce it, each is also removed alone: the other must still hold the line.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from tests.seeded.edits import Put
from tests.seeded.line import Line

Scenario = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`holds` raises AssertionError when the line did not hold; `desk` and `plane` switch the rule off there.

    `fresh` asks for a line of its own each time, `exercise` says of which world.
    """

    name: str
    holds: Scenario
    desk: Put | None = None
    plane: Put | None = None
    fresh: bool = False
    exercise: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a row: `desk` and `plane` say who holds the line alone: "yes", "NO", or "-" where it has no say."""

    rule: str
    holds: bool
    caught: bool
    desk: str
    plane: str
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether the rule holds, is missed when it is gone, and no side leaves it to the other."""
        return self.holds and self.caught and "NO" not in (self.desk, self.plane) and not self.trouble


LineOf = Callable[[Rule], AbstractContextManager[Line]]


def prove(rule: Rule, line_of: LineOf) -> Proof:
    """The row, run with the rule, without it, and without it at each side; `line_of` gives the line to run on."""
    sides = [put for put in (rule.desk, rule.plane) if put is not None]
    trouble: list[str] = []

    def held(*puts: Put) -> bool:
        try:
            with line_of(rule) as line, ExitStack() as stack:
                for put in puts:
                    put(stack)
                rule.holds(line)
        except AssertionError as error:
            if not puts:
                trouble.append(f"does not hold: {str(error)[:200]}")
            return False
        except Exception as error:  # noqa: BLE001 - anything else is no catch, and is told
            trouble.append(f"{type(error).__name__}: {str(error)[:200]}")
        return True

    holds, caught = held(), not held(*sides)
    if len(sides) < 2:
        alone = ("yes" if rule.desk else "-", "yes" if rule.plane else "-")
    else:
        alone = tuple("yes" if held(other) else "NO" for other in (sides[1], sides[0]))  # type: ignore[assignment]
    return Proof(rule.name, holds, caught, alone[0], alone[1], "; ".join(trouble))

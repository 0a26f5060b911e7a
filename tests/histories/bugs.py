"""Deliberate defects, each in one or two functions: a checker that has never caught anything shows nothing.

`BUGS` is literal. A bug is put in for the length of a `with applied(bug):` and taken out again; what it replaces is a
function of the program or, where the program's own plane is a model here, the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

Put = Callable[[ExitStack], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """One defect: its name, what is wrong in a sentence, how it is put in, and a seed that is known to catch it."""

    name: str
    sentence: str
    put: Put


@contextmanager
def applied(bug: Bug) -> Iterator[None]:
    """The program with that defect."""
    with ExitStack() as stack:
        bug.put(stack)
        yield


def swap(stack: ExitStack, owner: Any, name: str, new: Any) -> None:
    """`owner.name` is `new` until the stack unwinds; a name that is not there is an error."""
    stack.enter_context(patch.object(owner, name, new))


def swap_item(stack: ExitStack, table: Any, key: Any, new: Any) -> None:
    """The same for an entry of a dictionary."""
    stack.enter_context(patch.dict(table, {key: new}))


def wrap(stack: ExitStack, owner: Any, name: str, around: Callable[..., Any]) -> None:
    """`around(original, *args)` in place of the original."""
    original = getattr(owner, name)
    swap(stack, owner, name, lambda *args, **known: around(original, *args, **known))


def all_bugs() -> tuple[Bug, ...]:
    """The whole list, those of the record first."""
    from tests.histories.bugs_chains import BUGS as OF_CHAINS
    from tests.histories.bugs_commands import BUGS as OF_COMMANDS
    from tests.histories.bugs_record import BUGS as OF_RECORD

    return OF_RECORD + OF_CHAINS + OF_COMMANDS

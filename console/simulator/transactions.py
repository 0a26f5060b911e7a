"""Transactions of agents: what a tool began for a request is committed with its answer, or rolled back (SWI-6)."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import Any

KEPT = 200


@dataclass(frozen=True, slots=True)
class Transaction:
    """One request's calls of tools; `status` is "open", "committed" or "rolled_back", `by` the command that did it."""

    id: str
    tenant: str
    session: str
    tools: tuple[str, ...]
    status: str = "open"
    by: str = ""

    def as_object(self) -> dict[str, Any]:
        """As it is saved and captured."""
        return {**asdict(self), "tools": list(self.tools)}


class Transactions:
    """The open ones by id, and the last that ended."""

    def __init__(self) -> None:
        self.open: dict[str, Transaction] = {}
        self.ended: deque[Transaction] = deque(maxlen=KEPT)
        self._number = 0

    def begin(self, tenant: str, session: str, tools: tuple[str, ...]) -> str:
        """A new one; its id."""
        self._number += 1
        found = Transaction(f"t{self._number:06d}", tenant, session, tools)
        self.open[found.id] = found
        return found.id

    def commit(self, transaction: str) -> None:
        """What was begun counts; one that was rolled back already stays so."""
        self._end(transaction, "committed", "")

    def roll_back(self, transaction: str, by: str = "") -> Transaction | None:
        """What was begun is undone; None when it ended before."""
        return self._end(transaction, "rolled_back", by)

    def _end(self, transaction: str, status: str, by: str) -> Transaction | None:
        found = self.open.pop(transaction, None)
        if found is None:
            return None
        ended = replace(found, status=status, by=by)
        self.ended.append(ended)
        return ended

"""What must be true of each switch, and what each back-end that enforces it should hold therefore.

A switch nobody ever commanded has no row and counts as running at generation 0. A generation only grows. Every function
takes the connection of an open transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from console.domain.switches import RUNNING
from console.plane.tables import DESIRED, ENFORCED


@dataclass(frozen=True, slots=True)
class Desired:
    """One row.

    Attributes:
        want: "stopped" or "running".
        generation: the newest one given out for this switch, to whichever back-end.
        command_id: the command whose will this is, "" before the first.
        incident: whose timeline learns about it.
        set_at: RFC 3339.
    """

    switch: str
    target: str
    want: str = RUNNING
    generation: int = 0
    command_id: str = ""
    incident: str = ""
    set_at: str = ""


@dataclass(frozen=True, slots=True)
class Enforced:
    """What one back-end should hold of a switch.

    Attributes:
        generation: the one it should hold it by.
        assertion_id: the id it should hold it by: the command's, or that of a re-assertion.
        drift: what was last reported as drifted, "" when nothing is.
        dispatched_at: when it answered to this (RFC 3339), "" before.
        seen_at: when a probe saw this in effect there (RFC 3339), "" before.
        survived: "true" or "false" once it was seen after a restart of this back-end.
    """

    adapter: str
    switch: str
    target: str
    generation: int = 0
    assertion_id: str = ""
    drift: str = ""
    dispatched_at: str = ""
    seen_at: str = ""
    survived: str = ""


_LEAP = 1_000_000
"""Commands that one switch will not see between two looks."""


class _Rows:
    """The statements of one table, made once: reading a row by its key, changing it, beginning it."""

    def __init__(self, table: Table) -> None:
        self.key = [column.name for column in table.primary_key]
        at = [table.c[name] == bindparam(f"at_{name}") for name in self.key]
        values: dict[str, Any] = {column.name: bindparam(f"to_{column.name}") for column in table.columns}
        self.names = list(values)
        self.find = select(table).where(*at)
        self.change = update(table).where(*at).values(values)
        self.begin = insert(table).values(values)

    def put(self, connection: Connection, row: Desired | Enforced) -> None:
        """Replace the row of that key."""
        values = {f"to_{name}": getattr(row, name) for name in self.names}
        if connection.execute(self.change, values | self.at(row)).rowcount == 0:
            connection.execute(self.begin, values)

    def at(self, row: Desired | Enforced) -> dict[str, str]:
        """The key of that row, as the statements take it."""
        return {f"at_{name}": getattr(row, name) for name in self.key}


_DESIRED, _ENFORCED = _Rows(DESIRED), _Rows(ENFORCED)


def is_leap(said: int, known: int) -> bool:
    """Whether a back-end says that it holds a generation to which no commands can have led from the `known` one."""
    return said > known + _LEAP


def newest(said: int, known: int) -> int:
    """The newer of both; a leap is not followed, or one back-end could drive the others past what they can count."""
    return known if is_leap(said, known) else max(said, known)


def desired(connection: Connection, switch: str, target: str) -> Desired:
    """What must be true of that switch."""
    absent = Desired(switch, target)
    row = connection.execute(_DESIRED.find, _DESIRED.at(absent)).first()
    return Desired(**row._mapping) if row is not None else absent


def all_desired(connection: Connection) -> list[Desired]:
    """Every switch that was ever commanded."""
    query = select(DESIRED).order_by(DESIRED.c.switch, DESIRED.c.target)
    return [Desired(**row._mapping) for row in connection.execute(query)]


def set_desired(connection: Connection, wanted: Desired) -> None:
    """Replace the row of that switch."""
    _DESIRED.put(connection, wanted)


def enforced(connection: Connection, adapter: str, wanted: Desired) -> Enforced:
    """What that back-end should hold; one that enforces this switch only since then was told nothing yet."""
    absent = Enforced(adapter, wanted.switch, wanted.target, wanted.generation, wanted.command_id)
    row = connection.execute(_ENFORCED.find, _ENFORCED.at(absent)).first()
    return Enforced(**row._mapping) if row is not None else absent


def set_enforced(connection: Connection, mark: Enforced) -> None:
    """Replace what that back-end should hold."""
    _ENFORCED.put(connection, mark)


def want_at(connection: Connection, wanted: Desired, adapters: Iterable[str]) -> None:
    """A new command's will: desired, and to be held by every one of these back-ends under the command's own id."""
    set_desired(connection, wanted)
    for adapter in adapters:
        mark = Enforced(adapter, wanted.switch, wanted.target, wanted.generation, wanted.command_id)
        set_enforced(connection, mark)

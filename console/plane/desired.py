"""What must be true of each switch: the desired state, its generation, and under which id the back-end holds it.

A switch nobody ever commanded has no row and counts as running at generation 0. A generation only grows. Every function
takes the connection of an open transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from console.domain.switches import RUNNING
from console.plane.tables import DESIRED


@dataclass(frozen=True, slots=True)
class Desired:
    """One row.

    Attributes:
        want: "stopped" or "running".
        generation: the newest one given out for this switch.
        command_id: the command whose will this is, "" before the first.
        enforced_by: the id under which the back-end should hold it: the command's, or that of a re-assertion.
        incident: whose timeline learns about it.
        set_at: RFC 3339.
        drift: what was last reported as drifted, "" when nothing is.
    """

    switch: str
    target: str
    want: str = RUNNING
    generation: int = 0
    command_id: str = ""
    enforced_by: str = ""
    incident: str = ""
    set_at: str = ""
    drift: str = ""


_AT = [DESIRED.c.switch == bindparam("on"), DESIRED.c.target == bindparam("at")]
_READ = select(DESIRED).where(*_AT)
_WRITE: dict[str, Any] = {column.name: bindparam(f"to_{column.name}") for column in DESIRED.columns}
_CHANGE = update(DESIRED).where(*_AT).values(_WRITE)
_BEGIN = insert(DESIRED).values(_WRITE)


def desired(connection: Connection, switch: str, target: str) -> Desired:
    """What must be true of that switch."""
    row = connection.execute(_READ, {"on": switch, "at": target}).first()
    return _desired(row) if row is not None else Desired(switch, target)


def all_desired(connection: Connection) -> list[Desired]:
    """Every switch that was ever commanded."""
    query = select(DESIRED).order_by(DESIRED.c.switch, DESIRED.c.target)
    return [_desired(row) for row in connection.execute(query)]


def set_desired(connection: Connection, wanted: Desired) -> None:
    """Replace the row of that switch."""
    values = {f"to_{column.name}": getattr(wanted, column.name) for column in DESIRED.columns}
    changed = connection.execute(_CHANGE, values | {"on": wanted.switch, "at": wanted.target})
    if changed.rowcount == 0:
        connection.execute(_BEGIN, values)


def _desired(row: Row[Any]) -> Desired:
    return Desired(**row._mapping)

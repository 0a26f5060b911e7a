"""The command ledger: one row an order, kept for ever, committed before anything is done about it.

A row moves only as `domain.commands` allows; an end never moves again. Every function takes the connection of an open
transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from console.domain.commands import ENDS, SUPERSEDED, may_move
from console.plane.tables import COMMAND

RESULTS = ("refuses_new", "streams_cut", "survives_restart")
"""The three results of a kill (guides of the control plane, rule 1)."""


@dataclass(frozen=True, slots=True)
class Result:
    """One of the three results: "true", "false" or "unknown", and the id of the event that shows it."""

    result: str = "unknown"
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One order as the ledger holds it.

    `generation` is the one it raised the switch to (0: it never got that far), `was` what was desired before; times are
    the plane's, RFC 3339, "" while not reached; `observation` is {} before the first, `problem` {} unless refused.
    """

    command_id: str
    order_hash: str
    canon: str
    sig: str
    person_sig: str
    incident: str
    switch: str
    target: str
    want: str
    was: str = ""
    generation: int = 0
    state: str
    expires: str
    acknowledged_at: str = ""
    dispatched_at: str = ""
    observed_at: str = ""
    observation: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether it came to an end."""
        return self.state in ENDS

    def result(self, name: str) -> Result:
        """One of RESULTS; unknown until shown."""
        return self.results.get(name, Result())


_ENTER = insert(COMMAND)
_FIND = select(COMMAND).where(COMMAND.c.command_id == bindparam("id"))
_TAKEN_SINCE = select(COMMAND).where(COMMAND.c.acknowledged_at > bindparam("since"))
_UNRESOLVED = select(COMMAND).where(COMMAND.c.state.not_in(ENDS)).order_by(COMMAND.c.acknowledged_at)
_UNRESOLVED_AT = _UNRESOLVED.where(COMMAND.c.switch == bindparam("on"), COMMAND.c.target == bindparam("at"))


def enter(connection: Connection, command: Command) -> None:
    """Write a new row; an id is used once."""
    values = {column.name: getattr(command, column.name) for column in COMMAND.columns}
    connection.execute(_ENTER, values | _as_text(values))


def find(connection: Connection, command_id: str) -> Command | None:
    """The row of that id."""
    row = connection.execute(_FIND, {"id": command_id}).first()
    return _command(row) if row is not None else None


def move(connection: Connection, command_id: str, to: str, **changes: Any) -> bool:
    """Move a command to the state `to`, with other columns; False, and nothing changed, when it may not go there."""
    held = find(connection, command_id)
    if held is None or not may_move(held.state, to):
        return False
    amend(connection, command_id, state=to, **changes)
    return True


def amend(connection: Connection, command_id: str, **changes: Any) -> None:
    """Change columns without moving it: a later observation of what it did."""
    connection.execute(update(COMMAND).where(COMMAND.c.command_id == command_id).values(**changes | _as_text(changes)))


def supersede(connection: Connection, switch: str, target: str) -> list[Command]:
    """End every command on that switch that is still under way; those that were."""
    older = under_way(connection, switch, target)
    for command in older:
        move(connection, command.command_id, SUPERSEDED)
    return older


def unresolved(connection: Connection) -> list[Command]:
    """Every command that has not come to an end, oldest first."""
    return [_command(row) for row in connection.execute(_UNRESOLVED)]


def under_way(connection: Connection, switch: str, target: str) -> list[Command]:
    """Those on one switch, oldest first."""
    return [_command(row) for row in connection.execute(_UNRESOLVED_AT, {"on": switch, "at": target})]


def taken_since(connection: Connection, since: str) -> list[Command]:
    """Every command acknowledged after that time (RFC 3339), in no order; what was refused never was."""
    return [_command(row) for row in connection.execute(_TAKEN_SINCE, {"since": since})]


def pending(connection: Connection, switch: str, target: str) -> str:
    """The id of the newest command under way on that switch, "" when there is none."""
    found = under_way(connection, switch, target)
    return found[-1].command_id if found else ""


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name in ("observation", "problem"):
        if name in values:
            texts[name] = json.dumps(dict(values[name])) if values[name] else ""
    if "results" in values:
        plain = {name: [one.result, one.evidence] for name, one in values["results"].items()}
        texts["results"] = json.dumps(plain) if plain else ""
    return texts


def _command(row: Row[Any]) -> Command:
    plain = dict(row._mapping)
    for name in ("observation", "problem", "results"):
        plain[name] = json.loads(plain[name]) if plain[name] else {}
    plain["results"] = {name: Result(*pair) for name, pair in plain["results"].items()}
    return Command(**plain)

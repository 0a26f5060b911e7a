"""Everything the switches panel shows at once: the incident's target, the switches that reach it, what is loud.

One question, one answer, so that no column is of another moment than its neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.domain import commands
from console.domain.errors import InputError
from console.domain.inventory import Inventory
from console.domain.reach import FAILED, STOPPED_ALREADY, UNKNOWN, Proposal, Reach, propose, switches_for
from console.domain.switches import RUNNING, STOPPED, SwitchCatalogue
from console.queries.commands import CommandView
from console.queries.switches import (
    Request,
    SwitchRow,
    approval_requests,
    loud_commands,
    proposed_switches,
    switch_rows,
)
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class SwitchBoard:
    """`target` is "" when the incident names nothing of the inventory; then nothing can be thrown for it.

    `reaches` and `rows` go together, the one to take first first; `loud` are commands of any incident whose outcome
    nobody knows; `requests` are those of this incident that nobody has answered yet; `proposal` is the step to take
    next by what the rows show, None where nothing can be thrown (SWI-5, SWI-6).
    """

    incident: str
    title: str
    target: str
    named: str
    reaches: tuple[Reach, ...]
    rows: tuple[SwitchRow, ...]
    loud: tuple[CommandView, ...]
    requests: tuple[Request, ...]
    proposal: Proposal | None = None


def switch_board(
    reader: Rows,
    incident: str,
    inventory: Inventory,
    catalogue: SwitchCatalogue,
    target: str = "",
    paths: Mapping[str, bool] | None = None,
) -> SwitchBoard | None:
    """The board of one incident, of `target` instead of its own when that is given; None for an unknown incident.

    `paths` says of each route whether its behaviour meets its floors, as far as somebody knows.
    """
    row = reader.row("SELECT title, target FROM incident WHERE incident = ?", (incident,))
    if row is None:
        return None
    named = target or str(row["target"])
    reaches: tuple[Reach, ...] = ()
    try:
        reaches = switches_for(inventory, catalogue, named, proposed_switches(reader, incident))
    except InputError:
        named_target = ""
    else:
        named_target = named
    rows = switch_rows(reader, [(reach.switch, reach.target) for reach in reaches])
    standing = {(row.switch, row.target): how for row in rows if (how := standing_of(row))}
    return SwitchBoard(
        incident=incident,
        title=str(row["title"]),
        target=named_target,
        named=named,
        reaches=reaches,
        rows=rows,
        loud=loud_commands(reader),
        requests=tuple(one for one in approval_requests(reader, incident) if one.state == "open"),
        proposal=propose(reaches, standing, paths) if reaches else None,
    )


def standing_of(row: SwitchRow) -> str:
    """How a stop stands that is of no more help: seen stopped, seen without effect, outcome unknown; "" otherwise."""
    if row.observed.state == STOPPED:
        return STOPPED_ALREADY
    last = row.last
    if row.drift.state == RUNNING or (last and last.want == STOPPED and last.results["refuses_new"].result == "false"):
        return FAILED
    return UNKNOWN if last is not None and last.want == STOPPED and last.state == commands.UNKNOWN else ""

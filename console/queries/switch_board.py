"""Everything the switches panel shows at once: the incident's target, the switches that reach it, what is loud.

One question, one answer, so that no column is of another moment than its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.inventory import Inventory
from console.domain.reach import Reach, switches_for
from console.domain.switches import SwitchCatalogue
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
    nobody knows; `requests` are those of this incident that nobody has approved yet.
    """

    incident: str
    title: str
    target: str
    named: str
    reaches: tuple[Reach, ...]
    rows: tuple[SwitchRow, ...]
    loud: tuple[CommandView, ...]
    requests: tuple[Request, ...]


def switch_board(
    reader: Rows, incident: str, inventory: Inventory, catalogue: SwitchCatalogue, target: str = ""
) -> SwitchBoard | None:
    """The board of one incident, of `target` instead of its own when that is given; None for an unknown incident."""
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
    return SwitchBoard(
        incident=incident,
        title=str(row["title"]),
        target=named_target,
        named=named,
        reaches=reaches,
        rows=switch_rows(reader, [(reach.switch, reach.target) for reach in reaches]),
        loud=loud_commands(reader),
        requests=tuple(one for one in approval_requests(reader, incident) if not one.approvals),
    )

"""Taking a command up: the older ones on its switch end, the generation is raised, and its will is what is desired.

Everything here belongs into the transaction that records who wanted it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.domain.commands import SUPERSEDED
from console.plane import desired, ledger
from console.plane.db import Transaction
from console.plane.desired import Desired
from console.plane.ledger import Command
from console.plane.record import Record


def take_up(tx: Transaction, record: Record, row: Command, adapters: Iterable[str], at: str) -> Command:
    """The row as it stands in the ledger from now on, at a generation of its own; `at` is RFC 3339."""
    wanted = desired.desired(tx.connection, row.switch, row.target)
    for older in ledger.supersede(tx.connection, row.switch, row.target):
        sentence = f"A newer command ({row.command_id}) was given for this switch."
        ended = {"command_id": older.command_id, "state": SUPERSEDED, "sentence": sentence}
        record.write(tx, "switch.ended", older.incident, ended)
    generation = wanted.generation + 1
    command = replace(row, generation=generation, was=wanted.want, acknowledged_at=at)
    ledger.enter(tx.connection, command)
    will = Desired(row.switch, row.target, row.want, generation, row.command_id, row.incident, at)
    desired.want_at(tx.connection, will, adapters)
    return command

"""What a stop that ends sessions leaves behind: who was signed out, what was rolled back, the state saved (SWI-6)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from console.simulator.durable import write_durably
from console.simulator.switches import SwitchState
from console.simulator.transactions import Transaction

CLOSING_FILE = "closing.json"


@dataclass(frozen=True, slots=True)
class Closing:
    """The last one: how many live sessions it ended, and the transactions that were rolled back with their streams."""

    stop: SwitchState
    sessions_ended: int
    rolled_back: tuple[Transaction, ...]
    streams_cut: int
    state_saved: bool = False

    def as_object(self) -> dict[str, Any]:
        """As the control API shows it and the file holds it."""
        return {**asdict(self), "rolled_back": [one.as_object() for one in self.rolled_back]}


def save(closing: Closing, switches: Iterable[SwitchState], folder: Path) -> bool:
    """Writes it and the switches to the folder; whether that worked. A stop never waits for it to be true."""
    body = {"closing": closing.as_object() | {"state_saved": True}, "switches": [s.as_object() for s in switches]}
    try:
        write_durably(folder / CLOSING_FILE, json.dumps(body, sort_keys=True).encode())
    except OSError:
        return False
    return True

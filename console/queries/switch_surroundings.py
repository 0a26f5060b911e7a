"""What the switches panel shows of all incidents: stops that failed, what waits for a person, automatic stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.domain.inventory import Inventory
from console.queries.automatic_stops import AutomaticStop, automatic_stops
from console.queries.failed_stops import FailedStop, failed_stops
from console.queries.waiting import NOTHING_WAITS, Waiting, waiting
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class SwitchSurroundings:
    """`failed` are the stops that cannot be relied on, `automatic` by (switch, target)."""

    failed: tuple[FailedStop, ...] = ()
    waiting: Waiting = NOTHING_WAITS
    automatic: Mapping[tuple[str, str], AutomaticStop] = field(default_factory=dict)


def switch_surroundings(reader: Rows, inventory: Inventory, now: datetime, me: str) -> SwitchSurroundings:
    """All of it as of one moment, for `me`; `now` by the plane's clock."""
    return SwitchSurroundings(failed_stops(reader, inventory), waiting(reader, now, me), automatic_stops(reader))

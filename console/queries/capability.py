"""What each switch can do where: who enforces it, what the back-end declared, what was really seen, what is by hand.

Declared is not shown: a back-end says what it can do when a sheet looks, and a kill shows what it did (SWI-4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.declaring import declared_in
from console.domain.inventory import Inventory
from console.domain.switches import SwitchCatalogue
from console.queries.commands import RESULTS
from console.store.readers import Rows

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CapabilityRow:
    """One switch on one item; no `adapters` means by hand, by the words of `fallback`.

    `declared` is what the back-end said it can at `declared_at` (the plane's time, "" when no sheet looked yet);
    `reply` its last answer to a command, `replied_at` when; `shown` what kills have shown of the three results, by
    name, "true" or "false", without what nobody knows.
    """

    switch: str
    target: str
    adapters: tuple[str, ...]
    fallback: str
    declared: Mapping[str, bool] = field(default_factory=dict)
    declared_at: str = ""
    reply: str = ""
    replied_at: str = ""
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_hand(self) -> bool:
        """Whether people do it without the console."""
        return not self.adapters


def capability_rows(reader: Rows, inventory: Inventory, catalogue: SwitchCatalogue) -> tuple[CapabilityRow, ...]:
    """Every switch on every item that it can be thrown on, in the order of the catalogue and the inventory."""
    declared, replies, shown = _declared(reader), _replies(reader), _shown(reader)
    found = []
    for switch in catalogue.switches.values():
        for item in inventory.items.values():
            if item.kind in switch.kinds:
                place = (switch.id, item.id)
                found.append(
                    CapabilityRow(
                        *place,
                        inventory.adapters_for(*place),
                        switch.fallback,
                        *declared.get(place, ({}, "")),
                        *replies.get(place, ("", "")),
                        shown.get(place, {}),
                    )
                )
    return tuple(found)


def _declared(reader: Rows) -> Mapping[_Place, tuple[Mapping[str, bool], str]]:
    rows = reader.tuples("SELECT switch, target, detail, observed_at FROM observation WHERE detail <> '' ORDER BY n")
    return {(row[0], row[1]): (said, row[3]) for row in rows if (said := declared_in(row[2]))}


def _replies(reader: Rows) -> Mapping[_Place, tuple[str, str]]:
    rows = reader.tuples(
        "SELECT a.switch, a.target, d.detail, d.at FROM switch_state d JOIN timeline t ON t.n = d.n "
        "JOIN switch_state a ON a.command_id = d.command_id AND a.kind = 'acknowledged' "
        "WHERE d.kind = 'dispatched' AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id"
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _shown(reader: Rows) -> Mapping[_Place, Mapping[str, str]]:
    found: dict[_Place, dict[str, str]] = {}
    rows = reader.tuples(
        "SELECT s.switch, s.target, s.results FROM switch_state s JOIN timeline t ON t.n = s.n "
        "WHERE s.kind = 'observed' AND s.state = 'stopped' AND t.status <> 'rejected' "
        "ORDER BY t.gpos, t.hlc, t.event_id"
    )
    for switch, target, text in rows:
        for name, seen in json.loads(text).items():
            if name in RESULTS and seen.get("result") in ("true", "false"):
                found.setdefault((switch, target), {})[name] = seen["result"]
    return found

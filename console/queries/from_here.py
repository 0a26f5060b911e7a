"""What this desk saw for itself of a switch, kept apart from the plane's word; a plane that lies cannot write it.

Only this desk's own looks count: what another desk saw stands in the timeline, and is not "from here".
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.domain.commands import VERIFIED
from console.domain.switches import RUNNING, STOPPED
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class FromHere:
    """The newest look: "running", "stopped" or "unknown" ("" when nobody looked), its time by this desk's clock.

    `why` says why the state is unknown: not reachable from here, or hidden behind another switch.
    """

    state: str = ""
    at: str = ""
    event_id: str = ""
    why: str = ""
    command_id: str = ""


_OWN = (
    "SELECT s.state, s.at, t.event_id, s.detail, s.command_id FROM switch_state s JOIN timeline t ON t.n = s.n "
    "JOIN event e ON e.n = s.n WHERE s.kind = 'looked' AND e.origin = 'own' AND t.status <> 'rejected' AND "
)
_NEWEST = " ORDER BY s.at DESC, t.hlc DESC, t.event_id DESC LIMIT 1"


def look_for_command(reader: Rows, command_id: str) -> FromHere:
    """The newest look that was for this command."""
    return _of(reader.tuples(_OWN + "s.command_id = ?" + _NEWEST, (command_id,)))


def look_at_switch(reader: Rows, switch: str, target: str) -> FromHere:
    """The newest look at a switch on an item, whatever it was for."""
    return _of(reader.tuples(_OWN + "s.switch = ? AND s.target = ?" + _NEWEST, (switch, target)))


def commands_seen_otherwise(reader: Rows) -> tuple[str, ...]:
    """Verified commands of which some look saw the opposite, newest first; what holds is said by the newest look."""
    found = reader.tuples(
        "SELECT c.command_id FROM command c WHERE c.state = ?1 AND EXISTS (SELECT 1 FROM switch_state s "
        "WHERE s.command_id = c.command_id AND s.kind = 'looked' AND s.state <> c.want AND s.state IN (?2, ?3)) "
        "ORDER BY c.authorised_at DESC LIMIT 20",
        (VERIFIED, RUNNING, STOPPED),
    )
    return tuple(str(row[0]) for row in found)


def _of(rows: list[tuple[str, ...]]) -> FromHere:
    if not rows:
        return FromHere()
    state, at, event_id, detail, command_id = rows[0]
    found = json.loads(detail) if detail.startswith("{") else {}
    return FromHere(state, at, event_id, str(found.get("why", "")), command_id)

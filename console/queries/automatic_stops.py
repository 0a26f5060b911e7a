"""Stops that a breaker made by itself: which, who owns it, until when, and whether a person has taken it over (SWI-9).

Only those whose order still stands: another command on the same switch takes an automatic stop's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.store.passed import AUTOMATIC, owed
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class AutomaticStop:
    """`expires` (the plane's time, RFC 3339) is when a person must have it; `is_owed` says that nobody has it yet."""

    command_id: str
    incident: str
    switch: str
    target: str
    breaker: str
    owner_role: str
    expires: str
    sentence: str
    is_owed: bool


def automatic_stops(reader: Rows) -> Mapping[tuple[str, str], AutomaticStop]:
    """The newest automatic stop of each (switch, target) whose order is the one that is wanted now."""
    waiting = {one.command_id for one in owed(reader) if one.why == AUTOMATIC}
    found: dict[tuple[str, str], AutomaticStop] = {}
    for (event_id,) in reader.tuples(
        "SELECT event_id FROM timeline WHERE type = 'breaker.tripped' AND status <> 'rejected' "
        "ORDER BY gpos, hlc, event_id"
    ):
        signed = reader.event(str(event_id))
        if signed is None:
            continue
        body = signed.envelope.body
        if _is_replaced(reader, body["switch"], body["target"], body["generation"]):
            continue
        names = ("command_id", "switch", "target", "breaker", "owner_role", "expires", "sentence")
        known = {name: str(body[name]) for name in names}
        owes = known["command_id"] in waiting
        found[known["switch"], known["target"]] = AutomaticStop(
            **known, incident=signed.envelope.incident, is_owed=owes
        )
    return found


def _is_replaced(reader: Rows, switch: str, target: str, generation: int) -> bool:
    newer = reader.value(
        "SELECT 1 FROM switch_state s JOIN timeline t ON t.n = s.n WHERE s.kind = 'acknowledged' AND "
        "t.status <> 'rejected' AND s.switch = ? AND s.target = ? AND s.generation > ? LIMIT 1",
        (switch, target, generation),
    )
    return newer is not None

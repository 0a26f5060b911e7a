"""When an incident was detected, contained, restored and recovered, and when it was closed (TEL-5)."""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.incident import BEHAVIOUR_RECOVERED, CLOSED, SERVICE_RECOVERED
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Milestone:
    """One moment: `kind` is detected | contained | restored | service_recovered | recovered | closed; `at` RFC 3339."""

    kind: str
    at: str


_STATES = {SERVICE_RECOVERED: "service_recovered", BEHAVIOUR_RECOVERED: "recovered", CLOSED: "closed"}


def milestones(reader: Rows, incident: str) -> tuple[Milestone, ...]:
    """Those reached so far, in order of time; contained and restored count when a probe saw them at the data path.

    A time that is none, as somebody else's event may carry, is left out: it has no place on a graph.
    """
    row = reader.row("SELECT detected_at FROM incident WHERE incident = ?", (incident,))
    if row is None:
        return ()
    found = {"detected": str(row["detected_at"])}
    seen = reader.tuples(
        "SELECT s.state, s.at FROM switch_state s JOIN timeline t ON t.n = s.n WHERE s.incident = ? "
        "AND s.kind = 'observed' AND s.method = 'probe' AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id",
        (incident,),
    )
    for state, at in seen:
        if state == STOPPED:
            found.setdefault("contained", at)
        elif state == RUNNING and "contained" in found:
            found["restored"] = at
    entered = reader.tuples(
        "SELECT l.state, t.hlc FROM lifecycle l JOIN timeline t ON t.n = l.n WHERE l.incident = ? "
        "AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id",
        (incident,),
    )
    for state, hlc in entered:
        if state in _STATES:
            found[_STATES[state]] = format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000))
    return tuple(sorted((Milestone(kind, at) for kind, at in found.items() if _is_time(at)), key=lambda one: one.at))


def _is_time(text: str) -> bool:
    try:
        parse_utc(text)
    except InputError:
        return False
    return True

"""What restoring still owes: each criterion of each switch that is stopped, whether it is proven, whether it was asked.

What proves a criterion is decided by `domain.restoring` alone, as at the plane. Only what came after the stop counts
here: a run or a signature from before it says nothing of what is stopped now.
"""

from __future__ import annotations

from console.domain.errors import InputError
from console.domain.incident import IncidentFacts
from console.domain.next_step import Criterion
from console.domain.restoring import is_main, shows
from console.domain.switches import STOPPED, Switch, SwitchCatalogue
from console.store.facts import pieces
from console.store.readers import Rows

MOST_ITEMS = 200
_Position = tuple[int, str, str]
_NOWHERE: _Position = (-1, "", "")


def owed_criteria(
    reader: Rows, incident: str, facts: IncidentFacts, catalogue: SwitchCatalogue
) -> tuple[Criterion, ...]:
    """The criteria of everything that is stopped and not restored, in order of switch and target."""
    found: list[Criterion] = []
    for name in sorted(set(facts.stops) - set(facts.restored)):
        switch_id, _, target = name.partition(" ")
        try:
            switch = catalogue.switch(switch_id)
        except InputError:  # a switch of another policy: the plane knows what restoring it takes
            continue
        found.extend(_of_switch(reader, incident, switch, target))
    return tuple(found)


def _of_switch(reader: Rows, incident: str, switch: Switch, target: str) -> list[Criterion]:
    since = _stopped_at(reader, incident, switch.id, target)
    proofs = _proofs_after(reader, incident, since)
    known = pieces(reader, incident, proofs)
    asked = {
        str(body["criterion"])
        for position, body in _requests(reader, incident)
        if position > since and (body["switch"], body["target"]) == (switch.id, target)
    }
    return [
        Criterion(
            switch=switch.id,
            target=target,
            id=one.id,
            text=one.text,
            evidence=one.evidence,
            signed_by=one.signed_by,
            met=any(is_main(piece, one) and shows(piece, one, switch.id, target) for piece in known.values()),
            requested=one.id in asked,
        )
        for one in switch.criteria
    ]


def _stopped_at(reader: Rows, incident: str, switch: str, target: str) -> _Position:
    """Where in the timeline it was first seen stopped since it last ran."""
    rows = reader.tuples(
        "SELECT s.state, t.gpos, t.hlc, t.event_id FROM switch_state s JOIN timeline t ON t.n = s.n "
        "WHERE s.incident = ? AND s.switch = ? AND s.target = ? AND s.kind = 'observed' AND s.method = 'probe' "
        "AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id",
        (incident, switch, target),
    )
    since, stopped = _NOWHERE, False
    for state, *position in rows:
        if state == STOPPED and not stopped:
            since = (int(position[0]), str(position[1]), str(position[2]))
        stopped = state == STOPPED
    return since


def _proofs_after(reader: Rows, incident: str, since: _Position) -> list[str]:
    events = reader.tuples(
        "SELECT t.event_id FROM timeline t WHERE t.incident = ? AND t.status <> 'rejected' "
        "AND t.type IN ('validation.measured', 'criterion.signed') AND (t.gpos, t.hlc, t.event_id) > (?, ?, ?)",
        (incident, *since),
    )
    items = reader.tuples(
        "SELECT i.item FROM evidence_item i JOIN seal_now s ON s.incident = i.incident AND s.seal = i.seal "
        "WHERE i.incident = ? LIMIT ?",
        (incident, MOST_ITEMS),
    )
    return [str(row[0]) for row in (*events, *items)]


def _requests(reader: Rows, incident: str) -> list[tuple[_Position, dict[str, str]]]:
    places = {
        str(row[2]): (int(row[0]), str(row[1]), str(row[2]))
        for row in reader.tuples(
            "SELECT gpos, hlc, event_id FROM timeline WHERE incident = ? AND type = 'criterion.requested'", (incident,)
        )
    }
    return [
        (places[signed.envelope.event_id], dict(signed.envelope.body))
        for signed in reader.events(incident, "criterion.requested")
    ]

"""What must be seen before everything else: stops that failed, that are in effect in part, or that nobody saw (SWI-7).

Over all incidents that are not closed. A failed emergency stop is never tidied away by time: it goes when it was seen
to hold, when another command on the same switch took its place, or when the incident is closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from console.domain.commands import EXPIRED, REFUSED, STALE, UNKNOWN
from console.domain.inventory import Inventory
from console.domain.switches import RUNNING, STOPPED
from console.queries.commands import UNTOLD, CommandView
from console.queries.switches import SwitchRow, switch_rows
from console.store.readers import Rows

PARTIAL, NO_EFFECT, DRIFTED, FAILED, LOST, NOT_TOLD = "partial", "no_effect", "drifted", "failed", "lost", "not_told"
"""In effect at some back-ends; seen without effect; moved afterwards; never taken; outcome unknown; users not told."""
CONTRADICTED = "contradicted"
"""The plane says that it is in effect, and this desk saw for itself that it is not."""
_NEVER_TAKEN = (REFUSED, EXPIRED, STALE)
_MOST = 60
UNSAID = "nothing is known of it"


@dataclass(frozen=True, slots=True)
class Place:
    """One back-end that enforces the switch: its word, and whether it was seen in effect (None: nobody knows)."""

    adapter: str
    word: str
    in_effect: bool | None


@dataclass(frozen=True, slots=True)
class FailedStop:
    """One order that cannot be relied on; `how` is one of the names above, `at` when it was seen (RFC 3339, or "").

    `command_id` is one of this desk, or ""; only that can be looked up. `places` are empty where nobody said.
    """

    incident: str
    title: str
    switch: str
    target: str
    want: str
    how: str
    at: str
    sentence: str
    command_id: str
    places: tuple[Place, ...]


def failed_stops(reader: Rows, inventory: Inventory) -> tuple[FailedStop, ...]:
    """Everything of the kind, the newest first."""
    pairs = [
        (str(switch), str(target))
        for switch, target in reader.tuples(
            "SELECT switch, target FROM (SELECT s.switch, s.target, s.n FROM switch_state s JOIN incident i "
            "ON i.incident = s.incident WHERE s.switch <> '' AND i.state <> 'closed' "
            "UNION ALL SELECT switch, target, 0 FROM command) GROUP BY switch, target ORDER BY max(n) DESC LIMIT ?",
            (_MOST,),
        )
    ]
    found = [one for row in switch_rows(reader, pairs) if (one := _failed(reader, inventory, row)) is not None]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def places_of(said: Mapping[str, str], adapters: tuple[str, ...]) -> tuple[Place, ...]:
    """What an observation says of each of `adapters`, in its own words; none where it names none of them."""
    if not any(one in said for one in adapters):
        return ()
    return tuple(Place(one, said.get(one, UNSAID), _in_effect(said.get(one, UNSAID))) for one in adapters)


def _failed(reader: Rows, inventory: Inventory, row: SwitchRow) -> FailedStop | None:
    adapters = inventory.adapters_for(row.switch, row.target) if row.target in inventory.items else ()
    places = places_of(_said(row.observed.detail), adapters)
    how = _how(row, places)
    if not how:
        return None
    last = row.last
    ours = last if last is not None and how in (LOST, FAILED, NOT_TOLD, CONTRADICTED) else None
    command_id = last.command_id if last is not None and last.state == UNKNOWN else ""
    incident = ours.incident if ours is not None else _incident_of(reader, row)
    known = reader.row("SELECT title, state FROM incident WHERE incident = ?", (incident,))
    if known is not None and known["state"] == "closed":
        return None
    return FailedStop(
        incident=incident,
        title=str(known["title"]) if known is not None else "",
        switch=row.switch,
        target=row.target,
        want=ours.want if ours is not None else row.desired.state,
        how=how,
        at=_at(how, row, ours),
        sentence=_sentence(how, row) if ours is None or how == CONTRADICTED else ours.sentence or ours.problem,
        command_id=command_id,
        places=() if how in (FAILED, DRIFTED, CONTRADICTED) else places,
    )


def _how(row: SwitchRow, places: tuple[Place, ...]) -> str:
    last, seen = row.last, row.observed
    partly = any(one.in_effect for one in places) and not all(one.in_effect for one in places)
    holds = last is not None and seen.state == last.want and seen.generation >= last.generation > 0
    if row.drift.at and row.drift.state == RUNNING:
        return DRIFTED
    if last is not None and last.contradicted and not _is_replaced(last, row):
        return CONTRADICTED
    if last is not None and last.state == UNKNOWN and not _is_replaced(last, row):
        if UNTOLD in last.detail.get("notice", "") and seen.state == last.want:
            return NOT_TOLD
        return PARTIAL if partly else LOST
    if last is not None and last.state in _NEVER_TAKEN and last.want == STOPPED and not holds:
        return "" if seen.state == STOPPED else FAILED
    if row.desired.state == STOPPED and seen.at >= row.desired.at and seen.state not in ("", STOPPED):
        return PARTIAL if partly else NO_EFFECT
    return ""


def _is_replaced(last: CommandView, row: SwitchRow) -> bool:
    """Whether somebody else's newer order has taken the place of this desk's."""
    return row.desired.command_id not in ("", last.command_id) and row.desired.generation > last.generation > 0


def _in_effect(word: str) -> bool | None:
    """What a back-end's word comes to; a word of another kind leaves it open."""
    if word.startswith("in effect"):
        return "wavers" not in word
    return False if word.startswith(("not in effect", "hidden")) else None


def _said(text: str) -> Mapping[str, str]:
    try:
        found = json.loads(text) if text.startswith("{") else {}
    except ValueError:
        return {}
    return {str(name): str(word) for name, word in found.items()} if isinstance(found, dict) else {}


def _incident_of(reader: Rows, row: SwitchRow) -> str:
    found = reader.value(
        "SELECT incident FROM switch_state WHERE switch = ? AND target = ? ORDER BY n DESC LIMIT 1",
        (row.switch, row.target),
        "",
    )
    return str(found)


def _at(how: str, row: SwitchRow, ours: CommandView | None) -> str:
    if how == DRIFTED:
        return row.drift.at
    return (ours.observed_at or ours.sent_at or ours.authorised_at) if ours is not None else row.observed.at


def _sentence(how: str, row: SwitchRow) -> str:
    if how == DRIFTED:
        return "It was stopped and something moved it: it runs again against what is wanted."
    if how == CONTRADICTED:
        return f"The plane says {row.observed.state}; this desk looked for itself and met {row.from_here.state}."
    return f"The probe found it {row.observed.state or 'unknown'} after the stop was given."

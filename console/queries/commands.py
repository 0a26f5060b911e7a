"""Commands: where one is, its four clocks, its three results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from console.store.readers import Rows

RESULTS = ("refuses_new", "streams_cut", "survives_restart")


@dataclass(frozen=True, slots=True)
class ResultView:
    """One of the three results: "true", "false" or "unknown", and the id of the event that shows it ("" for none)."""

    result: str
    evidence: str


@dataclass(frozen=True, slots=True)
class CommandView:
    """A receipt as far as it goes: four clocks (RFC 3339; "" until reached), three results, the refusal in words.

    `observed_at` is the plane's time moved onto the desk's clock by `offset_us` (plane minus desk); both are kept.
    """

    command_id: str
    incident: str
    switch: str
    target: str
    want: str
    state: str
    generation: int
    authorised_at: str
    sent_at: str
    acknowledged_at: str
    dispatched_at: str
    observed_at: str
    observed_at_plane: str
    offset_us: int
    results: Mapping[str, ResultView]
    problem: str
    sentence: str = ""
    """Why it ended or is unknown, in the desk's words; "" while there is nothing to say."""
    expires: str = ""


_UNKNOWN = ResultView("unknown", "")


def command(reader: Rows, command_id: str) -> CommandView | None:
    """One command, or None; a result seen later (a restart) is taken from the newest observation that knows it."""
    row = reader.row("SELECT * FROM command WHERE command_id = ?", (command_id,))
    if row is None:
        return None
    return CommandView(
        command_id=command_id,
        incident=row["incident"],
        switch=row["switch"],
        target=row["target"],
        want=row["want"],
        state=row["state"],
        generation=row["generation"],
        authorised_at=row["authorised_at"],
        sent_at=row["sent_at"],
        acknowledged_at=row["acknowledged_at"],
        dispatched_at=row["dispatched_at"],
        observed_at=row["observed_at"],
        observed_at_plane=row["observed_at_plane"],
        offset_us=row["offset_us"],
        results=_results(reader, command_id),
        problem=row["problem"],
        sentence=row["sentence"],
        expires=row["expires"],
    )


def _results(reader: Rows, command_id: str) -> Mapping[str, ResultView]:
    """Per result the newest observation that knows it; the event itself is the evidence unless it names another."""
    found = dict.fromkeys(RESULTS, _UNKNOWN)
    rows = reader.tuples(
        "SELECT t.event_id, s.results FROM switch_state s JOIN timeline t ON t.n = s.n "
        "WHERE s.command_id = ? AND s.kind = 'observed' AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id",
        (command_id,),
    )
    for event_id, text in rows:
        for name, seen in json.loads(text).items():
            if name in found and seen.get("result") in ("true", "false"):
                found[name] = ResultView(seen["result"], seen.get("evidence") or event_id)
    return found

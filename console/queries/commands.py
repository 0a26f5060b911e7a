"""Commands: where one is, its four clocks, its three results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.commands import UNKNOWN, VERIFIED
from console.domain.sighting import contradicts
from console.queries.from_here import FromHere, look_for_command
from console.store.readers import Rows

RESULTS = ("refuses_new", "streams_cut", "survives_restart")
UNTOLD = "not seen"
"""What an observation says of a notice to users that should have been there and was not (SWI-10)."""


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
    from_here: FromHere = field(default_factory=FromHere)
    """What this desk saw for itself, by its own clock; never merged with the plane's word."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What stands beside the newest observation: a word by back-end, "notice" of the notice to users; {} without."""

    @property
    def contradicted(self) -> bool:
        """Whether the plane says "verified" and this desk, looking for itself afterwards, saw the opposite."""
        if self.state != VERIFIED:
            return False
        return contradicts(self.want, self.observed_at, self.from_here.state, self.from_here.at)

    @property
    def loud(self) -> str:
        """Why this command must not be overlooked: "unknown", "contradicted", or "" when nothing is wrong."""
        return "unknown" if self.state == UNKNOWN else "contradicted" if self.contradicted else ""


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
        from_here=look_for_command(reader, command_id),
        detail=_detail(reader, command_id),
    )


def _detail(reader: Rows, command_id: str) -> Mapping[str, str]:
    """The newest observation's words; anything but an object of texts is none."""
    text = reader.value(
        "SELECT s.detail FROM switch_state s JOIN timeline t ON t.n = s.n WHERE s.command_id = ? AND "
        "s.kind = 'observed' AND t.status <> 'rejected' ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC LIMIT 1",
        (command_id,),
        "",
    )
    found = json.loads(text) if text.startswith("{") else {}
    return {str(name): str(word) for name, word in found.items()}


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

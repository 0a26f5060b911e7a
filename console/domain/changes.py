"""What a write changed, so that a screen knows whether it is stale without asking the database.

An action returns one `Changes`; the kinds are the closed list below, and a reader that does not know a kind reloads.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = frozenset(
    {
        "incident", "timeline", "severity", "role", "triage", "switch", "evidence", "seal", "criterion", "organisation",
        "command", "observation", "sync", "alarm", "draft", "blob",
    }
)  # fmt: skip
"""The parts of a record that a screen can show."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Incidents and kinds touched by one transaction, and the ids of the events it appended, in order."""

    incidents: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    events: tuple[str, ...] = ()

    def touches(self, kind: str, incident: str = "") -> bool:
        """Whether a screen of that kind (and of that incident, when given) is stale now."""
        return kind in self.kinds and (not incident or incident in self.incidents)

    def merged(self, other: Changes) -> Changes:
        """Both together, events in order."""
        return Changes(self.incidents | other.incidents, self.kinds | other.kinds, self.events + other.events)

    def __bool__(self) -> bool:
        return bool(self.kinds)

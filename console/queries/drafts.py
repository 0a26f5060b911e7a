"""Unfinished text of this desk."""

from __future__ import annotations

from dataclasses import dataclass

from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft as it was last saved (RFC 3339)."""

    key: str
    incident: str
    kind: str
    text: str
    saved_at: str


def drafts(reader: Rows, incident: str) -> tuple[Draft, ...]:
    """The drafts of one incident, the newest first."""
    found = reader.tuples(
        "SELECT key, incident, kind, text, saved_at FROM draft WHERE incident = ? ORDER BY saved_at DESC, key",
        (incident,),
    )
    return tuple(Draft(*row) for row in found)

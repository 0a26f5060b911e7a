"""One line of the board as it is shown: every word in its display form, made once when its page arrives.

Titles, targets and names come from outside; nothing here is markup, and tooltips are escaped because Qt would render
what looks like HTML.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime

from console.queries.board import BoardRow
from console.ui.ages import duration, moment_of
from console.ui.text import display

ID = "Id"
COLUMNS = ("Severity", "State", "Title", "Target", "Commander", "Age", ID)
ID_SHOWN = 13
"""The 48 bits of milliseconds at the front of a UUIDv7: unlike those at the back they also say when."""

STATES = {
    "open": ("open", "hollow_square", "warning"),
    "contained": ("contained", "square", "normal"),
    "mitigated": ("mitigated", "half", "normal"),
    "service_recovered": ("service recovered", "half", "normal"),
    "behaviour_recovered": ("behaviour recovered", "ring", "normal"),
    "resolved": ("resolved", "ring", "normal"),
    "closed": ("closed", "dash", "normal"),
}
"""State -> (word, shape, colour token)."""
UNANSWERED = ("unanswered", "triangle", "abnormal")
IN_CONFLICT = ("in conflict", "diamond", "warning")


@dataclass(frozen=True, slots=True)
class Line:
    """One incident; `texts` are the columns (the age is worked out when it is painted), `state` a row of STATES."""

    incident: str
    target: str
    level: str
    state: tuple[str, str, str]
    texts: tuple[str, ...]
    detected: datetime | None
    closed: bool

    def age(self, now: datetime) -> str:
        """How long ago it was detected."""
        return duration((now - self.detected).total_seconds()) if self.detected is not None else "unknown"

    @property
    def spoken(self) -> str:
        """The whole line for a screen reader."""
        level, state, title, target, commander, *_ = self.texts
        return f"{level}, {state}: {title}, on {target}, commander {commander}"

    def tooltip(self, column: int) -> str:
        """What a column may have cut off, as HTML that shows it as plain text."""
        text = self.incident if column == len(COLUMNS) - 1 else self.texts[column]
        return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>" if text else ""


def line_of(row: BoardRow) -> Line:
    """How a row of the record is shown."""
    closed = row.state == "closed"
    unanswered = not row.acknowledged and not closed
    state = UNANSWERED if unanswered else STATES.get(row.state, (display(row.state, 40), "cross", "unknown"))
    if row.in_conflict and not closed:
        state = (f"{UNANSWERED[0]}, in conflict", *UNANSWERED[1:]) if unanswered else _in_conflict(state[0])
    texts = (
        display(row.severity, 20) or "ungraded",
        state[0],
        display(row.title) or "without a title",
        display(row.target, 80) or "unmapped",
        display(row.commander, 80) or "nobody",
        "",
        display(row.incident, ID_SHOWN).removesuffix("\u2026"),
    )
    return Line(row.incident, row.target, row.severity, state, texts, moment_of(row.detected_at), closed)


def _in_conflict(word: str) -> tuple[str, str, str]:
    """The state of an incident in which somebody has to decide, that first: where there is little room, it stays."""
    return (f"{IN_CONFLICT[0]}, {word}", *IN_CONFLICT[1:])

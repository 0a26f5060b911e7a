"""What two people do at once: both sides are kept, and whoever commands says which one holds.

`settle` is a function of the entries and their order alone, so every desk comes to the same conflicts, whatever came
first. What one person changes after their own change is no conflict, nor is it when both said the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from console.domain.errors import InputError, RefusedError
from console.domain.gates import COMMANDER
from console.domain.severity import LEVELS

SEVERITY, CONCLUSION = "severity", "conclusion"


def role_subject(role: str) -> str:
    """The subject of a conflict over who holds `role`."""
    return f"role:{role}"


def triage_subject(branch: str) -> str:
    """The subject of a conflict over the answer to a branch of triage."""
    return f"triage:{branch}"


def note_subject(event_id: str) -> str:
    """The subject of a conflict over the text of a note, named by the event that added it."""
    return f"note:{event_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing said about a subject: `value` is what two must agree on, `author` person and device.

    `saw` are the events that it replaces; `position` is the server's, `seen` the last one its author's desk had,
    or -1 where only `saw` counts: what a person had before their eyes, and not what their desk held.
    """

    event_id: str
    value: str
    saw: tuple[str, ...]
    author: tuple[str, str]
    position: int = 0
    seen: int = -1


@dataclass(frozen=True, slots=True)
class Resolved:
    """A decision: `kept` holds and the sides in `over` do not; `author_role` is the role it was signed in."""

    event_id: str
    kept: str
    over: tuple[str, ...]
    author_role: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a subject came to: the event that `holds`, and every side (oldest first); more than one is a conflict."""

    holds: str
    sides: tuple[str, ...]
    settled: bool = False
    """Whether a decision had a part in it."""

    @property
    def in_conflict(self) -> bool:
        """Whether somebody has to decide."""
        return len(self.sides) > 1


@dataclass(slots=True)
class _Side:
    said: Said
    ids: set[str] = field(default_factory=set)


def settle(subject: str, entries: Iterable[Said | Resolved]) -> Standing | None:
    """What holds of `subject` after all entries, which come in the server's order; None when nothing was said.

    Meanwhile the highest severity holds, and of anything else the newest.
    """
    sides: list[_Side] = []
    decided = False
    for entry in entries:
        if isinstance(entry, Resolved):
            decided = _decide(sides, entry) or decided
        else:
            _say(sides, entry, many=subject.startswith("note:"))
    if not sides:
        return None
    holds = sides[-1]
    if subject == SEVERITY:
        holds = min(reversed(sides), key=lambda side: _rank(side.said.value))
    return Standing(holds.said.event_id, tuple(side.said.event_id for side in sides), decided)


def _decide(sides: list[_Side], entry: Resolved) -> bool:
    kept = next((side for side in sides if entry.kept in side.ids), None)
    if kept is None or entry.author_role != COMMANDER:
        return False
    over = set(entry.over)
    sides[:] = [side for side in sides if side is kept or not side.ids & over]
    kept.ids.add(entry.event_id)
    return True


def _say(sides: list[_Side], said: Said, *, many: bool) -> None:
    """Puts one more thing beside what stands, or in the place of what it replaces."""
    ids = {said.event_id}
    replaced = _replaced(sides, said, many=many)
    for side in replaced:
        sides.remove(side)
    same = next((side for side in sides if side.said.value == said.value), None)
    if same is not None:
        same.ids |= ids
        return
    sides.append(_Side(said, ids))


def _replaced(sides: Sequence[_Side], said: Said, *, many: bool) -> list[_Side]:
    saw = set(said.saw)
    named = [side for side in sides if side.ids & saw]
    if many:
        return named
    own = [side for side in sides if side.said.author == said.author]
    had = [side for side in sides if _was_there(side.said, said)]
    return (named or own or had)[:1]


def _was_there(one: Said, later: Said) -> bool:
    """Whether the desk that wrote `later` held `one`, where that is enough to have seen it."""
    same_desk = one.author[1] == later.author[1]
    return later.seen >= 0 and (same_desk or 0 < one.position <= later.seen)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def check_resolution(standing: Standing | None, kept: str, over: Sequence[str], reason: str, role: str) -> None:
    """Refuses a decision that is not the commander's, gives no reason, or does not name every side.

    Raises InputError when there is no conflict, RefusedError otherwise.
    """
    if standing is None or not standing.in_conflict:
        raise InputError("There is no conflict here any more; nothing was changed.")
    if role != COMMANDER:
        raise RefusedError("A conflict is resolved by the incident commander; take the role or ask whoever holds it.")
    if kept not in standing.sides:
        raise RefusedError("What is to be kept is no side of this conflict; look at it again.")
    if set(over) != set(standing.sides) - {kept}:
        raise RefusedError("Another side was added or is not named; look at all sides and decide again.")
    if not reason.strip():
        raise RefusedError("Write why this side is kept.")

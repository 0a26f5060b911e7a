"""Joins two texts that were made from the same one, line by line; where both changed a place, both are kept and marked.

Two changes in one line, or in lines that touch, are never put together: a person decides (guides/sync.md, *Record*).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

OURS, BETWEEN, THEIRS = "<<<<<<< first", "=======", ">>>>>>> second"
MOST_LINES = 1_000
"""A text of more lines is compared as one place: the time grows with the square of the lines."""


@dataclass(frozen=True, slots=True)
class Place:
    """Lines that belong together, as the base has them and as either side does; all equal where nobody changed them."""

    base: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether both changed it, and differently."""
        return self.ours not in (self.base, self.theirs) and self.theirs != self.base


def merge(base: str, ours: str, theirs: str) -> str:
    """`base` with the changes of both; a place that both changed differently stands there twice, between marks."""
    return "\n".join(line for place in places(base, ours, theirs) for line in _joined(place))


def places(base: str, ours: str, theirs: str) -> Iterator[Place]:
    """The three texts from beginning to end, place by place."""
    one, two, three = base.split("\n"), ours.split("\n"), theirs.split("\n")
    at, mine, other = 0, 0, 0
    for start, our_start, their_start, length in _shared(one, two, three):
        place = Place(tuple(one[at:start]), tuple(two[mine:our_start]), tuple(three[other:their_start]))
        if place != Place((), (), ()):
            yield place
        run = tuple(one[start : start + length])
        if run:
            yield Place(run, run, run)
        at, mine, other = start + length, our_start + length, their_start + length


def decide(text: str, line: int, keep: str) -> tuple[str, int]:
    """Decides the marked place at or after `line` (counted from 0), the first one where there is none after it.

    `keep` is OURS, THEIRS, or BETWEEN for both, ours first. Returns the text and the line of the decided place, or
    the text as it was and -1 when no place is marked.
    """
    lines = text.split("\n")
    marked = list(_marked(lines))
    place = next((one for one in marked if one[2] >= line), marked[0] if marked else None)
    if place is None:
        return text, -1
    begin, middle, end = place
    ours, theirs = lines[begin + 1 : middle], lines[middle + 1 : end]
    kept = {OURS: ours, THEIRS: theirs, BETWEEN: [*ours, *theirs]}[keep]
    return "\n".join([*lines[:begin], *kept, *lines[end + 1 :]]), begin


def open_places(text: str) -> int:
    """How many places are still marked as changed by both."""
    return sum(1 for _ in _marked(text.split("\n")))


def common_base(saw: Mapping[str, Sequence[str]], one: str, other: str) -> str:
    """The newest revision that both come from, "" when there is none; `saw` is oldest first, a revision after its own.

    What names itself, or is named in a circle, is followed once.
    """
    shared = _ancestors(saw, one) & _ancestors(saw, other)
    return next((event_id for event_id in reversed(list(saw)) if event_id in shared), "")


def _ancestors(saw: Mapping[str, Sequence[str]], event_id: str) -> set[str]:
    found, waiting = set[str](), [event_id]
    while waiting:
        here = waiting.pop()
        if here in saw and here not in found:
            found.add(here)
            waiting.extend(saw[here])
    return found


def _marked(lines: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Every whole marked place as the lines of its three marks."""
    begin = middle = -1
    for number, line in enumerate(lines):
        if line == OURS:
            begin, middle = number, -1
        elif line == BETWEEN and begin >= 0 > middle:
            middle = number
        elif line == THEIRS and middle >= 0:
            yield begin, middle, number
            begin = middle = -1


def has_marks(text: str) -> bool:
    """Whether a place is still marked as changed by both."""
    return any(line in (OURS, THEIRS) for line in text.split("\n"))


def _joined(place: Place) -> Sequence[str]:
    if place.is_open:
        return [OURS, *place.ours, BETWEEN, *place.theirs, THEIRS]
    return place.ours if place.theirs == place.base else place.theirs


def _shared(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines that all three have, as (place in base, in ours, in theirs, length); an empty one at the end."""
    if max(len(base), len(ours), len(theirs)) > MOST_LINES:
        yield len(base), len(ours), len(theirs), 0
        return
    mine = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    other = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    i = j = 0
    while i < len(mine) and j < len(other):
        a, b = mine[i], other[j]
        start, end = max(a.a, b.a), min(a.a + a.size, b.a + b.size)
        if start < end:
            yield start, a.b + start - a.a, b.b + start - b.a, end - start
        if a.a + a.size <= b.a + b.size:
            i += 1
        else:
            j += 1
    yield len(base), len(ours), len(theirs), 0

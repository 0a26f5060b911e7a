"""Joins two texts that were made from the same one, line by line; where both changed a place, both are kept and marked.

Two changes in one line, or in lines that touch, are never put together: a person decides (guides/sync.md, *Record*).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

OURS, BETWEEN, THEIRS = "<<<<<<< this", "=======", ">>>>>>> that"


def merge(base: str, ours: str, theirs: str) -> str:
    """`base` with the changes of both; a place that both changed differently stands there twice, between marks."""
    return "\n".join(_merged(base.split("\n"), ours.split("\n"), theirs.split("\n")))


def has_marks(text: str) -> bool:
    """Whether a place is still marked as changed by both."""
    return any(line in (OURS, THEIRS) for line in text.split("\n"))


def _merged(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    at, mine, other = 0, 0, 0
    for start, our_start, their_start, length in _shared(base, ours, theirs):
        yield from _place(base[at:start], ours[mine:our_start], theirs[other:their_start])
        yield from base[start : start + length]
        at, mine, other = start + length, our_start + length, their_start + length


def _place(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    return [OURS, *ours, BETWEEN, *theirs, THEIRS]


def _shared(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines that all three have, as (place in base, in ours, in theirs, length); an empty one at the end."""
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

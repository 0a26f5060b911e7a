"""The range's indexes: what a question finds in them, and what ingestion writes into them.

Every index holds 500 documents; each tenth came in last and is its segment. Written ones are kept beside, bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from console.simulator.world import World

HELD, EACH_OF_SEGMENT = 500, 10
FOUND = 2
MAX_WRITTEN = 1000


class Documents:
    """Searched for every answer; written by ingestion alone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._written: dict[str, OrderedDict[str, str]] = {}

    def write(self, index: str, document: str, text: str) -> int:
        """Stores a document, the oldest written one goes first; how many are written there now."""
        kept = self._written.setdefault(index, OrderedDict())
        kept[document] = text
        kept.move_to_end(document)
        while len(kept) > MAX_WRITTEN:
            kept.popitem(last=False)
        return len(kept)

    def written(self, index: str) -> int:
        """How many documents were written to that index."""
        return len(self._written.get(index, ()))

    def find(self, index: str, digest: str, hidden: Collection[str]) -> tuple[int, ...]:
        """Numbers of the documents that answer a prompt with this SHA-256 (hex), none of them in a hidden segment."""
        quarantined = any(segment in hidden for segment in self._world.segments_of(index))
        found = []
        for rank in range(1, FOUND + 1):
            number = int(digest[rank * 2 : rank * 2 + 4], 16) % HELD
            # the next neighbour answers in place of one that is filtered out
            found.append(number + 1 if quarantined and number % EACH_OF_SEGMENT == 0 else number)
        return tuple(found)

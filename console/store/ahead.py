"""Events shown to a desk before its copy of the journal reaches them, so that what is open now can be read at once.

They are judged as those of the journal are and wait for their position like own events that were not answered yet.
What does not fit is left out without a trace: the journal brings it again, and then it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from console.proof.envelope import SignedEvent
from console.store import projections, quarantine, rows
from console.store.receiving import Judged, Receiving
from console.store.transaction import Transaction


class AheadEntry(Protocol):
    """An event of the journal and what the plane made of it."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def event(self) -> SignedEvent | None: ...  # noqa: D102


def store_ahead(tx: Transaction, entries: Sequence[AheadEntry]) -> Judged:
    """Stores events, which must come in the order of their chains, without a position; the same again changes nothing.

    The cursor stays where it is.
    """
    state = rows.one(tx.conn, "sync_state", "id = 1") or {}
    exercise = None if state["exercise"] < 0 else bool(state["exercise"])
    shown = [(entry.event, entry.status) for entry in entries if entry.event is not None]
    rejected = {place for place, (_, status) in enumerate(shown) if status != projections.ACCEPTED}
    receiving = Receiving(tx.conn, from_plane=True, exercise=exercise, at=tx.at, keeping=False)
    judged = receiving.take([event for event, _ in shown], rejected)
    quarantine.take_up(tx, judged)
    incidents = sorted(judged.incidents)
    projections.refresh_incidents(tx.conn, incidents)
    tx.touch({"sync", "timeline", "incident", *judged.kinds}, incidents)
    return judged

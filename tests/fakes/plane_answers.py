"""What a fake plane says about its rows: the signed checkpoint of their tree, and where a device's chains end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from console.proof.checkpoint import sign_checkpoint
from console.proof.envelope import SignedEvent
from console.proof.growth import Frontier
from console.proof.journal import journal_leaf
from tests.fakes.people import PLANE


class Placed(Protocol):
    """A row of a fake journal."""

    @property
    def status(self) -> str: ...
    @property
    def event(self) -> SignedEvent: ...


def checkpoint_of(rows: Sequence[Placed], origin: str) -> str:
    """The signed note of the tree over all rows."""
    tree = Frontier()
    for row in rows:
        tree = tree.after(journal_leaf(row.event.hash, row.status == "accepted"))
    return sign_checkpoint(origin, tree.size, tree.root(), PLANE, origin)


def heads_of(rows: Sequence[Placed], device: str) -> dict[str, Any]:
    """The answer to `GET /v1/heads` of that device; the first event to take a place in a chain keeps it."""
    ends: dict[Any, dict[str, Any]] = {}
    for row in rows:
        e = row.event.envelope
        if e.device == device and e.seq == ends.get(e.chain, {"seq": 0})["seq"] + 1:
            ends[e.chain] = {"incident": e.incident, "incarnation": e.incarnation, "seq": e.seq, "hash": row.event.hash}
    return {"heads": list(ends.values()), "more": False}

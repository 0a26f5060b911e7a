"""What both ends of the sync engine speak of: cursor, plane, entries, receipts, failures. Frozen values, no I/O.

Import them from `console.sync.values`, which gathers everything that goes into the engine and comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.proof.envelope import SignedEvent
from console.proof.growth import Frontier
from console.proof.journal import EMPTY_JOURNAL_HASH

NO_LEAVES = Frontier()
"""The tree of a journal that holds nothing."""

LaneName = Literal["session", "push", "pull", "seek", "ahead", "alarm"]
FailureKind = Literal["offline", "lost", "problem", "garbage"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far our copy of the journal reaches: the hash there, the largest size the plane ever claimed, and our tree.

    `frontier` is that of the plane's tree over the first `gpos` entries, grown here leaf by leaf.
    """

    epoch: str = ""
    gpos: int = 0
    hash: str = EMPTY_JOURNAL_HASH
    size_seen: int = 0
    frontier: Frontier = NO_LEAVES


START = Cursor()
"""Before the first entry of a journal not yet met."""


@dataclass(frozen=True, slots=True)
class PlaneIdentity:
    """Who the plane says it is; remembered at the first contact and compared at every later one."""

    origin: str
    exercise: bool
    root_public_key: str
    plane_device: str
    plane_public_key: str


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One event of ours that the plane has not answered for."""

    event_id: str
    event: SignedEvent


@dataclass(frozen=True, slots=True)
class Receipt:
    """The plane's signed answer for one event; `problem_*` say why when it is rejected."""

    event_id: str
    hash: str
    status: str
    gpos: int
    server_sig: str
    problem_kind: str = ""
    problem_detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One position of the journal; a rejected event has its position too.

    `event` is None where the plane withholds it from this desk; then `withheld_hash` is the event's hash.
    """

    gpos: int
    journal_hash: str
    status: str
    event: SignedEvent | None
    withheld_hash: str = ""

    @property
    def hash(self) -> str:
        """The hash of the event, whether or not it may be read here."""
        return self.withheld_hash if self.event is None else self.event.hash


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last event of one chain of this device, as the plane holds it."""

    incident: str
    incarnation: int
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought no answer.

    `kind`: "offline" - nothing left the desk; "lost" - it may have arrived, the answer did not; "problem" - the plane
    said no (`status`, `problem_kind`); "garbage" - the answer could not be read. `retry_after_s` is 0 when not given.
    """

    kind: FailureKind
    sentence: str
    status: int = 0
    problem_kind: str = ""
    retry_after_s: float = 0.0

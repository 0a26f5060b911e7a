"""What comes out of the sync engine: requests to plane and record, writes of one transaction each, timers.

Each carries the serial under which its result comes back. Import them from `console.sync.values`.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.sync.facts import ChainEnd, Cursor, Entry, OutboxItem, PlaneIdentity, Receipt

# -- outputs: requests ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadOutbox:
    """Read the oldest events, at most so many and so many bytes (always at least one)."""

    serial: int
    max_events: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """`GET /v1/config`."""

    serial: int


@dataclass(frozen=True, slots=True)
class FetchToken:
    """`POST /v1/token` for that origin."""

    serial: int
    origin: str


@dataclass(frozen=True, slots=True)
class PushBatch:
    """`POST /v1/events` with these, in this order."""

    serial: int
    items: tuple[OutboxItem, ...]


@dataclass(frozen=True, slots=True)
class FetchJournal:
    """`GET /v1/journal` after the cursor; `wait_s` 0 asks for an immediate answer."""

    serial: int
    epoch: str
    after: int
    hash: str
    limit: int
    wait_s: int


@dataclass(frozen=True, slots=True)
class FetchHeads:
    """`GET /v1/heads` after (incident, incarnation); answered by `HeadsAnswered`."""

    serial: int
    after_incident: str
    after_incarnation: int


@dataclass(frozen=True, slots=True)
class CompareHeads:
    """Look the ends up in the record; answered by `HeadsCompared`."""

    serial: int
    heads: tuple[ChainEnd, ...]


@dataclass(frozen=True, slots=True)
class ReadWithheld:
    """Find the next withheld positions after `after`, at most `limit` in a row; answered by `WithheldRead`."""

    serial: int
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class FetchShown:
    """`GET /v1/journal` once more over positions that were withheld; answered at once, by `JournalAnswered`."""

    serial: int
    epoch: str
    after: int
    hash: str
    limit: int


@dataclass(frozen=True, slots=True)
class FetchAhead:
    """`GET /v1/journal/ahead`: what a desk far behind needs to show what is open; answered by `AheadAnswered`."""

    serial: int


LocalRequest = ReadOutbox | CompareHeads | ReadWithheld
"""What the record answers."""
PlaneRequest = FetchConfig | FetchToken | PushBatch | FetchJournal | FetchHeads | FetchShown | FetchAhead
"""What the plane answers; each may end in `Failed`."""
Request = LocalRequest | PlaneRequest


# -- outputs: writes, each one transaction --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RememberPlane:
    """Keep who the plane is and the epoch of its journal, at the first contact."""

    serial: int
    plane: PlaneIdentity
    epoch: str


@dataclass(frozen=True, slots=True)
class StoreReceipts:
    """Keep the receipts, mark rejected events, and take both kinds out of the outbox."""

    serial: int
    epoch: str
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Take an event that the plane cannot even read out of the outbox and show it as refused, with the reason."""

    serial: int
    event_id: str
    problem_kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class StoreEntries:
    """Keep the entries and move the cursor, in one transaction; refused unless the cursor still is `before`.

    `checkpoint` is the plane's note at `after.gpos`, verified against our own tree; "" when `after` is not the end.
    """

    serial: int
    before: Cursor
    entries: tuple[Entry, ...]
    after: Cursor
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class StoreShown:
    """Keep events that were withheld before, each at the position where its hash stands already."""

    serial: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class StoreAhead:
    """Keep events that the journal will bring later, without a position; the cursor does not move."""

    serial: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class StartPull:
    """Follow the journal of `epoch` from position 0; keep everything and put every event held into the outbox."""

    serial: int
    epoch: str


@dataclass(frozen=True, slots=True)
class BeginIncarnation:
    """In one transaction: the alarm "fork", the incarnation `incarnation`, and its first event, `chain.restarted`."""

    serial: int
    incarnation: int
    sentence: str


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Keep a sign that the plane is not what it was; nothing held here is dropped."""

    serial: int
    kind: str
    sentence: str


Write = (
    RememberPlane | StoreReceipts | SetAside | StoreEntries | StoreShown | StoreAhead | RaiseAlarm | StartPull
    | BeginIncarnation
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timer:
    """Feed `TimerFired(serial)` after `delay_s`."""

    serial: int
    delay_s: float

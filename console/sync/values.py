"""What goes into the sync engine and what comes out: inputs, writes, requests and timers, all frozen.

Every request, write and timer carries a `serial`; its result carries the same one, so a late or repeated result is
recognised and dropped. Moments are integer microseconds since 1970 on the desk's clock, delays are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.proof.envelope import SignedEvent
from console.proof.journal import EMPTY_JOURNAL_HASH
from console.protocol.limits import DEFAULT_LIMITS, Limits

LaneName = Literal["session", "push", "pull", "alarm"]
FailureKind = Literal["offline", "lost", "problem", "garbage"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far our copy of the journal reaches: the hash there, and the largest size the plane ever claimed."""

    epoch: str = ""
    gpos: int = 0
    hash: str = EMPTY_JOURNAL_HASH
    size_seen: int = 0


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
    """One position of the journal; a rejected event has its position too."""

    gpos: int
    journal_hash: str
    status: str
    event: SignedEvent


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


# -- inputs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboxChanged:
    """Something was appended (or the desk starts): `waiting` events are in the outbox."""

    waiting: int


@dataclass(frozen=True, slots=True)
class OutboxRead:
    """The oldest events of the outbox in chain order, answering `ReadOutbox`; `waiting` counts all of them."""

    serial: int
    items: tuple[OutboxItem, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class ConfigAnswered:
    """`GET /v1/config` answered."""

    serial: int
    plane: PlaneIdentity
    epoch: str
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class TokenAnswered:
    """`POST /v1/token` gave a token; the transport keeps it, the engine never sees it."""

    serial: int


@dataclass(frozen=True, slots=True)
class PushAnswered:
    """`POST /v1/events` answered after its commit."""

    serial: int
    epoch: str
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class JournalAnswered:
    """`GET /v1/journal` answered: entries after the asked position, and the journal's size and hash there."""

    serial: int
    epoch: str
    entries: tuple[Entry, ...]
    size: int
    journal_hash: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The request of that serial brought no answer."""

    serial: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Written:
    """The write of that serial is committed."""

    serial: int


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """The write of that serial changed nothing."""

    serial: int
    sentence: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The timer of that serial ran out."""

    serial: int


@dataclass(frozen=True, slots=True)
class NetworkUp:
    """The network is said to be back: every wait ends now."""


@dataclass(frozen=True, slots=True)
class SyncNow:
    """A person asked: every wait ends now, and a stop (not an alarm) is tried again."""


Input = (
    OutboxChanged | OutboxRead | ConfigAnswered | TokenAnswered | PushAnswered | JournalAnswered
    | Failed | Written | WriteFailed | TimerFired | NetworkUp | SyncNow
)  # fmt: skip


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


Request = ReadOutbox | FetchConfig | FetchToken | PushBatch | FetchJournal


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
    """Keep the entries and move the cursor, in one transaction; refused unless the cursor still is `before`."""

    serial: int
    before: Cursor
    entries: tuple[Entry, ...]
    after: Cursor


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Keep a sign that the plane is not what it was; nothing held here is dropped."""

    serial: int
    kind: str
    sentence: str


Write = RememberPlane | StoreReceipts | SetAside | StoreEntries | RaiseAlarm


@dataclass(frozen=True, slots=True)
class Timer:
    """Feed `TimerFired(serial)` after `delay_s`."""

    serial: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """What one input led to; requests may run side by side, writes run in order."""

    state: SyncState
    writes: tuple[Write, ...] = ()
    requests: tuple[Request, ...] = ()
    timers: tuple[Timer, ...] = ()


# -- state ----------------------------------------------------------------------------------------------------------

IDLE, READING, ASKING, WRITING, WAITING = "idle", "reading", "asking", "writing", "waiting"


@dataclass(frozen=True, slots=True)
class Lane:
    """One thing at a time on each lane; `serial` names what it is waiting for.

    `failures` in a row set the wait; `answered` counts only tries that the plane answered - a network error is not an
    XX
    """

    phase: str = IDLE
    serial: int = 0
    failures: int = 0
    answered: int = 0
    token_no: int = 0
    asked_us: int = 0
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Halt:
    """Why nothing is sent or fetched: `kind` "stopped" (Sync now tries again) or "alarm" (kept until recovered)."""

    kind: Literal["stopped", "alarm"]
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class SyncState:
    """Everything the engine knows; build the first one with `step.initial`.

    `world` is the exercise flag this desk belongs to, None before it ever met a plane.
    """

    cursor: Cursor = Cursor()
    plane: PlaneIdentity | None = None
    world: bool | None = None
    configured: bool = False
    token_no: int = 0
    token_held: bool = False
    token_proven: bool = False
    token_refusals: int = 0
    limits: Limits = DEFAULT_LIMITS
    batch_limit: int = DEFAULT_LIMITS.events_per_push
    dirty: bool = True
    waiting: int = 0
    in_flight: tuple[OutboxItem, ...] = ()
    pending_cursor: Cursor | None = None
    pending_plane: ConfigAnswered | None = None
    settled: int = 0
    session: Lane = Lane()
    push: Lane = Lane()
    pull: Lane = Lane()
    alarm: Lane = Lane()
    serials: int = 0
    halt: Halt | None = None
    online_since_us: int = 0
    offline_since_us: int = 0
    last_synced_us: int = 0
    trouble: str = ""

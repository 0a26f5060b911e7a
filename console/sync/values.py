"""What goes into the sync engine and what comes out: inputs, writes, requests and timers, all frozen.

Every request, write and timer carries a `serial`; its result carries the same one, so a late or repeated result is
recognised and dropped. Moments are integer microseconds since 1970 on the desk's clock, delays are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.protocol.limits import DEFAULT_LIMITS, Limits
from console.sync.errands import (
    BeginIncarnation,
    CompareHeads,
    FetchAhead,
    FetchConfig,
    FetchHeads,
    FetchJournal,
    FetchShown,
    FetchToken,
    LocalRequest,
    PlaneRequest,
    PushBatch,
    RaiseAlarm,
    ReadOutbox,
    ReadWithheld,
    RememberPlane,
    Request,
    SetAside,
    StartPull,
    StoreAhead,
    StoreEntries,
    StoreReceipts,
    StoreShown,
    Timer,
    Write,
)
from console.sync.facts import (
    START,
    ChainEnd,
    Cursor,
    Entry,
    Failure,
    FailureKind,
    LaneName,
    OutboxItem,
    PlaneIdentity,
    Receipt,
)

__all__ = [
    "ASKING",
    "IDLE",
    "READING",
    "WAITING",
    "WRITING",
    "AheadAnswered",
    "AlarmsSettled",
    "BeginIncarnation",
    "ChainEnd",
    "CompareHeads",
    "ConfigAnswered",
    "Cursor",
    "Entry",
    "Failed",
    "Failure",
    "FailureKind",
    "FetchAhead",
    "FetchConfig",
    "FetchHeads",
    "FetchJournal",
    "FetchShown",
    "FetchToken",
    "Halt",
    "HeadsAnswered",
    "HeadsCompared",
    "Input",
    "JournalAnswered",
    "Lane",
    "LaneName",
    "LocalRequest",
    "NetworkUp",
    "OutboxChanged",
    "OutboxItem",
    "OutboxRead",
    "PlaneIdentity",
    "PlaneRequest",
    "PushAnswered",
    "PushBatch",
    "RaiseAlarm",
    "ReadOutbox",
    "ReadWithheld",
    "Receipt",
    "RememberPlane",
    "Request",
    "SetAside",
    "StartPull",
    "Step",
    "StoreAhead",
    "StoreEntries",
    "StoreReceipts",
    "StoreShown",
    "SyncNow",
    "SyncState",
    "Timer",
    "TimerFired",
    "TokenAnswered",
    "WithheldRead",
    "Write",
    "WriteFailed",
    "Written",
]

# -- inputs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboxChanged:
    """Something was appended (or the desk starts): `waiting` events are in the outbox."""

    waiting: int


@dataclass(frozen=True, slots=True)
class OutboxRead:
    """The oldest events of the outbox in chain order, answering `ReadOutbox`; `waiting` counts all of them.

    `incarnation` is that of our newest chains: the record begins new ones by itself where one cannot go on.
    """

    serial: int
    items: tuple[OutboxItem, ...]
    waiting: int
    incarnation: int = 1


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
    """`GET /v1/journal` answered: entries after the asked position, and the journal's size and hash there.

    `checkpoint` is the plane's signed note of its tree at `size`, under the name = origin; it is demanded: an answer
    without one is not kept.
    """

    serial: int
    epoch: str
    entries: tuple[Entry, ...]
    size: int
    journal_hash: str
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class AheadAnswered:
    """`GET /v1/journal/ahead` answered, in the order of chains; its positions and hashes prove nothing."""

    serial: int
    epoch: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class HeadsAnswered:
    """`GET /v1/heads` answered: where this device's chains end at the plane; `more` says that another page follows."""

    serial: int
    epoch: str
    heads: tuple[ChainEnd, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class HeadsCompared:
    """Answers `CompareHeads`: those of its heads whose event this record does not hold at that place."""

    serial: int
    strange: tuple[ChainEnd, ...]


@dataclass(frozen=True, slots=True)
class WithheldRead:
    """Answers `ReadWithheld`: `count` positions in a row from `gpos` on are withheld still; 0 when there are none.

    `hash` is that of our copy of the journal before `gpos`.
    """

    serial: int
    gpos: int = 0
    hash: str = ""
    count: int = 0


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
    """The write of that serial changed nothing; `doubt` names the alarm when the journal itself is why, else "".

    A store answers `StoreEntries` and `StoreReceipts` with the doubt "receipt" when a receipt of the present pull and
    the journal name different events at one position.
    """

    serial: int
    sentence: str
    doubt: str = ""


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


@dataclass(frozen=True, slots=True)
class AlarmsSettled:
    """A person has settled every alarm that kept this desk from its plane: it is asked again."""


Input = (
    OutboxChanged | OutboxRead | ConfigAnswered | TokenAnswered | PushAnswered | JournalAnswered | HeadsAnswered
    | HeadsCompared | WithheldRead | AheadAnswered | Failed | Written | WriteFailed | TimerFired | NetworkUp | SyncNow
    | AlarmsSettled
)  # fmt: skip


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

    `failures` in a row set the wait; `answered` counts only tries that the plane answered - a network error is none.
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
    """Why nothing is sent or fetched: `kind` "stopped" (Sync now tries again) or "alarm" (a person must settle it)."""

    kind: Literal["stopped", "alarm"]
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class SyncState:
    """Everything the engine knows; build the first one with `step.initial`.

    `world` is the exercise flag this desk belongs to, None before it ever met a plane. `device` "" (tests) leaves the
    comparison of chain ends out; `person` is whose it is, "" while that is not known. `stray` is the highest
    incarnation found to be forked, `restarts` how often chains were begun anew in this sitting. `seek_after` is from
    where withheld positions are asked for again (None: no need to).
    `doubt` is the sign of a rolled-back plane that is being recovered from, `rested` whether its wait is over.
    `doubts` counts all such signs of this sitting, `followed_us` is when the last page that fitted was asked for.
    """

    cursor: Cursor = START
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
    device: str = ""
    person: str = ""
    incarnation: int = 1
    heads_checked: bool = False
    heads_after: tuple[str, int] = ("", 0)
    heads_more: bool = False
    stray: int = 0
    restarts: int = 0
    seek_after: int | None = None
    seek_end: int = 0
    session: Lane = Lane()
    push: Lane = Lane()
    pull: Lane = Lane()
    seek: Lane = Lane()
    ahead: Lane = Lane()
    ahead_asked: bool = False
    alarm: Lane = Lane()
    serials: int = 0
    halt: Halt | None = None
    doubt: tuple[str, str] | None = None
    rested: bool = False
    recoveries: int = 0
    streak: int = 0
    doubted_us: int = 0
    doubts: int = 0
    followed_us: int = 0
    online_since_us: int = 0
    offline_since_us: int = 0
    last_synced_us: int = 0
    trouble: str = ""

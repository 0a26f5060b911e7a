"""What goes into the command engine and what comes out: one command row, its clocks, the plane's word on it.

Moments are integer microseconds since 1970: those of the desk's clock, unless the name says plane; 0 is "not yet".
"""

from __future__ import annotations

from dataclasses import dataclass

from console.sync.pace import ClockOffset
from console.sync.values import Failure


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """The order as signed, byte for byte; see `domain.commands.Order`."""

    canon: str
    sig: str
    person_sig: str


@dataclass(frozen=True, slots=True)
class Result:
    """One of the three results: "true", "false" or "unknown", and the id of the event that shows it ("" for none)."""

    result: str = "unknown"
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class PlaneWord:
    """What the plane says about one command; its moments are the plane's, `observed_state` "" when nothing was seen."""

    command_id: str
    state: str
    generation: int = 0
    acknowledged_plane_us: int = 0
    dispatched_plane_us: int = 0
    observed_plane_us: int = 0
    observed_state: str = ""
    observed_method: str = ""
    refuses_new: Result = Result()
    streams_cut: Result = Result()
    survives_restart: Result = Result()
    problem_kind: str = ""
    problem_detail: str = ""


# -- inputs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandAuthorised:
    """A person has just confirmed it here, and the row is committed; only this input can ever lead to a send."""

    command_id: str
    order: SignedOrder
    expires_us: int
    ends_plane_us: int = 0
    """The end that the order itself says, by the plane's clock; 0 where nobody knows how the clocks stand."""


@dataclass(frozen=True, slots=True)
class CommandFound:
    """A row that was not at an end when the desk started; it is looked up, never sent."""

    command_id: str
    state: str
    expires_us: int
    sent_us: int = 0
    acknowledged_us: int = 0
    doubted: bool = False
    """Whether the plane's journal has been in doubt since it was sent."""
    ends_plane_us: int = 0
    """As in `CommandAuthorised`."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Whether the plane answers at the moment; False also before the first answer. True ends waits for look-ups."""

    online: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The plane answered a send or a look-up; the moments are those of this exchange."""

    serial: int
    word: PlaneWord
    sent_us: int
    received_us: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A send or a look-up brought no answer, or a refusal."""

    serial: int
    failure: Failure
    sent_us: int
    received_us: int


@dataclass(frozen=True, slots=True)
class OffsetMeasured:
    """Any exchange with the plane showed how its clock stands to ours."""

    seen: ClockOffset


@dataclass(frozen=True, slots=True)
class JournalSeen:
    """What sync knows of the journal: `followed_us` is when the last page that continued our copy was asked for.

    `doubts` counts the signs, in this run of the desk, that the plane is not what it was.
    """

    followed_us: int
    doubts: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """The write of that serial is committed."""

    serial: int


@dataclass(frozen=True, slots=True)
class RecordFailed:
    """The write of that serial changed nothing; it is tried again."""

    serial: int


@dataclass(frozen=True, slots=True)
class WaitOver:
    """The timer of that serial ran out."""

    serial: int


CommandInput = (
    CommandAuthorised | CommandFound | Connected | Answered | Unanswered
    | OffsetMeasured | JournalSeen | Recorded | RecordFailed | WaitOver
)  # fmt: skip


# -- outputs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendCommand:
    """`POST /v1/commands`, once; never repeated by whoever carries it out."""

    serial: int
    command_id: str
    order: SignedOrder


@dataclass(frozen=True, slots=True)
class LookUp:
    """`GET /v1/commands/{id}`; with `wait_s` the plane may hold the answer until the command is verified."""

    serial: int
    command_id: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class RecordCommand:
    """Write what is known of the command: state, clocks, results, and one sentence when it went wrong.

    `observed_us` is `observed_plane_us` on the desk's clock by `offset_us` (plane minus desk, kept beside it).
    """

    serial: int
    command_id: str
    state: str
    sentence: str = ""
    sent_us: int = 0
    acknowledged_us: int = 0
    word: PlaneWord | None = None
    observed_us: int = 0
    offset_us: int = 0
    offset_known: bool = False


@dataclass(frozen=True, slots=True)
class CommandTimer:
    """Feed `WaitOver(serial)` after `delay_s`."""

    serial: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class CommandStep:
    """What one input led to."""

    state: CommandsState
    writes: tuple[RecordCommand, ...] = ()
    requests: tuple[SendCommand | LookUp, ...] = ()
    timers: tuple[CommandTimer, ...] = ()


# -- state ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tracked:
    """One command: `busy` names the request or timer it waits for (0: none), `unwritten` the write not yet committed.

    `expires_us` is its end by the desk's clock, `ends_plane_us` by the plane's (0: not known to differ); `missing_us`
    is when the plane first did not know it although it could not be taken any more (0: not so far), `doubted` whether
    the plane's journal has been in doubt since it was sent.
    """

    command_id: str
    state: str
    expires_us: int
    sent_us: int = 0
    acknowledged_us: int = 0
    word: PlaneWord | None = None
    sentence: str = ""
    busy: int = 0
    phase: str = ""
    unwritten: int = 0
    failures: int = 0
    ends_plane_us: int = 0
    missing_us: int = 0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class CommandsState:
    """All commands of this run by id, whether the plane answers, what sync knows of it, and the offset of its clock."""

    commands: tuple[Tracked, ...] = ()
    online: bool = False
    journal: JournalSeen = JournalSeen(0, 0)
    offset: ClockOffset | None = None
    serials: int = 0

    def find(self, command_id: str) -> Tracked | None:
        """The command of that id, or None."""
        return next((c for c in self.commands if c.command_id == command_id), None)

"""Every message of `/v1` as a strict model: unknown fields are refused, sizes are bounded, nothing is guessed.

Models are the edge: inside each side, values are the frozen dataclasses of `domain` and `proof`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from console.protocol.limits import DEFAULT_LIMITS

Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
Base64 = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Utc = Annotated[
    str, Field(max_length=27, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$")
]
InventoryId = Annotated[str, Field(max_length=100, pattern=r"^[a-z]+\.[a-z0-9][a-z0-9-]*$")]
Text = Annotated[str, Field(max_length=4000)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Message(BaseModel):
    """Base of every message: frozen, strict, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Answer(Message):
    """What every answer carries: the journal's epoch, the plane's time, and an id for its log."""

    epoch: Uuid
    server_time: Utc
    request_id: Uuid


class WireEvent(Message):
    """An event as signed; see `proof.envelope.SignedEvent`."""

    canon: Annotated[str, Field(max_length=DEFAULT_LIMITS.event_bytes)]
    sig: Base64
    person_sig: Base64 = ""


class BackEndHealth(Message):
    """Whether one back-end answers; `fault` is a sentence, "" when it does."""

    reachable: bool
    fault: str


class HealthAnswer(Answer):
    """Whether the plane and its back-ends (by name) are well, its journal's size, and how many follow its metrics."""

    status: Literal["ok", "degraded"]
    back_ends: dict[str, BackEndHealth]
    size: Count
    followers: Count


class TokenRequest(Message):
    """Proof of holding a certified device key: `sig` is over `proof.journal.token_subject` of the other fields."""

    device: Hex64
    time: Utc
    nonce: Hex64
    origin: Text
    sig: Base64


class TokenAnswer(Answer):
    """A short access token; send it as `Authorization: Bearer`."""

    token: Text
    expires: Utc


class ConfigAnswer(Answer):
    """Who this plane is and what it accepts; needs no token."""

    origin: Text
    exercise: bool
    root_public_key: Hex64
    plane_device: Hex64
    plane_public_key: Hex64
    policy_hash: Hex64
    limits: dict[str, int]


class PushRequest(Message):
    """At most `events_per_push` events, in chain order."""

    events: Annotated[list[WireEvent], Field(max_length=DEFAULT_LIMITS.events_per_push)]


class PushResult(Message):
    """The receipt of one event, the same for ever: `server_sig` is the plane's, over the canonical receipt."""

    event_id: str
    hash: Hex64
    status: Literal["accepted", "rejected"]
    gpos: Count
    server_sig: Base64
    problem: dict[str, Any] = {}


class PushAnswer(Answer):
    """One result an event, in the order sent; answered only after commit."""

    results: list[PushResult]


class JournalEntry(Message):
    """Position, hash of the journal up to here, and the event; rejected ones are entries too.

    `event` is None where the asker may not read it. Exactly then `event_hash` is its hash, so that the journal can be
    followed still; of an event that is there, whoever asks computes the hash.
    """

    gpos: Count
    journal_hash: Hex64
    status: Literal["accepted", "rejected"]
    event_hash: Hex64 | Literal[""] = ""
    event: WireEvent | None = None


class JournalAnswer(Answer):
    """Entries after the asked position, the journal's size, its hash at that size, and its signed checkpoint there."""

    entries: list[JournalEntry]
    size: Count
    journal_hash: Hex64
    checkpoint: Text


class JournalAheadAnswer(Answer):
    """Events of the journal out of turn, for a desk that is far behind: "system", then what is open, newest first.

    Within one incident they are in the order of the journal, from its beginning; what the asker may not read is left
    out. Positions come with the journal itself.
    """

    entries: Annotated[list[JournalEntry], Field(max_length=DEFAULT_LIMITS.journal_page)]


class CheckpointAnswer(Answer):
    """The newest signed checkpoint of the journal's tree (c2sp.org/tlog-checkpoint), and the size it is of."""

    size: Count
    checkpoint: Text


class ConsistencyAnswer(Answer):
    """The nodes that prove the tree of `second` entries to continue that of `first` (RFC 6962, 2.1.2)."""

    first: Count
    second: Count
    path: Annotated[list[Hex64], Field(max_length=128)]


class InclusionAnswer(Answer):
    """The nodes that prove entry `gpos` to be leaf `gpos - 1` of the tree of `size` entries (RFC 6962, 2.1.1)."""

    gpos: Count
    size: Count
    leaf: Hex64
    path: Annotated[list[Hex64], Field(max_length=64)]


class ChainEnd(Message):
    """The last event of one chain that the plane holds."""

    incident: Text
    incarnation: Count
    seq: Count
    hash: Hex64


class HeadsAnswer(Answer):
    """Where the asking device's chains end at the plane, in pages by (incident, incarnation); `more` says go on."""

    heads: list[ChainEnd]
    more: bool


class EnrolRequest(Message):
    """A one-time code and the keys to be certified by it; both signatures are over `proof.journal.enrol_subject`."""

    code: Annotated[str, Field(min_length=8, max_length=100, pattern=r"^[a-z0-9-]+$")]
    device_public_key: Hex64
    person_public_key: Hex64 | Literal[""] = ""
    label: Annotated[str, Field(max_length=80)]
    time: Utc
    sig: Base64
    person_sig: Base64 = ""


class EnrolAnswer(Answer):
    """Who the desk is now: its id, the person it belongs to, and the roles that the invitation named."""

    device: Hex64
    person: Text
    roles: list[str]


class BlobAnswer(Answer):
    """How much of a blob the plane holds: `offset` bytes of `size`; complete when they are equal and the hash held."""

    sha256: Hex64
    offset: Count
    size: Count
    complete: bool


class EventAnswer(Answer):
    """One event as the journal holds it, with its receipt.

    `clock_skew_ms` is how far its author's clock was ahead of the plane's (negative: behind) when flagged, else 0.
    """

    entry: JournalEntry
    receipt: PushResult
    received_at: Utc
    clock_skew_ms: int


class SelectRequest(Message):
    """Opens the sheet: what is the state now, and what would be reached; the plane opens its probe stream here."""

    incident: Uuid
    switch: Annotated[str, Field(max_length=40, pattern=r"^[A-Z][A-Z0-9_]*$")]
    target: InventoryId
    want: Literal["stopped", "running"]


class Observation(Message):
    """What was seen at the data path: `state`, when, how, under which generation."""

    state: Literal["stopped", "running", "unknown"]
    observed_at: Utc
    method: Literal["probe", "read_back", "none"]
    generation: Count
    command_id: str = ""


class SelectAnswer(Answer):
    """The token of this preview, the state it shows, and the counts with the time they are of.

    `reached` holds the live counts of everything that would be reached, by inventory id; `adapter` names every adapter
    that would be asked.
    """

    select_token: Text
    generation: Count
    observation: Observation
    scope: str
    ids: list[str]
    counts: dict[str, int]
    reached: dict[str, dict[str, int]] = {}
    counted_at: Utc
    adapter: str
    capabilities: dict[str, bool]
    policy_hash: Hex64
    pending: str = ""


class CommandRequest(Message):
    """The signed order: `canon` is the canonical text of `domain.commands.Order`."""

    canon: Annotated[str, Field(max_length=DEFAULT_LIMITS.command_bytes)]
    sig: Base64
    person_sig: Base64


class Result(Message):
    """One of the three results of a kill, with the id of the event that shows it."""

    result: Literal["true", "false", "unknown"]
    evidence: str = ""


class CommandStatus(Answer):
    """Where a command is; `state` as in `domain.commands`. Times are the plane's; "" while not reached."""

    command_id: Uuid
    state: str
    generation: Count
    acknowledged_at: str
    dispatched_at: str
    observed_at: str
    observation: Observation | None
    refuses_new: Result
    streams_cut: Result
    survives_restart: Result
    problem: dict[str, Any] = {}


class ValidationRequest(Message):
    """Asks the plane for a measured run of `cases` cases against `target`, delivered to nobody."""

    incident: Uuid
    target: InventoryId
    cases: Annotated[int, Field(ge=1, le=1000)]


class ValidationAnswer(Answer):
    """The run's event id and what it measured; decimals as strings."""

    validation_id: Uuid
    event_id: Uuid
    cases: Count
    passed: Count
    measures: dict[str, str]


class InventoryAnswer(Answer):
    """Live counts by inventory id: {"sessions", "requests_60s", ...}, and the time they are of."""

    counted_at: Utc
    counts: dict[str, dict[str, int]]

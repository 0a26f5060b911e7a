"""The plane's /v1 as methods: one an endpoint, returning protocol messages or raising what may be concluded.

`push`, `journal` and `send_command` are tried exactly once, the sync engine decides what follows; the others renew a
refused token once by themselves, because asking them twice changes nothing. One client a thread; `abort` from any.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from console.domain.times import format_utc, from_epoch_us, parse_utc, to_epoch_us
from console.proof.envelope import SignedEvent
from console.proof.journal import sign_token_request
from console.protocol.messages import (
    Answer,
    BlobAnswer,
    CheckpointAnswer,
    CommandStatus,
    ConfigAnswer,
    ConsistencyAnswer,
    EnrolAnswer,
    EnrolRequest,
    EventAnswer,
    HeadsAnswer,
    InclusionAnswer,
    InventoryAnswer,
    JournalAheadAnswer,
    JournalAnswer,
    PushAnswer,
    SelectAnswer,
    TokenAnswer,
    ValidationAnswer,
)
from console.protocol.problems import problem_from_object
from console.remote.event_stream import StreamEvent, events, lines
from console.remote.faults import GarbledAnswer, ProblemAnswer
from console.remote.tokens import TokenKeeper
from console.remote.wire import Reply, Wire

M = TypeVar("M", bound=Answer)

ANSWER_S = 10.0
PUSH_S = 30.0
PACK_FROM_BYTES = 1024
PACKED = "gzip_requests"
"""A plane that says so in its limits (1) is sent larger pushes packed; any other gets them as they are."""
SMALL_BYTES = 4 * 1024 * 1024
JOURNAL_BYTES = 64 * 1024 * 1024
STREAM_EVENT_BYTES = 4 * 1024 * 1024
CAPTURE_LINE_BYTES = 48 * 1024 * 1024
STREAM_SILENCE_S = 10.0
_BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Exchange(Generic[M]):
    """An answer and when it was asked for and received, in microseconds of the desk's clock."""

    answer: M
    sent_us: int
    received_us: int

    @property
    def plane_us(self) -> int:
        """The plane's own time in the answer, microseconds since 1970."""
        return to_epoch_us(parse_utc(self.answer.server_time))


class PlaneClient:
    """One plane over one `Wire`; several clients may share a `TokenKeeper`.

    Every method raises Offline, TimedOut, ProblemAnswer or GarbledAnswer (see `remote.faults`).
    """

    def __init__(self, wire: Wire, tokens: TokenKeeper) -> None:
        self._wire, self._tokens = wire, tokens
        self._origin, self._may_pack = "", False
        self._ahead_us: int | None = None
        """How far the plane's clock is ahead of the desk's, from its last answer; None before the first."""

    def now_us(self) -> int:
        """The desk's clock, microseconds since 1970."""
        return self._wire.now_us()

    def abort(self) -> None:
        """Ends what is under way, from any thread, and refuses everything after."""
        self._wire.abort()

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()

    def config(self) -> Exchange[ConfigAnswer]:
        """Who the plane is and what it accepts; needs no token."""
        exchange = self._read(ConfigAnswer, self._ask("GET", "/v1/config", token=""))
        self._origin = exchange.answer.origin
        self._may_pack = exchange.answer.limits.get(PACKED, 0) > 0
        return exchange

    def renew_token(self, origin: str = "") -> None:
        """Has a token that was not refused yet; asks for one by the device's signature when none is held."""
        self._tokens.renew(lambda: self._fetch_token(origin))

    def _fetch_token(self, origin: str) -> str:
        if self._ahead_us is None or not (origin or self._origin):
            self.config()
        origin = origin or self._origin
        key, nonce = self._tokens.device_key, self._tokens.nonce()
        # The plane judges a request's age by its own clock: a desk whose clock is wrong is flagged, never shut out.
        time = format_utc(from_epoch_us(self._wire.now_us() + (self._ahead_us or 0)))
        sig = sign_token_request(key, nonce, time, origin)
        body = {"device": key.id, "time": time, "nonce": nonce, "origin": origin, "sig": sig}
        return self._read(TokenAnswer, self._ask("POST", "/v1/token", _json(body), token="")).answer.token

    def enrol(self, request: EnrolRequest) -> Exchange[EnrolAnswer]:
        """Has the plane let this device in by a one-time code; needs no token. The same again gets the same answer."""
        return self._read(EnrolAnswer, self._ask("POST", "/v1/enrol", _json(request.model_dump()), token=""))

    def push(self, batch: Sequence[SignedEvent]) -> Exchange[PushAnswer]:
        """Sends events in this order; one receipt each, after the plane's commit. Safe to repeat."""
        body = _json({"events": [event.wire() for event in batch]})
        packed = self._may_pack and len(body) > PACK_FROM_BYTES
        if packed:
            body = gzip.compress(body, 6, mtime=0)
        return self._read(PushAnswer, self._ask("POST", "/v1/events", body, within_s=PUSH_S, sent_packed=packed))

    def journal(self, epoch: str, after: int, at_hash: str, limit: int, wait_s: int) -> Exchange[JournalAnswer]:
        """Entries after a position; with `wait_s` the plane may hold the answer until there is one."""
        path = f"/v1/journal?epoch={epoch}&after={after}&hash={at_hash}&limit={limit}&wait={wait_s}"
        return self._read(
            JournalAnswer, self._ask("GET", path, within_s=wait_s + ANSWER_S, max_bytes=JOURNAL_BYTES, packed=True)
        )

    def journal_ahead(self) -> Exchange[JournalAheadAnswer]:
        """What a desk that is far behind needs to show what is open now, before the journal brings it."""
        reply = self._ask("GET", "/v1/journal/ahead", max_bytes=JOURNAL_BYTES, packed=True)
        return self._read(JournalAheadAnswer, reply)

    def heads(self, after_incident: str = "", after_incarnation: int = 0) -> Exchange[HeadsAnswer]:
        """Where the chains of this device end at the plane, after (incident, incarnation)."""
        path = f"/v1/heads?after_incident={after_incident}&after_incarnation={after_incarnation}"
        return self._read(HeadsAnswer, self._ask("GET", path))

    def checkpoint(self) -> Exchange[CheckpointAnswer]:
        """The newest signed checkpoint of the journal's tree."""
        return self._read(CheckpointAnswer, self._patiently("GET", "/v1/checkpoint"))

    def consistency(self, first: int, second: int) -> Exchange[ConsistencyAnswer]:
        """The nodes that prove the tree of `second` entries to continue that of `first`."""
        path = f"/v1/proof/consistency?first={first}&second={second}"
        return self._read(ConsistencyAnswer, self._patiently("GET", path))

    def inclusion(self, gpos: int, size: int) -> Exchange[InclusionAnswer]:
        """The nodes that prove entry `gpos` to be in the tree of `size` entries."""
        return self._read(InclusionAnswer, self._patiently("GET", f"/v1/proof/inclusion?gpos={gpos}&size={size}"))

    def send_command(self, canon: str, sig: str, person_sig: str) -> Exchange[CommandStatus]:
        """Sends a signed order, once; TimedOut and GarbledAnswer mean that nobody here knows whether it was taken."""
        body = _json({"canon": canon, "sig": sig, "person_sig": person_sig})
        return self._read(CommandStatus, self._ask("POST", "/v1/commands", body))

    def command(self, command_id: str, wait_s: int = 0) -> Exchange[CommandStatus]:
        """Looks a command up; with `wait_s` the plane may hold the answer until it is verified. Changes nothing."""
        query = f"?wait={wait_s}&state=verified" if wait_s else ""
        return self._read(CommandStatus, self._patiently("GET", f"/v1/commands/{command_id}{query}", b"", wait_s))

    def select(self, incident: str, switch: str, target: str, want: str) -> Exchange[SelectAnswer]:
        """Opens the sheet: state, blast radius, counts; the plane opens its probe stream here."""
        body = _json({"incident": incident, "switch": switch, "target": target, "want": want})
        return self._read(SelectAnswer, self._patiently("POST", "/v1/commands/select", body))

    def inventory(self) -> Exchange[InventoryAnswer]:
        """Live counts by inventory id."""
        return self._read(InventoryAnswer, self._patiently("GET", "/v1/inventory"))

    def validate(self, incident: str, target: str, cases: int, within_s: float = 120.0) -> Exchange[ValidationAnswer]:
        """A measured run of `cases` cases against `target`, delivered to nobody."""
        body = _json({"incident": incident, "target": target, "cases": cases})
        return self._read(ValidationAnswer, self._patiently("POST", "/v1/validations", body, within_s))

    def event(self, event_id: str) -> Exchange[EventAnswer]:
        """What the plane holds under an event id, with its receipt."""
        return self._read(EventAnswer, self._patiently("GET", f"/v1/events/{event_id}"))

    def put_blob(self, sha256: str, offset: int, total: int, part: bytes) -> Exchange[BlobAnswer]:
        """Sends one part of a blob of ciphertext, `total` bytes long, at `offset`; the plane has it on its disk then.

        A ProblemAnswer of kind "conflict" says that the plane holds another number of bytes: ask `blob_held`.
        """
        more = {"Content-Type": _BINARY, "Upload-Offset": str(offset), "Upload-Length": str(total)}
        return self._read(BlobAnswer, self._patiently("PUT", f"/v1/blobs/{sha256}", part, PUSH_S, more))

    def blob_held(self, sha256: str) -> tuple[int, int] | None:
        """(bytes held, bytes of the whole) of a blob at the plane, None when it holds nothing of it."""
        try:
            headers = self._patiently("HEAD", f"/v1/blobs/{sha256}").headers
        except ProblemAnswer as refused:
            if refused.status == 404:
                return None
            raise
        held, size = headers.get("upload-offset", ""), headers.get("upload-length", "")
        if not (_is_count(held) and _is_count(size) and int(held) <= int(size)):
            raise GarbledAnswer("The plane does not say how much of the blob it holds.")
        return int(held), int(size)

    def blob_part(self, sha256: str, start: int, end: int) -> bytes:
        """The bytes of a blob from `start` up to and without `end`, fewer at its end; the caller checks the hash.

        At most as many at once as a part may have (`blob_chunk_bytes`).
        """
        reply = self._patiently("GET", f"/v1/blobs/{sha256}", b"", PUSH_S, {"Range": f"bytes={start}-{end - 1}"})
        whole = reply.status == 200 and start == 0
        if not whole and not reply.headers.get("content-range", "").startswith(f"bytes {start}-"):
            raise GarbledAnswer("The plane answers with another part of the blob than was asked for.")
        if len(reply.body) > end - start:
            raise GarbledAnswer("The plane answers with more of the blob than was asked for.")
        return reply.body

    def health(self) -> dict[str, Any]:
        """Whether the plane and its parts are well."""
        return _load(self._ask("GET", "/v1/health", token="").body)

    @contextmanager
    def captures(self, incident: str, target: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Evidence items of `target` one by one as the plane reads them from the back-end; nothing is kept there."""
        with self._following(f"/v1/captures?incident={incident}&target={target}", ANSWER_S * 3) as pieces:
            yield (_load(line) for line in lines(pieces, CAPTURE_LINE_BYTES) if line)

    @contextmanager
    def metrics(self, after: str = "", silence_s: float = STREAM_SILENCE_S) -> Iterator[Iterator[StreamEvent]]:
        """The metric stream from after an event id; `silence_s` without a byte raises TimedOut."""
        path = "/v1/metrics/stream" + (f"?after={after}" if after.isdigit() else "")
        with self._following(path, silence_s) as pieces:
            yield events(lines(pieces, STREAM_EVENT_BYTES), STREAM_EVENT_BYTES)

    @contextmanager
    def _following(self, path: str, silence_s: float) -> Iterator[Iterator[bytes]]:
        for last_try in (False, True):
            token = self._tokens.renew(lambda: self._fetch_token(""))
            with self._wire.stream(path, _headers(token), silence_s=silence_s) as (status, headers, pieces):
                if status == 200:
                    yield pieces
                    return
                refusal = _refusal(Reply(status, headers, b"".join(_bounded(pieces)), 0, 0))
            if status != 401 or last_try:
                raise refusal
            self._tokens.drop(token)

    def _patiently(
        self, method: str, path: str, body: bytes = b"", more_s: float = 0.0, more: Mapping[str, str] | None = None
    ) -> Reply:
        """A request that may be asked twice: renews a missing or refused token once."""
        if self._tokens.token:
            try:
                return self._ask(method, path, body, within_s=ANSWER_S + more_s, more=more)
            except ProblemAnswer as refused:
                if refused.status != 401:
                    raise
        self._tokens.renew(lambda: self._fetch_token(""))
        return self._ask(method, path, body, within_s=ANSWER_S + more_s, more=more)

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        token: str | None = None,
        within_s: float = ANSWER_S,
        max_bytes: int = SMALL_BYTES,
        packed: bool = False,
        sent_packed: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> Reply:
        used = self._tokens.token if token is None else token
        headers = _headers(used) | ({"Content-Encoding": "gzip"} if sent_packed else {}) | dict(more or {})
        reply = self._wire.ask(method, path, headers, body, within_s=within_s, max_bytes=max_bytes, packed=packed)
        if reply.status == 401:
            self._tokens.drop(used)
        if reply.status >= 400:
            raise _refusal(reply)
        return reply

    def _read(self, kind: type[M], reply: Reply) -> Exchange[M]:
        try:
            exchange = Exchange(kind.model_validate_json(reply.body), reply.sent_us, reply.received_us)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])[:80]
            raise GarbledAnswer(f"The plane's answer is not a {kind.__name__} (at '{where}').") from error
        self._ahead_us = exchange.plane_us - exchange.received_us
        return exchange


def _headers(token: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    return headers | {"Authorization": f"Bearer {token}"} if token else headers


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _load(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GarbledAnswer("The plane's answer is not JSON.") from error
    if not isinstance(value, dict):
        raise GarbledAnswer("The plane's answer is not a JSON object.")
    return value


def _refusal(reply: Reply) -> ProblemAnswer:
    try:
        problem = problem_from_object(_load(reply.body))
    except GarbledAnswer:
        problem = problem_from_object(None)
    after = reply.headers.get("retry-after", "")
    return ProblemAnswer(reply.status, problem, float(after) if after.isascii() and after.isdigit() else 0.0)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _bounded(pieces: Iterator[bytes], max_bytes: int = 64 * 1024) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        yield piece
        if size > max_bytes:
            return

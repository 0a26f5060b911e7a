"""Events in, the journal out: receipts after the commit, positions without a gap, a long poll that sleeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from console.domain.errors import InputError
from console.plane import journal
from console.plane.api.envelope import (
    PROBLEMS,
    Caller,
    PlaneHere,
    as_text,
    check_access,
    check_not_revoked,
    common,
    device_of,
    may_see,
    packed,
    problems,
    reply,
)
from console.plane.commanding import Refused
from console.plane.identities import Identities
from console.plane.journal import Entry, Receipt
from console.plane.service import Plane
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.keys import verify_text
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import (
    EventAnswer,
    JournalAheadAnswer,
    JournalAnswer,
    JournalEntry,
    PushAnswer,
    PushRequest,
    PushResult,
    WireEvent,
)
from console.protocol.problems import Problem

_QUOTED = json.JSONEncoder(ensure_ascii=False).encode

router = APIRouter(responses=PROBLEMS)

AT_ONCE = 25
"""Events judged in one transaction: a command never waits behind more than these."""


@router.post("/v1/events", response_model=PushAnswer)
async def push(request: Request, body: PushRequest, plane: PlaneHere) -> Response:
    """Judge events in order; one receipt each, given after the commit and the same for ever.

    Needs a token, unless every event is one of "system" signed by the organisation's root key or by this plane's own
    device: so a plane that was restored can be told again whom it knew, by somebody whom it no longer knows.
    """
    events = [SignedEvent(wire.canon, wire.sig, wire.person_sig) for wire in body.events]
    if not _need_no_token(events, plane.record.identities):
        device_of(request)
    receipts: list[Receipt] = []
    for start in range(0, len(events), AT_ONCE):
        part = events[start : start + AT_ONCE]
        receipts += await plane.database.write(lambda tx, part=part: plane.record.take(tx, part))  # type: ignore[misc]
    return reply(request, PushAnswer, results=[_result(receipt) for receipt in receipts])


@router.get(
    "/v1/journal",
    response_model=JournalAnswer,
    responses=problems(_409="Not a position of this journal", _410="Another epoch"),
)
async def read(
    request: Request,
    plane: PlaneHere,
    device: Caller,
    epoch: Annotated[str, Query(max_length=36)] = "",
    after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    hash: Annotated[str, Query(max_length=64)] = "",  # noqa: A002 - the protocol's name
    limit: Annotated[int, Query(ge=1, le=DEFAULT_LIMITS.journal_page)] = DEFAULT_LIMITS.journal_page,
    wait: Annotated[int, Query(ge=0, le=DEFAULT_LIMITS.long_poll_s)] = 0,
) -> Response:
    """Entries after a position; with `wait` the answer is held until there is one, or so many seconds are over.

    409 when (after, hash) is not of this journal, 410 when the epoch is another.
    """
    if epoch and epoch != plane.birth.epoch:
        raise Refused(Problem("epoch_changed", "This journal has another epoch; start again from position 0."))
    known = await plane.database.read(lambda connection: journal.hash_at(connection, after))
    if known is None or (hash and hash != known):
        raise Refused(
            Problem("conflict", f"Position {after} with that hash is not of this journal; compare the histories.")
        )
    await _wait_beyond(plane, device, after, wait)
    entries, head, frontier = await plane.pages.read(after, limit, plane.record.head.gpos)
    check_not_revoked(plane, device)
    note = plane.checkpoints.note(frontier)
    answer = JournalAnswer(**common(request), entries=[], size=head.gpos, journal_hash=head.hash, checkpoint=note)
    shown = [(entry, may_read(plane, device, entry)) for entry in entries]
    return await packed(request, _with_entries(answer, shown))


@router.get("/v1/journal/ahead", response_model=JournalAheadAnswer)
async def read_ahead(request: Request, plane: PlaneHere, device: Caller) -> Response:
    """Who is known and what is open now, newest first, for a desk whose copy of the journal is far behind.

    At most one page; every event of it comes again in its place in the journal.
    """

    def found(connection: Any) -> list[Entry]:
        return journal.ahead(connection, lambda incident: may_see(plane, device, incident), DEFAULT_LIMITS.journal_page)

    entries = await plane.database.read(found)
    check_not_revoked(plane, device)
    answer = JournalAheadAnswer(**common(request), entries=[])
    return await packed(request, _with_entries(answer, [(entry, True) for entry in entries]))


@router.get("/v1/events/{event_id}", response_model=EventAnswer, responses=problems(_404="No such event"))
async def look_up(request: Request, plane: PlaneHere, device: Caller, event_id: str) -> Response:
    """What the journal holds under an event id, with its receipt; 403 without access to its incident."""
    key, epoch = plane.record.key, plane.birth.epoch
    found = await plane.database.read(lambda connection: journal.look_up(connection, event_id, key, epoch))
    if found is None:
        raise Refused(Problem("not_found", "There is no event of that id in this journal."))
    if not may_read(plane, device, found.entry):
        check_access(plane, device, found.entry.incident)
    return reply(
        request,
        EventAnswer,
        entry=_entry(found.entry),
        receipt=_result(found.receipt),
        received_at=found.received_at,
        clock_skew_ms=found.skew_ms,
    )


def may_read(plane: Plane, device: str, entry: Entry) -> bool:
    """Whether an entry is shown to the device: its own always, others as its person has access now."""
    return entry.device == device or may_see(plane, device, entry.incident)


async def _wait_beyond(plane: Plane, device: str, after: int, seconds: int) -> None:
    """Sleep until the journal reaches beyond `after`, or the time is over, the plane ends, the device is revoked."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while plane.record.head.gpos <= after and not plane.is_closing:
        check_not_revoked(plane, device)
        left = deadline - loop.time()
        if left <= 0 or not await plane.database.changed.wait(left):
            return


def _need_no_token(events: list[SignedEvent], identities: Identities) -> bool:
    """Whether every event was provably written in "system" by the root key or by the plane's own device."""
    keys = {device: identities.device_key(device) for device in (identities.root_device, identities.plane_device)}
    return bool(events) and all(_is_by(event, keys) for event in events)


def _is_by(event: SignedEvent, keys: Mapping[str, str]) -> bool:
    try:
        envelope = event.envelope
    except (InputError, UnicodeError):
        return False
    key = keys.get(envelope.device, "")
    return envelope.incident == SYSTEM and verify_text(key, event.canon.encode("utf-8"), event.sig)


def _with_entries(answer: JournalAnswer | JournalAheadAnswer, entries: Iterable[tuple[Entry, bool]]) -> Response:
    """The answer with its entries, and whether each may be read; written by hand, because a page holds a thousand.

    What they consist of was judged before it was stored; making models of it took longer than reading it.
    """
    members = answer.model_dump()
    del members["entries"]
    texts = ",".join(
        [_entry_text(entry) if readable else _entry(entry, False).model_dump_json() for entry, readable in entries]
    )
    head = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return as_text(f'{head[:-1]},"entries":[{texts}]}}')


def _entry_text(entry: Entry) -> str:
    """A `JournalEntry` whose event may be read, as JSON."""
    event = entry.event
    return (
        f'{{"gpos":{entry.gpos},"journal_hash":{_QUOTED(entry.journal_hash)},"status":{_QUOTED(entry.status)},'
        f'"event_hash":"","event":{{"canon":{_QUOTED(event.canon)},"sig":{_QUOTED(event.sig)},'
        f'"person_sig":{_QUOTED(event.person_sig)}}}}}'
    )


def _entry(entry: Entry, readable: bool = True) -> JournalEntry:
    event = entry.event
    wire = WireEvent(canon=event.canon, sig=event.sig, person_sig=event.person_sig) if readable else None
    return JournalEntry(
        gpos=entry.gpos,
        journal_hash=entry.journal_hash,
        status=_status(entry.status),
        event_hash="" if readable else entry.event_hash,
        event=wire,
    )


def _result(receipt: Receipt) -> PushResult:
    return PushResult(
        event_id=receipt.event_id,
        hash=receipt.hash,
        status=_status(receipt.status),
        gpos=receipt.gpos,
        server_sig=receipt.server_sig,
        problem=receipt.problem,
    )


def _status(text: str) -> Any:
    return text

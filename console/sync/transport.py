"""Carries out what the engines ask of the plane, once each, and turns answers and faults into their inputs.

Runs on the thread of the client it is given; decides nothing, repeats nothing.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from console.domain.errors import ConsoleError
from console.domain.times import parse_utc, to_epoch_us
from console.proof.envelope import SignedEvent
from console.protocol.limits import DEFAULT_LIMITS, Limits
from console.protocol.messages import (
    CommandStatus,
    ConfigAnswer,
    HeadsAnswer,
    JournalAnswer,
    JournalEntry,
    PushAnswer,
    WireEvent,
)
from console.protocol.messages import Result as ResultMessage
from console.remote.faults import GarbledAnswer, Offline, OversizedAnswer, ProblemAnswer, TimedOut
from console.remote.plane_client import Exchange, PlaneClient
from console.sync.command_values import Answered, LookUp, PlaneWord, Result, SendCommand, Unanswered
from console.sync.pace import ClockOffset, measure
from console.sync.values import (
    AheadAnswered,
    ChainEnd,
    ConfigAnswered,
    Entry,
    Failed,
    Failure,
    FetchAhead,
    FetchConfig,
    FetchHeads,
    FetchJournal,
    FetchShown,
    FetchToken,
    HeadsAnswered,
    JournalAnswered,
    PlaneIdentity,
    PlaneRequest,
    PushAnswered,
    PushBatch,
    Receipt,
    TokenAnswered,
)

PlaneInput = ConfigAnswered | TokenAnswered | PushAnswered | JournalAnswered | HeadsAnswered | AheadAnswered | Failed
Measured = tuple[PlaneInput, ClockOffset | None]
MeasuredCommand = tuple[Answered | Unanswered, ClockOffset | None]


def carry(client: PlaneClient, request: PlaneRequest) -> Measured:
    """The input that answers `request`, and the clock offset seen on the way where the answer was not held back."""
    try:
        match request:
            case FetchConfig():
                config = client.config()
                return _config(request.serial, config.answer), _offset(config)
            case FetchToken():
                client.renew_token(request.origin)
                return TokenAnswered(request.serial), None
            case PushBatch():
                pushed = client.push([item.event for item in request.items])
                return _pushed(request.serial, pushed.answer), _offset(pushed)
            case FetchJournal():
                page = client.journal(request.epoch, request.after, request.hash, request.limit, request.wait_s)
                return _page(request.serial, page.answer), None if request.wait_s else _offset(page)
            case FetchShown():
                shown = client.journal(request.epoch, request.after, request.hash, request.limit, 0)
                return _page(request.serial, shown.answer), _offset(shown)
            case FetchAhead():
                ahead = client.journal_ahead().answer
                return AheadAnswered(request.serial, ahead.epoch, tuple(map(_entry, ahead.entries))), None
            case FetchHeads():
                heads = client.heads(request.after_incident, request.after_incarnation)
                return _heads(request.serial, heads.answer), _offset(heads)
    except ConsoleError as error:
        return Failed(request.serial, failure_of(error)), None


def carry_command(client: PlaneClient, request: SendCommand | LookUp) -> MeasuredCommand:
    """Sends an order or looks a command up, once; the offset where the answer was not held back."""
    begun_us = client.now_us()
    try:
        if isinstance(request, SendCommand):
            order = request.order
            exchange = client.send_command(order.canon, order.sig, order.person_sig)
        else:
            exchange = client.command(request.command_id, request.wait_s)
        answered = Answered(request.serial, word_of(exchange.answer), exchange.sent_us, exchange.received_us)
        offset = _offset(exchange)
    except ConsoleError as error:
        return Unanswered(request.serial, failure_of(error), begun_us, client.now_us()), None
    return answered, None if isinstance(request, LookUp) and request.wait_s else offset


def failure_of(error: ConsoleError) -> Failure:
    """What may be concluded from an error of `remote`."""
    if isinstance(error, Offline):
        return Failure("offline", error.sentence)
    if isinstance(error, TimedOut):
        return Failure("lost", error.sentence)
    if isinstance(error, ProblemAnswer):
        return Failure("problem", error.sentence, error.status, error.problem.kind, error.retry_after_s)
    if isinstance(error, OversizedAnswer):
        return Failure("problem", error.sentence, 413, "too_large")
    return Failure("garbage", error.sentence)


def word_of(status: CommandStatus) -> PlaneWord:
    """What the plane says about a command; raises InputError when a time in it is none."""
    seen, problem = status.observation, status.problem
    return PlaneWord(
        status.command_id,
        status.state,
        status.generation,
        _moment(status.acknowledged_at),
        _moment(status.dispatched_at),
        _moment(status.observed_at),
        seen.state if seen else "",
        seen.method if seen else "",
        _result(status.refuses_new),
        _result(status.streams_cut),
        _result(status.survives_restart),
        str(problem.get("kind", ""))[:60],
        str(problem.get("detail", ""))[:1000],
    )


def _result(message: ResultMessage) -> Result:
    return Result(message.result, message.evidence)


def _moment(text: str) -> int:
    return to_epoch_us(parse_utc(text)) if text else 0


def _offset(exchange: Exchange[Any]) -> ClockOffset:
    return measure(exchange.sent_us, exchange.received_us, exchange.plane_us)


def _config(serial: int, answer: ConfigAnswer) -> ConfigAnswered:
    known = {field.name for field in fields(Limits)}
    given = {name: value for name, value in answer.limits.items() if name in known}
    plane = PlaneIdentity(
        answer.origin, answer.exercise, answer.root_public_key, answer.plane_device, answer.plane_public_key
    )
    defaults = {name: getattr(DEFAULT_LIMITS, name) for name in known}
    return ConfigAnswered(serial, plane, answer.epoch, Limits(**(defaults | given)))


def _pushed(serial: int, answer: PushAnswer) -> PushAnswered:
    receipts = tuple(
        Receipt(
            r.event_id, r.hash, r.status, r.gpos, r.server_sig,
            str(r.problem.get("kind", ""))[:60], str(r.problem.get("detail", ""))[:1000],
        )
        for r in answer.results
    )  # fmt: skip
    return PushAnswered(serial, answer.epoch, receipts)


def _heads(serial: int, answer: HeadsAnswer) -> HeadsAnswered:
    heads = tuple(ChainEnd(end.incident, end.incarnation, end.seq, end.hash) for end in answer.heads)
    return HeadsAnswered(serial, answer.epoch, heads, answer.more)


def _page(serial: int, answer: JournalAnswer) -> JournalAnswered:
    entries = tuple(_entry(entry) for entry in answer.entries)
    return JournalAnswered(serial, answer.epoch, entries, answer.size, answer.journal_hash, answer.checkpoint)


def _entry(entry: JournalEntry) -> Entry:
    wire = entry.event
    if wire is None and not entry.event_hash:
        raise GarbledAnswer(f"The plane sent neither the event at position {entry.gpos} nor its hash.")
    event = None if wire is None else _event(wire)
    return Entry(entry.gpos, entry.journal_hash, entry.status, event, entry.event_hash)


def _event(wire: WireEvent | SignedEvent) -> SignedEvent:
    """The event as it was sent; one that a child of this desk has judged already keeps what was found."""
    return wire if isinstance(wire, SignedEvent) else SignedEvent(wire.canon, wire.sig, wire.person_sig)

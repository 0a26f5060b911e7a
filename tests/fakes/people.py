"""Keys, ids and signed events for tests: deterministic, so that a failing case can be read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from console.domain.times import format_utc, from_epoch_us
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next, uuid7
from console.proof.keys import SigningKey

T0_MS = 1_750_000_000_000
DESK = SigningKey(b"desk".ljust(32, b"."))
OTHER_DESK = SigningKey(b"other".ljust(32, b"."))
PLANE = SigningKey(b"plane".ljust(32, b"."))
ROOT = SigningKey(b"root".ljust(32, b"."))
INCIDENT = uuid7(T0_MS, b"incident!!")

_counter = itertools.count(1)


def fresh_id() -> str:
    """A UUIDv7 that this process has not given before."""
    n = next(_counter)
    return uuid7(T0_MS + n, n.to_bytes(10, "big"))


def moment(seconds: float = 0.0) -> str:
    """`seconds` after the tests' beginning of time, as events carry it."""
    return format_utc(from_epoch_us(T0_MS * 1000 + int(seconds * 1e6)))


def chain(
    key: SigningKey = DESK, incident: str = INCIDENT, *, exercise: bool = True, kind: str = "note.added"
) -> Iterator[SignedEvent]:
    """An endless chain of notes by one device."""
    head = ChainHead()
    hlc = ""
    while True:
        hlc = hlc_next(hlc, T0_MS)
        body: dict[str, Any] = {"text": f"note {head.seq + 1}", "happened_at": moment()}
        envelope = Envelope(
            type=kind, event_id=fresh_id(), incident=incident, device=key.id, incarnation=1, seq=head.seq + 1,
            prev_hash=head.hash, actor="local:tester", role="", policy_hash="", hlc=hlc, seen_gpos=0,
            exercise=exercise, body=body,
        )  # fmt: skip
        event = sign(envelope, key)
        head = ChainHead(envelope.seq, event.hash)
        yield event


def some(
    count: int, key: SigningKey = DESK, incident: str = INCIDENT, exercise: bool = True, kind: str = "note.added"
) -> list[SignedEvent]:
    """The first `count` events of a new chain."""
    return list(itertools.islice(chain(key, incident, exercise=exercise, kind=kind), count))


def certificates(key: SigningKey = DESK, person: str = "", person_key: SigningKey | None = None) -> list[SignedEvent]:
    """Root-signed events that certify a device and, when given, a person."""
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("device.certified", {"device": key.id, "public_key": key.public_hex, "label": "test desk"})
    ]
    if person and person_key:
        named = {"person": person, "public_key": person_key.public_hex, "display_name": person}
        bodies.append(("person.certified", named))
    head, made = ChainHead(), []
    for kind, body in bodies:
        envelope = Envelope(
            type=kind, event_id=fresh_id(), incident=SYSTEM, device=ROOT.id, incarnation=1, seq=head.seq + 1,
            prev_hash=head.hash, actor="root", role="", policy_hash="", hlc=hlc_next("", T0_MS + head.seq),
            seen_gpos=0, exercise=True, body=body,
        )  # fmt: skip
        event = sign(envelope, ROOT)
        head = ChainHead(envelope.seq, event.hash)
        made.append(event)
    return made

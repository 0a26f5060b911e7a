"""A desk without a window for tests: keys from numbers, a clock that ticks a millisecond a look, ids that repeat.

Everything is deterministic, so that a failing seed can be run again; nothing here talks to anybody.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from console.domain.events import BODIES, PERSON_SIGNED
from console.proof.actor import Actor
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next, uuid7
from console.proof.journal import EMPTY_JOURNAL_HASH, journal_hash
from console.proof.keys import SigningKey
from console.store.opening import Store, open_store
from console.store.record import Record
from console.store.transaction import Writer

POLICY = "ab" * 32
START = datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC)


def key_of(number: int) -> SigningKey:
    """The key of that number, the same for ever."""
    return SigningKey(hashlib.sha256(f"test key {number}".encode()).digest())


ROOT, PLANE, PERSON = key_of(1), key_of(2), key_of(3)
COMMANDER = Actor("ic@example.org", "incident_commander", PERSON)


@dataclass
class Clock:
    """Aware time that moves a millisecond at each look; `set_back` turns it back."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def writer_of(number: int = 10, *, exercise: bool = True, clock: Clock | None = None) -> Writer:
    """Writer of the desk with that number."""
    chance = random.Random(number)
    return Writer(
        device_key=key_of(number),
        clock=clock or Clock(),
        random10=lambda: chance.randbytes(10),
        policy_hash=POLICY,
        exercise=exercise,
    )


@contextmanager
def desk(folder: Path, number: int = 10, *, exercise: bool = True) -> Iterator[tuple[Store, Record]]:
    """An open store with its record, closed at the end."""
    with open_store(folder) as store:
        yield store, store.record(writer_of(number, exercise=exercise))


def new_incident(number: int) -> str:
    """The id of an incident, the same for that number for ever."""
    return uuid7(1_769_868_131_000 + number, hashlib.sha256(f"incident {number}".encode()).digest())


def body_of(event_type: str, **fields: Any) -> dict[str, Any]:
    """A body that `event_type` may hold, with `fields` in place of what stands there otherwise."""
    blank: dict[str, Any] = {"s": "", "t": "", "i": 1, "b": False, "l": [], "o": {}}
    wanted = dict(part.split(":") for part in BODIES[event_type].split())
    return {name: blank[kind] for name, kind in wanted.items()} | fields


def note(record: Record, incident: str, text: str = "grounding fell below its floor") -> SignedEvent:
    """Appends one note and returns it."""
    with record.transaction() as tx:
        return tx.append("note.added", incident, body_of("note.added", text=text), actor=COMMANDER)


def append(record: Record, event_type: str, incident: str, **fields: Any) -> SignedEvent:
    """Appends one event of any type with a body made by `body_of`."""
    key = PERSON if event_type in PERSON_SIGNED else None
    with record.transaction() as tx:
        return tx.append(event_type, incident, body_of(event_type, **fields), actor=COMMANDER, person_key=key)


@dataclass
class Author:
    """Somebody else's device, writing chains of its own by hand."""

    key: SigningKey
    exercise: bool = True
    incarnation: int = 1
    heads: dict[str, ChainHead] = field(default_factory=dict)
    hlc: str = ""
    made: int = 0

    def write(self, event_type: str, incident: str, body: dict[str, Any], **changed: Any) -> SignedEvent:
        """The next event of this author's chain of `incident`; `changed` replaces envelope fields before signing."""
        head = self.heads.get(incident, ChainHead())
        self.made += 1
        ms = 1_769_868_131_000 + self.made
        self.hlc = hlc_next(self.hlc, ms)
        fields: dict[str, Any] = {
            "type": event_type, "incident": incident, "device": self.key.id, "incarnation": self.incarnation,
            "seq": head.seq + 1, "prev_hash": head.hash, "actor": "plane", "role": "", "policy_hash": POLICY,
            "hlc": self.hlc, "seen_gpos": 0, "exercise": self.exercise, "body": body,
            "event_id": uuid7(ms, hashlib.sha256(f"{self.key.id}{self.made}".encode()).digest()),
        }  # fmt: skip
        signed = sign(Envelope(**(fields | changed)), self.key)
        if not changed.keys() & {"seq", "prev_hash"}:
            self.heads[incident] = ChainHead(head.seq + 1, signed.hash)
        return signed


@dataclass(frozen=True)
class Entry:
    """One journal position, in the shape the store takes."""

    gpos: int
    journal_hash: str
    status: str
    event: SignedEvent | None
    withheld_hash: str = ""


@dataclass(frozen=True)
class Cursor:
    """A place in the journal, in the shape the store takes."""

    epoch: str = ""
    gpos: int = 0
    hash: str = EMPTY_JOURNAL_HASH
    size_seen: int = 0


@dataclass(frozen=True)
class Receipt:
    """The plane's answer for one event, in the shape the store takes."""

    event_id: str
    hash: str
    status: str
    gpos: int
    server_sig: str
    problem_kind: str = ""
    problem_detail: str = ""


def entries_after(
    cursor: Cursor, events: Iterable[SignedEvent], rejected: Sequence[int] = (), epoch: str = "e1"
) -> tuple[list[Entry], Cursor]:
    """Journal entries for `events` after `cursor`, and the cursor after them; `rejected` are places in `events`."""
    gpos, at, made = cursor.gpos, cursor.hash, []
    for place, event in enumerate(events):
        status = "rejected" if place in rejected else "accepted"
        gpos, at = gpos + 1, journal_hash(at, event.hash, status == "accepted")
        made.append(Entry(gpos, at, status, event))
    return made, Cursor(epoch, gpos, at, gpos)


def organisation(root: Author, *devices: SigningKey) -> list[SignedEvent]:
    """Root-signed events that found the organisation and certify the person and the devices."""
    founded = body_of("organisation.founded", name="Example", origin="o", root_public_key=root.key.public_hex)
    person = {"person": COMMANDER.person, "public_key": PERSON.public_hex, "display_name": "Commander"}
    certified = [{"device": key.id, "public_key": key.public_hex, "label": "desk"} for key in devices]
    return [
        root.write("organisation.founded", SYSTEM, founded | {"exercise": True}),
        root.write("person.certified", SYSTEM, person),
        root.write("role.granted", SYSTEM, {"person": COMMANDER.person, "role": "incident_commander"}),
        *(root.write("device.certified", SYSTEM, body) for body in certified),
    ]

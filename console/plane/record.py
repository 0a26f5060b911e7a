"""The plane's record: what its own device writes, what others push, and who is known and let in after that.

`Record` is the plane's pen. Its published snapshots (`identities`, `head`, `access`) only ever show what is committed;
within a transaction, use what the functions return.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import COMMANDER, FOLDED_TYPES, OPEN, ROLE_TAKEN, Access, access_from_object
from console.domain.errors import InputError
from console.domain.people import LENT_AT_MOST_H
from console.domain.times import format_utc, to_epoch_us
from console.plane import journal
from console.plane.admission import Scene, judge_event
from console.plane.db import Transaction
from console.plane.identities import Identities
from console.plane.journal import Head, Placing, Receipt
from console.plane.tables import ACCESS, INCIDENT, PLANE
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_merge, hlc_next, uuid7
from console.proof.keys import SigningKey, leaf_digest
from console.protocol.problems import Problem

ACTOR = "plane"
"""The name under which the plane's own device writes."""

Clock = Callable[[], datetime]

_KNOWN, _ADMITTED = "who is known", "who has access"


@dataclass(frozen=True, slots=True)
class Birth:
    """What never changes about a plane: its world, its origin and keys, and the epoch of its journal."""

    origin: str
    exercise: bool
    epoch: str
    root_public_key: str
    plane_device: str
    plane_public_key: str
    incarnation: int


def birth_of(connection: Connection) -> Birth:
    """Who the plane in this database is; raises InputError when its origin and its world disagree."""
    row = connection.execute(select(PLANE)).one()
    exercise = row.exercise == 1
    if not row.origin.startswith("exercise/" if exercise else "production/"):
        raise InputError(
            f"The plane's origin {row.origin} and its world disagree; this database is damaged, restore a backup."
        )
    return Birth(
        row.origin, exercise, row.epoch, row.root_public_key, row.plane_device, row.plane_public_key, row.incarnation
    )


class Record:
    """The journal as this plane writes it.

    Attributes:
        birth: who this plane is.
        key: the key of its own device.
        identities: everybody known after the last commit.
        head: the journal's size and hash after the last commit.
        lent_most_h: for how many hours a person may lend a role, by the policy in force.
    """

    def __init__(self, birth: Birth, key: SigningKey, policy_hash: str, clock: Clock) -> None:
        self.birth, self.key = birth, key
        self.identities = Identities(birth.root_public_key, birth.plane_device)
        self.head = Head()
        self.lent_most_h = LENT_AT_MOST_H
        self._access: dict[str, Access] = {}
        self._policy_hash = policy_hash
        self._clock = clock
        self._hlc = ""

    def load(self, connection: Connection) -> None:
        """Read who is known and how far the journal reaches; call it once before anything else."""
        identities = Identities(self.birth.root_public_key, self.birth.plane_device)
        for event in journal.system_events(connection):
            identities = identities.after(event.envelope)
        self.identities, self.head = identities, journal.head(connection)
        self._access = {
            row.incident: access_from_object(json.loads(row.state)) for row in connection.execute(select(ACCESS))
        }
        self._hlc = journal.newest_hlc(connection, self.key.id)

    def access(self, incident: str) -> Access:
        """Who is let into that incident after the last commit."""
        return self._access.get(incident, OPEN)

    def closed_to(self, person: str) -> tuple[str, ...]:
        """The incidents whose access is limited to others than that person."""
        return tuple(incident for incident, access in self._access.items() if not access.lets_in(person))

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return uuid7(to_epoch_us(self._clock()) // 1000, os.urandom(10))

    def write(
        self, tx: Transaction, event_type: str, incident: str, body: Mapping[str, Any], *, event_id: str = ""
    ) -> str:
        """Append an event of the plane's own to that incident; the event's id."""
        connection, now = tx.connection, self._clock()
        at = journal.chain_head(connection, (self.key.id, incident, self.birth.incarnation))
        self._hlc = hlc_next(self._hlc, to_epoch_us(now) // 1000)
        envelope = Envelope(
            type=event_type,
            event_id=event_id or self.new_id(),
            incident=incident,
            device=self.key.id,
            incarnation=self.birth.incarnation,
            seq=at.seq + 1,
            prev_hash=at.hash,
            actor=ACTOR,
            role="",
            policy_hash=self._policy_hash,
            hlc=self._hlc,
            seen_gpos=journal.locked_head(tx).gpos,
            exercise=self.birth.exercise,
            body=body,
        )
        self._place(tx, Placing(sign(envelope, self.key), format_utc(now)))
        self._publish_head(tx)
        return envelope.event_id

    def take(self, tx: Transaction, events: Sequence[SignedEvent]) -> list[Receipt]:
        """Judge pushed events in order and give each its receipt, the same for the same event within an epoch."""
        receipts = [self._take_one(tx, event) for event in events]
        self._publish_head(tx)
        return receipts

    def known(self, tx: Transaction) -> Identities:
        """Everybody known at this point of the transaction."""
        known: Identities = tx.held.get(_KNOWN, self.identities)
        return known

    def _take_one(self, tx: Transaction, event: SignedEvent) -> Receipt:
        connection, now = tx.connection, self._clock()
        try:
            envelope = event.envelope
        except (InputError, UnicodeError) as error:
            digest = leaf_digest(event.canon.encode("utf-8", "surrogatepass")).hex()
            return self._unplaced("", digest, Problem("malformed", str(error)[:300]))
        known, taken = journal.seen_before(connection, envelope.event_id, event.hash, self.key, self.birth.epoch)
        if known is not None:
            return known
        head = journal.chain_head(connection, envelope.chain)
        access = self._admitted(tx).get(envelope.incident, OPEN)
        scene = Scene(self.known(tx), self.birth.exercise, head, taken, now, access, self.lent_most_h)
        verdict = judge_event(event, scene)
        if not verdict.recorded:
            assert verdict.problem is not None
            return self._unplaced(envelope.event_id, event.hash, verdict.problem)
        if not verdict.skew_ms:
            self._hlc = hlc_merge(self._hlc, envelope.hlc)
        return self._place(tx, Placing(event, format_utc(now), verdict.problem, verdict.advances, verdict.skew_ms))

    def _place(self, tx: Transaction, placing: Placing) -> Receipt:
        receipt = journal.place(tx, placing, self.key, self.birth.epoch)
        if placing.problem is None:
            event = placing.event.envelope
            self._learn(tx, event)
            follow_incidents(tx.connection, event, placing.received_at)
        return receipt

    def _learn(self, tx: Transaction, event: Envelope) -> None:
        """What an accepted event changes about who is known and let in, published once it is committed."""
        known = self.known(tx)
        after = known.after(event)
        if after is not known:
            tx.held[_KNOWN] = after
            tx.then(lambda: setattr(self, "identities", after))
        if event.incident == SYSTEM or event.type not in FOLDED_TYPES or _says_too_much(event, after, self._clock()):
            return
        admitted = self._admitted(tx)
        access = admitted.get(event.incident, OPEN).after(event.type, event.body)
        tx.held[_ADMITTED] = {**admitted, event.incident: access}
        tx.then(lambda: self._access.update({event.incident: access}))
        tx.connection.execute(delete(ACCESS).where(ACCESS.c.incident == event.incident))
        tx.connection.execute(insert(ACCESS).values(incident=event.incident, state=json.dumps(access.as_object())))

    def _admitted(self, tx: Transaction) -> Mapping[str, Access]:
        admitted: Mapping[str, Access] = tx.held.get(_ADMITTED, self._access)
        return admitted

    def _unplaced(self, event_id: str, event_hash: str, problem: Problem) -> Receipt:
        return journal.unplaced(event_id, event_hash, problem, self.key, self.birth.epoch)

    def _publish_head(self, tx: Transaction) -> None:
        at = journal.locked_head(tx)
        tx.then(lambda: setattr(self, "head", at))


def _says_too_much(event: Envelope, known: Identities, now: datetime) -> bool:
    """Whether an event gives the command to somebody who may not command by a grant or a loan that runs.

    It stays in the record; but whoever may write in an incident could otherwise shut its commander out of it.
    """
    if event.type != ROLE_TAKEN or event.body["role"] != COMMANDER:
        return False
    return COMMANDER not in known.roles_at(now).get(str(event.body["person"]), ())


def follow_incidents(connection: Connection, event: Envelope, at: str) -> None:
    """Keep the short list of incidents that intake and the lamps go by."""
    if event.type == "incident.opened":
        row = connection.execute(select(INCIDENT.c.incident).where(INCIDENT.c.incident == event.incident)).first()
        if row is None:
            connection.execute(
                INCIDENT.insert().values(
                    incident=event.incident, target=str(event.body["target"]), opened_at=at, closed_at="", lamps=""
                )
            )
    elif event.type == "incident.closed":
        connection.execute(update(INCIDENT).where(INCIDENT.c.incident == event.incident).values(closed_at=at))

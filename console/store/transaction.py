"""What can be written in one turn: events first of all, and the desk's own rows around them.

Everything here happens inside one BEGIN IMMEDIATE and is undone together. A transaction reads what it has written (it
is `Rows`), so a rule is checked against the database and not against memory. It is dead once its block has been left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import AUTHORISED, SENT, Order, may_follow
from console.domain.errors import InputError, RefusedError
from console.domain.events import PERSON_SIGNED, check_body
from console.domain.times import format_utc, parse_utc, to_epoch_us
from console.proof.actor import Actor
from console.proof.chain import ChainHead
from console.proof.envelope import Envelope, SignedEvent, sign
from console.proof.ids import hlc_merge, hlc_next, uuid7
from console.proof.keys import SigningKey, key_id
from console.store import ledger, projections, rows
from console.store._sqlite import Connection
from console.store.readers import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes and with what: `random10` returns ten random bytes, `clock` an aware datetime."""

    device_key: SigningKey
    clock: Callable[[], datetime]
    random10: Callable[[], bytes]
    policy_hash: str
    exercise: bool


@dataclass(slots=True)
class WriterState:
    """What the writer remembers between transactions: ends of its chains, its clock, what it saw of the journal."""

    incarnation: int
    hlc: str
    seen_gpos: int
    last_n: int
    heads: dict[str, ChainHead] = field(default_factory=dict)


class Transaction(Rows):
    """One turn at writing; made by `Record.transaction`."""

    def __init__(
        self, conn: Connection, path: Path, writer: Writer, policy_hash: str, state: WriterState, now: datetime
    ) -> None:
        super().__init__(conn, path)
        self._writer, self._policy_hash = writer, policy_hash
        self._epoch_ms = to_epoch_us(now) // 1000
        self._before, self.incarnation = state, state.incarnation
        self._heads: dict[str, ChainHead] = {}
        self._known_heads = state.heads
        self.hlc, self.seen_gpos, self.last_n = state.hlc, state.seen_gpos, state.last_n
        self._incidents: set[str] = set()
        self._kinds: set[str] = set()
        self._events: list[str] = []
        self.at = format_utc(now)
        """The moment of this transaction, RFC 3339."""

    # -- events

    def append(
        self,
        event_type: str,
        incident: str,
        body: Mapping[str, Any],
        *,
        actor: Actor,
        person_key: SigningKey | None = None,
        event_id: str = "",
    ) -> SignedEvent:
        """Signs an event onto this desk's chain of `incident` and stores, projects and queues it.

        While its author is signed in (`actor.key`), every event carries their signature beside the device's, so that
        a desk that several people share says who wrote what. `event_id` is one of `new_id` when the event must be named
        before it exists. Raises InputError when the body is
        not what the type must hold, RefusedError when the type needs a person's signature and there is none.
        """
        check_body(event_type, body)
        person_key = person_key or actor.key
        if event_type in PERSON_SIGNED and person_key is None:
            raise RefusedError(
                f"'{event_type}' needs the signature of {actor.person}; sign in with a passphrase first."
            )
        key = self._writer.device_key
        head = self._heads.get(incident) or self._known_heads.get(incident)
        if head is None:
            head = ledger.chain_head(self._conn, (key.id, incident, self.incarnation))
        hlc = hlc_next(self.hlc, self._epoch_ms)
        event = Envelope(
            type=event_type,
            event_id=event_id or self.new_id(),
            incident=incident,
            device=key.id,
            incarnation=self.incarnation,
            seq=head.seq + 1,
            prev_hash=head.hash,
            actor=actor.person,
            role=actor.role,
            policy_hash=self._policy_hash,
            hlc=hlc,
            seen_gpos=self.seen_gpos,
            exercise=self._writer.exercise,
            body=body,
        )
        signed = sign(event, key, person_key)
        n = self.last_n + 1
        kinds = ledger.put_event(self._conn, n, signed, event, origin=ledger.OWN, stored_at=self.at)
        if projections.moves_incident(event_type):
            projections.refresh_incident(self._conn, incident)
        self.last_n, self.hlc, self._heads[incident] = n, hlc, ChainHead(event.seq, signed.hash)
        self._events.append(event.event_id)
        self.touch((*kinds, "sync"), (incident,))
        return signed

    def new_id(self) -> str:
        """A fresh UUIDv7 of this transaction's moment."""
        return uuid7(self._epoch_ms, self._writer.random10())

    # -- commands

    def insert_command(self, order: Order, canon: str, sig: str, person_sig: str, *, offset_us: int = 0) -> None:
        """Writes a signed order as a row of its own, authorised and not sent; it never enters the outbox (OFF-3).

        The order's times are the plane's, whose clock is `offset_us` ahead; in the row they stand on the desk's.
        """
        row: dict[str, str | int] = dict.fromkeys(rows.COLUMNS["command"], "")
        row |= {name: getattr(order, name) for name in _OF_ORDER}
        row |= {name: _earlier(getattr(order, name), offset_us) for name in ("expires", "authorised_at")}
        row |= {"state": AUTHORISED, "exercise": int(order.exercise), "offset_us": 0, "offset_known": 0}
        row |= {"results": "{}", "updated_at": self.at, "order_canon": canon, "order_sig": sig}
        rows.insert(self._conn, "command", [*(row | {"order_person_sig": person_sig}).values()])
        self.touch(("command",), (order.incident,))

    def update_command(self, command_id: str, state: str, **known: str | int | Mapping[str, Any]) -> None:
        """Moves a command to `state` and writes what is known of it: any of UPDATABLE, times RFC 3339, "" unchanged.

        The same state again only adds. Raises InputError for an unknown command or field, RefusedError when a command
        may not move there (an end never moves).
        """
        row = rows.one(self._conn, "command", "command_id = ?", (command_id,))
        if row is None:
            raise InputError(f"There is no command {command_id[:40]} in this record; nothing was changed.")
        if state != row["state"] and not _may_reach(row["state"], state):
            raise RefusedError(f"Command {command_id} is {row['state']} and cannot become {state}; look it up again.")
        unknown = set(known) - UPDATABLE
        if unknown:
            raise InputError(f"A command has no field '{min(unknown)}' to update.")
        fresh = {name: _flat(value) for name, value in known.items() if value not in ("", {})}
        rows.replace(self._conn, "command", row | fresh | {"state": state, "updated_at": self.at})
        self.touch(("command",), (row["incident"],))

    def insert_observation(
        self,
        *,
        switch: str,
        target: str,
        state: str,
        generation: int,
        method: str,
        seen_by: str,
        observed_at: str,
        command_id: str = "",
        offset_us: int = 0,
        detail: str = "",
    ) -> None:
        """Keeps one sighting of a switch, at its own time; `offset_us` is the plane's clock minus the desk's."""
        n = self.value("SELECT ifnull(max(n), 0) + 1 FROM observation")
        values = (n, command_id, switch, target, state, generation, seen_by, method, observed_at, self.at, offset_us)
        rows.insert(self._conn, "observation", (*values, detail))
        self.touch(("observation",))

    # -- blobs, drafts, alarms, keys

    def insert_blob(self, sha256: str, size: int) -> None:
        """Says that a blob of `size` bytes lies in the blob store; the same again changes nothing."""
        if self.value("SELECT 1 FROM blob WHERE sha256 = ?", (sha256,)) is None:
            rows.insert(self._conn, "blob", (sha256, size, self.at))
            self.touch(("blob",))

    def save_draft(self, key: str, incident: str, kind: str, text: str) -> None:
        """Keeps unfinished text on this desk only; the same key replaces it."""
        draft = {"key": key, "incident": incident, "kind": kind, "text": text, "saved_at": self.at}
        rows.replace(self._conn, "draft", draft)
        self.touch(("draft",))  # of no incident: no page of it became stale

    def drop_draft(self, key: str) -> None:
        """Forgets a draft, whether or not there is one."""
        self._conn.execute("DELETE FROM draft WHERE key = ?", (key,))
        self.touch(("draft",))

    def raise_alarm(self, kind: str, sentence: str) -> str:
        """Keeps an alarm until a person settles it, and returns its id; the same one is not raised twice meanwhile."""
        same = "SELECT alarm_id FROM alarm WHERE kind = ? AND sentence = ? AND settled_at = ''"
        held = self.value(same, (kind, sentence))
        if held is not None:
            return str(held)
        alarm_id = self.new_id()
        rows.insert(self._conn, "alarm", (alarm_id, kind, sentence, self.at, ""))
        self.touch(("alarm",))
        return alarm_id

    def settle_alarm(self, alarm_id: str) -> None:
        """Marks an alarm as dealt with; it stays in the record."""
        row = rows.one(self._conn, "alarm", "alarm_id = ?", (alarm_id,))
        if row is None:
            raise InputError(f"There is no alarm {alarm_id[:40]} in this record.")
        rows.replace(self._conn, "alarm", row | {"settled_at": row["settled_at"] or self.at})
        self.touch(("alarm",))

    def pin_root(self, public_hex: str) -> None:
        """Pins the organisation's root key: only what it signed certifies people and devices here.

        Raises RefusedError when another root is pinned already.
        """
        held = self.value("SELECT public_key FROM known_key WHERE origin = 'root'")
        if held is not None and held != public_hex:
            raise RefusedError("Another organisation's root key is pinned in this store; use a store of its own.")
        self.hold_key(public_hex, "root")
        self.touch(("organisation",))

    def hold_key(self, public_hex: str, origin: str) -> str:
        """Keeps a public key so that signatures of its device can be judged, and returns the device's id."""
        device = key_id(public_hex)
        held = rows.one(self._conn, "known_key", "device = ?", (device,))
        if held is None or (origin == "root" and held["origin"] != "own"):
            row: dict[str, str | int] = {"device": device, "public_key": public_hex, "origin": origin}
            rows.replace(self._conn, "known_key", row | {"incarnation": 1, "since": self.at})
        return device

    # -- for the other modules of this package

    @property
    def conn(self) -> Connection:
        """The writing connection, for the store's own modules."""
        return self._conn

    @property
    def changes(self) -> Changes:
        """What this transaction touched; also after it has been left."""
        return Changes(frozenset(self._incidents), frozenset(self._kinds), tuple(self._events))

    def touch(self, kinds: Collection[str], incidents: Collection[str] = ()) -> None:
        """Notes what screens must reload."""
        self._kinds.update(kinds)
        self._incidents.update(incidents)

    def witness(self, received: Iterable[str]) -> None:
        """Lets this desk's clock readings sort after those received; a clock far ahead is not followed."""
        beyond = f"{self._epoch_ms + FOLLOWED_SKEW_MS + 1 << 16:016x}"  # readings are compared as they are written
        self.hlc = hlc_merge(self.hlc, max((hlc for hlc in received if hlc < beyond), default=""))

    @property
    def device(self) -> str:
        """The id of this desk's device."""
        return self._writer.device_key.id

    def reread_head(self, incident: str) -> None:
        """Our chain of `incident` goes on from what the record holds now, which may have come from the plane."""
        self._heads[incident] = ledger.chain_head(self._conn, (self.device, incident, self.incarnation))

    def begin_incarnation(self, number: int) -> None:
        """Starts new chains for this device, numbered `number` or the next one, whichever is higher."""
        row = rows.one(self._conn, "known_key", "device = ?", (self.device,))
        assert row is not None  # written when the record was taken up
        self.incarnation = max(number, int(row["incarnation"]) + 1)
        rows.replace(self._conn, "known_key", row | {"incarnation": self.incarnation})
        self._heads, self._known_heads = {}, {}

    def leave(self) -> None:
        """Makes the transaction unusable; whatever touches the database through it afterwards fails."""
        del self._conn

    def remembered(self) -> WriterState:
        """What the writer knows once this is committed."""
        self._known_heads.update(self._heads)
        return WriterState(self.incarnation, self.hlc, self.seen_gpos, self.last_n, self._known_heads)


FOLLOWED_SKEW_MS = 120_000
"""A wrong clock is flagged and never refused; but one more than two minutes ahead must not carry ours away."""

UPDATABLE = frozenset(
    {
        "sent_at", "acknowledged_at", "dispatched_at", "observed_at_plane", "observed_at", "offset_us", "offset_known",
        "results", "problem", "sentence",
    }
)  # fmt: skip
"""What `update_command` takes; `results` and `problem` are objects and kept as JSON."""

_OF_ORDER = (
    "command_id", "incident", "switch", "target", "want", "epoch", "generation", "confirmation", "expires",
    "authorised_at",
)  # fmt: skip


def _may_reach(state: str, to: str) -> bool:
    """As `may_follow`, but an order may have been sent before its row could say so."""
    return may_follow(state, to) or (state == AUTHORISED and may_follow(SENT, to))


def _earlier(moment: str, by_us: int) -> str:
    return format_utc(parse_utc(moment) - timedelta(microseconds=by_us)) if by_us else moment


def _flat(value: str | int | Mapping[str, Any]) -> str | int:
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value

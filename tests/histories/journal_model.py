"""The plane's journal as a model: its disk is a value that can be copied, so a backup is one assignment.

Real: admission (`judge_event`), identities, `journal_hash`, receipts, signatures. Model: rows in a list instead of
tables - one call is one transaction, and whoever crashes the plane does it before or after a call, never within.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from console.domain.times import from_epoch_us
from console.plane.admission import Scene, judge_event
from console.plane.desired import Desired
from console.plane.identities import Identities
from console.plane.ledger import Command
from console.proof.chain import ChainHead
from console.proof.checkpoint import sign_checkpoint
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.growth import Frontier
from console.proof.ids import hlc_next
from console.proof.journal import (
    ACCEPTED,
    EMPTY_JOURNAL_HASH,
    REJECTED,
    journal_hash,
    journal_leaf,
    receipt_object,
    sign_receipt,
)
from console.protocol.problems import Problem
from console.sync.values import Receipt
from tests.histories import cast

Chain = tuple[str, str, int]
EMPTY_TREE = Frontier()
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One position of the journal with the receipt given for it."""

    gpos: int
    journal_hash: str
    status: str
    event: SignedEvent
    receipt: Receipt


@dataclass
class Disk:
    """All that survives a stop of the plane; `copy` is a backup."""

    epoch: str
    incarnation: int = 1
    rows: list[Row] = field(default_factory=list)
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    chains: dict[Chain, ChainHead] = field(default_factory=dict)
    ledger: dict[str, Command] = field(default_factory=dict)
    desired: dict[tuple[str, str], Desired] = field(default_factory=dict)
    hlc: str = ""
    frontier: Frontier = EMPTY_TREE
    again: dict[tuple[str, str], str] = field(default_factory=dict)
    """(back-end, command) -> the plane's own assertion by which it holds the command's state there."""

    def copy(self) -> Disk:
        return Disk(
            self.epoch, self.incarnation, list(self.rows), dict(self.receipts), set(self.accepted), dict(self.chains),
            dict(self.ledger), dict(self.desired), self.hlc, self.frontier, dict(self.again),
        )  # fmt: skip

    @property
    def size(self) -> int:
        return len(self.rows)

    def hash_at(self, gpos: int) -> str | None:
        if gpos == 0:
            return EMPTY_JOURNAL_HASH
        return self.rows[gpos - 1].journal_hash if gpos <= len(self.rows) else None


class Journal:
    """The pen on one disk: places events and writes the plane's own."""

    def __init__(self, disk: Disk, *, exercise: bool, fresh_id: Any) -> None:
        self.disk, self.exercise, self._fresh_id = disk, exercise, fresh_id
        self.key = cast.plane_key()
        self.identities = Identities(cast.root_key().public_hex, self.key.id)
        for row in disk.rows:
            if row.status == ACCEPTED and row.event.envelope.incident == SYSTEM:
                self.identities = self.identities.after(row.event.envelope)

    def take(self, events: Sequence[SignedEvent], now_us: int) -> tuple[Receipt, ...]:
        """A push: every event judged in order; the same event gets the same receipt for ever."""
        return tuple(self._take_one(event, now_us) for event in events)

    def write(self, kind: str, incident: str, body: Mapping[str, Any], now_us: int) -> str:
        """Appends an event of the plane's own and returns its id."""
        disk = self.disk
        head = disk.chains.get((self.key.id, incident, disk.incarnation), ChainHead())
        disk.hlc = hlc_next(disk.hlc, now_us // 1000)
        envelope = Envelope(
            type=kind, event_id=self._fresh_id(), incident=incident, device=self.key.id, incarnation=disk.incarnation,
            seq=head.seq + 1, prev_hash=head.hash, actor="plane", role="", policy_hash="", hlc=disk.hlc,
            seen_gpos=disk.size, exercise=self.exercise, body=body,
        )  # fmt: skip
        self.place(sign(envelope, self.key), None, advances=True)
        return envelope.event_id

    def place(self, event: SignedEvent, problem: Problem | None, *, advances: bool) -> Receipt:
        """Gives an event the next position."""
        disk, envelope = self.disk, event.envelope
        accepted, gpos = problem is None, disk.size + 1
        status = ACCEPTED if accepted else REJECTED
        receipt = self._receipt(envelope.event_id, event.hash, status, gpos, problem)
        at = journal_hash(disk.rows[-1].journal_hash if disk.rows else EMPTY_JOURNAL_HASH, event.hash, accepted)
        disk.rows.append(Row(gpos, at, status, event, receipt))
        disk.frontier = disk.frontier.after(journal_leaf(event.hash, accepted))
        disk.receipts[envelope.event_id, event.hash] = receipt
        if accepted:
            disk.accepted.add(envelope.event_id)
        if advances:
            disk.chains[envelope.chain] = ChainHead(envelope.seq, event.hash)
        if accepted and envelope.incident == SYSTEM:
            self.identities = self.identities.after(envelope)
        return receipt

    def _take_one(self, event: SignedEvent, now_us: int) -> Receipt:
        envelope = event.envelope
        known = self.known_receipt(envelope.event_id, event.hash)
        if known is not None:
            return known
        verdict = judge_event(event, self._scene(envelope, now_us))
        if not verdict.recorded:
            return self._receipt(envelope.event_id, event.hash, REJECTED, 0, verdict.problem)
        return self.place(event, verdict.problem, advances=verdict.advances)

    def _scene(self, envelope: Envelope, now_us: int) -> Scene:
        return Scene(
            self.identities,
            self.exercise,
            self.disk.chains.get(envelope.chain, ChainHead()),
            envelope.event_id in self.disk.accepted,
            from_epoch_us(now_us),
        )

    def known_receipt(self, event_id: str, event_hash: str) -> Receipt | None:
        """The receipt given for exactly this event before; one of an earlier epoch is signed anew for this one."""
        given = self.disk.receipts.get((event_id, event_hash))
        if given is None:
            return None
        subject = receipt_object(given.event_id, given.hash, given.status, given.gpos, self.disk.epoch)
        return replace(given, server_sig=sign_receipt(self.key, subject))

    def checkpoint(self) -> str:
        """The signed note of the tree as it is."""
        origin, tree = cast.origin_of(exercise=self.exercise), self.disk.frontier
        return sign_checkpoint(origin, tree.size, tree.root(), self.key, origin)

    def heads(self, device: str, after: tuple[str, int], limit: int) -> tuple[list[tuple[str, int, int, str]], bool]:
        """Where the chains of a device end, (incident, incarnation, seq, hash), and whether there are more."""
        found = sorted(
            (incident, incarnation, head.seq, head.hash)
            for (writer, incident, incarnation), head in self.disk.chains.items()
            if writer == device and (incident, incarnation) > after
        )
        return found[:limit], len(found) > limit

    def _receipt(self, event_id: str, event_hash: str, status: str, gpos: int, problem: Problem | None) -> Receipt:
        signed = sign_receipt(self.key, receipt_object(event_id, event_hash, status, gpos, self.disk.epoch))
        why = (problem.kind, problem.detail[:_MAX_TEXT]) if problem else ("", "")
        return Receipt(event_id, event_hash, status, gpos, signed, *why)


def founded(*, exercise: bool, epoch: str, with_guest: bool) -> Disk:
    """The disk of a plane that has just been founded."""
    disk = Disk(epoch)
    journal = Journal(disk, exercise=exercise, fresh_id=lambda: "")
    for event in cast.founding(exercise=exercise, with_guest=with_guest):
        journal.place(event, None, advances=True)
    return disk


def amended(disk: Disk, command_id: str, **changes: Any) -> None:
    """Changes one row of the ledger."""
    disk.ledger[command_id] = replace(disk.ledger[command_id], **changes)

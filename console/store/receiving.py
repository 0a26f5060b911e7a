"""Judges events that others wrote before they are stored: form, place in their chain, signatures, world.

What fits is stored; what does not is kept as evidence of a fork when it is signed (or came through the plane), and is
otherwise refused. Judging the same events again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from console.domain.errors import InputError
from console.domain.events import PERSON_SIGNED
from console.proof.chain import ChainHead, link_fault
from console.proof.envelope import SYSTEM, Envelope, SignedEvent
from console.proof.keys import verify_text
from console.store import ledger
from console.store._sqlite import Connection

Chain = tuple[str, str, int]
_NOWHERE: Mapping[tuple[str, str], tuple[int, str]] = {}


class _Candidate(NamedTuple):
    place: int
    signed: SignedEvent
    alone: bool
    """Whether its own signature must hold, and not only that of a later event of its chain."""


@dataclass(slots=True)
class Judged:
    """What became of each event: `stored` (n, envelope), the place in the batch and why for the rest."""

    stored: list[tuple[int, Envelope]] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    forked: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """Local number by (event id, hash) of every event of the batch that the record holds now."""

    @property
    def incidents(self) -> frozenset[str]:
        """The incidents that have something new."""
        return frozenset(event.incident for _, event in self.stored)


class Receiving:
    """One batch, inside one transaction.

    With `from_plane` the newest signature of each chain in the batch authenticates what precedes it, and nothing is
    dropped: what does not fit is quarantined. Without it (an import) every signature is verified, and what is not
    signed by the device it names is refused. With `keeping` False nothing is quarantined. `exercise` is the world of
    this store, None when that is not settled.

    Rows are written together at the end, those of the incident "system" at once: they certify the devices and people of
    the chains that follow.
    """

    def __init__(
        self, conn: Connection, *, from_plane: bool, exercise: bool | None, at: str, keeping: bool = True
    ) -> None:
        self._conn, self._from_plane, self._exercise, self._at = conn, from_plane, exercise, at
        self._keeping = keeping
        self._origin = ledger.SYNCED if from_plane else ledger.IMPORTED
        self._chains: dict[Chain, list[_Candidate]] = {}
        self._held: dict[str, str] = {}
        self._positions: Mapping[tuple[str, str], tuple[int, str]] = {}
        self._unwritten: list[tuple[int, SignedEvent]] = []
        self._next = 0
        self._keys: dict[str, str] = {}
        self.judged = Judged()

    def take(
        self,
        events: Sequence[SignedEvent],
        suspects: Collection[int] = (),
        positions: Mapping[tuple[str, str], tuple[int, str]] = _NOWHERE,
    ) -> Judged:
        """Judges and stores `events`, which must come in the order of their chains; refresh their incidents afterwards.

        `suspects` are the places of those that the plane rejected: each must carry a signature of its own that holds,
        so that a forgery cannot take the place of the event it imitates. `positions`: (gpos, status) of those that the
        plane has placed, by (event id, hash).
        """
        self._positions = positions
        for place, signed in enumerate(events):
            self._sort_in(place, signed, place in suspects or not self._from_plane)
        known = ledger.stored(self._conn, {c.signed.envelope.event_id for part in self._chains.values() for c in part})
        self._held = {event_id: text_hash for event_id, (text_hash, _) in known.items()}
        self.judged.numbers = {(event_id, text_hash): n for event_id, (text_hash, n) in known.items()}
        self._next = ledger.next_number(self._conn)
        waiting = sorted(self._chains, key=lambda chain: chain[1] != SYSTEM)
        while waiting:
            ready = next((chain for chain in waiting if self._key_of(chain[0])), None)
            if ready is None:
                break
            self._settle(ready)
            waiting.remove(ready)
            if ready[1] == SYSTEM:
                self._write()  # it may certify the device of the next
        self._write()
        for chain in waiting:
            for candidate in self._chains[chain]:
                self._refuse(candidate.place, candidate.signed, f"the key of device {chain[0][:16]} is not known here")
        return self.judged

    def _sort_in(self, place: int, signed: SignedEvent, alone: bool) -> None:
        try:
            event = signed.envelope
        except InputError as error:
            self._refuse(place, signed, error.sentence)
            return
        if self._exercise is not None and event.exercise != self._exercise:
            self._refuse(place, signed, "it belongs to the other world (exercise or production)")
            return
        self._chains.setdefault(event.chain, []).append(_Candidate(place, signed, alone))

    def _key_of(self, device: str) -> str:
        """The device's key, looked for again until it is there; a key never changes, its id is its hash."""
        if not self._keys.get(device):
            self._keys[device] = ledger.public_key_of(self._conn, device)
        return self._keys[device]

    def _settle(self, chain: Chain) -> None:
        """Takes what continues the chain and is vouched for by the signature of its device."""
        key = self._key_of(chain[0])
        fitting = self._fitting(chain, key)
        vouched = next((n for n in range(len(fitting), 0, -1) if fitting[n - 1].signed.signed_by(key)), 0)
        why = ""
        for number, (place, signed, _) in enumerate(fitting):
            if number >= vouched:
                why = why or "its signature is not that of its device"
            why = why or self._person_fault(signed)
            if why:
                self._refuse(place, signed, why)
                continue
            n, event = self._next, signed.envelope
            self._next += 1
            self._unwritten.append((n, signed))
            self._held[event.event_id] = signed.hash
            self.judged.numbers[event.event_id, signed.hash] = n
            self.judged.stored.append((n, event))

    def _write(self) -> None:
        """Stores what was taken."""
        where = {
            n: placed
            for n, signed in self._unwritten
            if (placed := self._positions.get((signed.envelope.event_id, signed.hash))) is not None
        }
        kinds = ledger.put_events(self._conn, self._unwritten, where, origin=self._origin, stored_at=self._at)
        self.judged.kinds.update(kinds)
        self._unwritten = []

    def _fitting(self, chain: Chain, key: str) -> list[_Candidate]:
        """The candidates that continue the chain one after the other; the rest is known already, or set aside."""
        head, found, ids = ledger.chain_head(self._conn, chain), list[_Candidate](), dict[str, str]()
        for candidate in self._chains[chain]:
            place, signed, alone = candidate
            event = signed.envelope
            held = ids.get(event.event_id) or self._held.get(event.event_id, "")
            if held == signed.hash:
                self.judged.known.append(place)
                continue
            fault = "its id is that of another event" if held else link_fault(head, event)
            if fault:
                self._set_aside(candidate, fault, key, is_fork=bool(held) or event.seq <= head.seq + 1)
            elif alone and not signed.signed_by(key):
                self._refuse(place, signed, "its signature is not that of its device")
            else:
                head, ids[event.event_id] = ChainHead(event.seq, signed.hash), signed.hash
                found.append(candidate)
        return found

    def _person_fault(self, signed: SignedEvent) -> str:
        event = signed.envelope
        if event.type not in PERSON_SIGNED and not signed.person_sig:
            return ""
        if not signed.person_sig:
            return "it lacks the signature of its person"
        keys = ledger.person_keys_of(self._conn, event.actor)
        text = signed.canon.encode("utf-8")
        if keys and not any(verify_text(key, text, signed.person_sig) for key in keys):
            return "its person's signature is not theirs"
        return ""

    def _set_aside(self, candidate: _Candidate, fault: str, key: str, *, is_fork: bool) -> None:
        if not is_fork or not (self._from_plane or candidate.signed.signed_by(key)):
            self._refuse(candidate.place, candidate.signed, fault)
            return
        self._keep(candidate.signed, fault)
        self.judged.forked.append((candidate.place, fault))

    def _refuse(self, place: int, signed: SignedEvent, why: str) -> None:
        if self._from_plane:
            self._keep(signed, why)
        self.judged.refused.append((place, why))

    def _keep(self, signed: SignedEvent, why: str) -> None:
        if not self._keeping:
            return
        try:
            event: Envelope | None = signed.envelope
        except InputError:
            event = None
        ledger.put_fork(self._conn, signed, event, reason=why[:300], origin=self._origin, at=self._at)

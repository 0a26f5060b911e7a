"""Chains of events: one a (device, incident, incarnation), each event naming the hash of the one before it.

The newest signature of a chain authenticates all of it, because every hash is inside the next signed text; a reader
verifies links for all and one signature a chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.proof.envelope import FIRST_PREV_HASH, Envelope, SignedEvent

MISSING = "one or more are missing"
"""What `link_fault` says of an event that came before those it follows."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last event of a chain: `seq` 0 and 64 zeros before the first."""

    seq: int = 0
    hash: str = FIRST_PREV_HASH


@dataclass(frozen=True, slots=True)
class ChainFault:
    """Where a chain breaks: `seq` of the first event that does not fit, and one sentence why."""

    chain: tuple[str, str, int]
    seq: int
    sentence: str


def link_fault(head: ChainHead, event: Envelope) -> str:
    """Why `event` does not continue `head`, or "" when it does."""
    if event.seq != head.seq + 1:
        why = MISSING if event.seq > head.seq else "the place is taken"
        return f"event {event.seq} follows event {head.seq}; {why}"
    if event.prev_hash != head.hash:
        return f"event {event.seq} names another predecessor than event {head.seq} of this record"
    return ""


def verify_chain(
    events: Iterable[SignedEvent], device_public: str, head: ChainHead | None = None
) -> ChainHead | ChainFault:
    """Checks the links of one chain in order and the signature of its newest event.

    Returns the new head, or the first fault. `head` is where checking starts (an earlier, trusted end).
    """
    at = head or ChainHead()
    newest: SignedEvent | None = None
    for signed in events:
        event = signed.envelope
        fault = link_fault(at, event)
        if fault:
            return ChainFault(event.chain, event.seq, fault)
        at, newest = ChainHead(event.seq, signed.hash), signed
    if newest is not None and not _device_sig_holds(newest, device_public):
        return ChainFault(newest.envelope.chain, at.seq, f"the signature of event {at.seq} is not that of its device")
    return at


def _device_sig_holds(signed: SignedEvent, device_public: str) -> bool:
    """The device signature alone; a person's signature is judged where people's keys are known."""
    return SignedEvent(signed.canon, signed.sig).verify(device_public)

"""Judges what the plane answered before anything of it is kept: entries, receipts, sizes, identity. Pure.

Each function returns a fault, (reason, sentence), or None. A fault is a sign that the plane was rolled back, replaced
or forged; the engine raises an alarm for it and keeps everything it holds.
"""

from __future__ import annotations

from dataclasses import replace

from console.proof.journal import ACCEPTED, journal_hash, receipt_object, verify_receipt
from console.protocol.limits import DEFAULT_LIMITS, Limits
from console.sync.values import Cursor, JournalAnswered, OutboxItem, PlaneIdentity, PushAnswered, Receipt

Fault = tuple[str, str]
ALARMS = frozenset({"epoch", "root", "plane_key", "receipt", "shrunk", "gap", "hash", "position"})
"""The reasons of the alarms that the engine raises; while one is unsettled it neither sends nor fetches."""


def epoch_fault(known: str, seen: str) -> Fault | None:
    """An epoch other than ours: the journal was restored from a backup, or this is another plane."""
    if known and known != seen:
        return (
            "epoch",
            "The plane's journal was restarted from a backup; all that is held here is kept, ask the plane's keeper.",
        )
    return None


def identity_fault(known: PlaneIdentity | None, seen: PlaneIdentity) -> Fault | None:
    """Another organisation root or another plane key than the one met first."""
    if known is None or known == seen:
        return None
    if known.root_public_key != seen.root_public_key:
        return (
            "root",
            "The plane names another organisation root key than before; it may not be yours, nothing is sent to it.",
        )
    return (
        "plane_key",
        "The plane answers under another identity than before; nothing is sent until its keeper has confirmed it.",
    )


def receipts_fault(
    plane: PlaneIdentity, epoch: str, sent: tuple[OutboxItem, ...], receipts: tuple[Receipt, ...]
) -> Fault | None:
    """A receipt that the plane did not sign, or for another text than the one sent."""
    hashes = {item.event_id: item.event.hash for item in sent}
    for receipt in receipts:
        if receipt.event_id not in hashes:
            continue
        subject = receipt_object(receipt.event_id, receipt.hash, receipt.status, receipt.gpos, epoch)
        if receipt.hash != hashes[receipt.event_id] or not verify_receipt(
            plane.plane_public_key, subject, receipt.server_sig
        ):
            return (
                "receipt",
                f"The plane's receipt for event {receipt.event_id} is not its own or for another text.",
            )
    return None


def matching(sent: tuple[OutboxItem, ...], answered: PushAnswered) -> tuple[Receipt, ...]:
    """The receipts for events that were in the batch, one each."""
    wanted = {item.event_id for item in sent}
    return tuple({receipt.event_id: receipt for receipt in answered.receipts if receipt.event_id in wanted}.values())


def follow(cursor: Cursor, answered: JournalAnswered) -> Cursor | Fault:
    """The cursor after `answered.entries`, or the fault that shows they do not continue our copy of the journal."""
    seen = max(cursor.size_seen, cursor.gpos)
    if answered.size < seen:
        return (
            "shrunk",
            f"The plane's journal holds {answered.size} entries and held {seen} before; it was rolled back.",
        )
    gpos, at = cursor.gpos, cursor.hash
    for entry in answered.entries:
        if entry.gpos != gpos + 1:
            return (
                "gap",
                f"The plane's journal jumps from position {gpos} to {entry.gpos}; nothing after {gpos} is kept.",
            )
        expected = journal_hash(at, entry.event.hash, entry.status == ACCEPTED)
        if entry.journal_hash != expected:
            return (
                "hash",
                f"Position {entry.gpos} of the journal has not the hash its entries give; it is not kept.",
            )
        gpos, at = entry.gpos, expected
    if gpos > answered.size or (gpos == answered.size and at != answered.journal_hash):
        return (
            "hash",
            f"The plane's journal at position {gpos} has not the hash its entries give; it is another journal.",
        )
    return Cursor(answered.epoch, gpos, at, max(cursor.size_seen, answered.size))


def narrower(limits: Limits) -> Limits:
    """The smaller of the plane's limits and our own; never below one."""
    names = ("events_per_push", "push_bytes", "event_bytes", "journal_page", "long_poll_s")
    return replace(DEFAULT_LIMITS, **{n: max(1, min(getattr(limits, n), getattr(DEFAULT_LIMITS, n))) for n in names})

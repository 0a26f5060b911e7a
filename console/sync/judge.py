"""Judges what the plane answered before anything of it is kept: entries, receipts, sizes, identity. Pure.

Each function returns a fault, (reason, sentence), or None. A fault is a sign that the plane was rolled back, replaced
or forged; the engine raises an alarm for it and keeps everything it holds.
"""

from __future__ import annotations

from dataclasses import replace

from console.proof.checkpoint import CheckpointError, NoteKey, verify_checkpoint
from console.proof.growth import Frontier
from console.proof.journal import ACCEPTED, journal_hashes, journal_leaf, receipt_object, verify_receipt
from console.protocol.limits import DEFAULT_LIMITS, Limits
from console.sync.pace import ClockOffset
from console.sync.values import Cursor, JournalAnswered, OutboxItem, PlaneIdentity, PushAnswered, Receipt

Fault = tuple[str, str]
RECOVERED = frozenset({"epoch", "shrunk", "gap", "hash", "position", "checkpoint", "receipt"})
"""Signs of a rolled-back journal: told, then the journal is followed from 0 again and everything offered once more."""
STOPPING = frozenset({"root", "plane_key", "forged_receipt", "forged_checkpoint"})
"""Signs of another or a forged plane: while one is unsettled, nothing is sent or fetched."""
CLOCK = "clock"
"""This desk's clock is wrong; settles by itself once it is right."""
CLOCK_TOLERANCE_US = 120_000_000
FORK = "fork"
"""One chain with two ends: both are kept, a desk whose own it is goes on in a new incarnation."""
ALARMS = RECOVERED | STOPPING | {FORK}
"""The kinds of all alarms that sync raises."""


def clock_fault(offset: ClockOffset) -> str:
    """One sentence when this desk's clock is certainly more than two minutes off the plane's, else "".

    It blocks nothing: what is written here is dated wrongly, and the order of the journal does not depend on that.
    """
    if abs(offset.offset_us) - offset.round_trip_us // 2 <= CLOCK_TOLERANCE_US:
        return ""
    minutes, side = abs(offset.offset_us) / 60e6, "behind" if offset.offset_us > 0 else "ahead of"
    return (
        f"This computer's clock is {minutes:.0f} minutes {side} the plane's and misdates what you write; set it right."
    )


def epoch_fault(known: str, seen: str) -> Fault | None:
    """An epoch other than ours: the journal was restored from a backup, or this is another plane."""
    if known and known != seen:
        return (
            "epoch",
            "The plane's journal was begun anew from a backup; all that is held here is kept and offered to it again.",
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
                "forged_receipt",
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
    verdicts = [(entry.hash, entry.status == ACCEPTED) for entry in answered.entries]
    for entry, expected, verdict in zip(answered.entries, journal_hashes(at, verdicts), verdicts, strict=True):
        if entry.gpos != gpos + 1:
            return (
                "gap",
                f"The plane's journal jumps from position {gpos} to {entry.gpos}; nothing after {gpos} is kept.",
            )
        if entry.journal_hash != expected or (entry.withheld_hash and entry.withheld_hash != verdict[0]):
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
    frontier = cursor.frontier.extended(journal_leaf(*verdict) for verdict in verdicts)
    return Cursor(answered.epoch, gpos, at, max(cursor.size_seen, answered.size), frontier)


def checkpoint_fault(plane: PlaneIdentity, answered: JournalAnswered, frontier: Frontier) -> Fault | None:
    """A checkpoint that this plane did not sign, or of another tree than the one grown here.

    The roots are compared when `frontier` has reached the journal's size; the signature and the size always.
    """
    try:
        seen, _ = verify_checkpoint(answered.checkpoint, [NoteKey(plane.origin, plane.plane_public_key)])
    except CheckpointError as error:
        return "forged_checkpoint", f"The plane's checkpoint is not its own: {error.sentence}"
    if (seen.origin, seen.size) != (plane.origin, answered.size):
        return (
            "checkpoint",
            f"The plane's checkpoint is of {seen.size} entries and its journal holds {answered.size}; they differ.",
        )
    if frontier.size == seen.size and frontier.root() != seen.root:
        return (
            "checkpoint",
            f"The plane's checkpoint of {seen.size} entries is of another journal than the one it has shown here.",
        )
    return None


def narrower(limits: Limits) -> Limits:
    """The smaller of the plane's limits and our own; never below one."""
    names = ("events_per_push", "push_bytes", "event_bytes", "journal_page", "long_poll_s")
    return replace(DEFAULT_LIMITS, **{n: max(1, min(getattr(limits, n), getattr(DEFAULT_LIMITS, n))) for n in names})

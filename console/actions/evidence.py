"""Capturing, sealing and looking at evidence: every step an event before anything is shown (EVI-1 to EVI-3).

An item's ciphertext is in the blob store before its event is written. Its name, salt and plaintext hash travel only
in an encrypted leaf blob, so that the record commits to an item without revealing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.evidence import NESTED_LEVELS
from console.domain.times import format_utc
from console.evidence.items import CapturedItem, Leaf
from console.proof.actor import Actor
from console.proof.checkpoint import sign_checkpoint
from console.proof.merkle import root
from console.store.blobs import BlobStore, Encrypt, StoredBlob
from console.store.facts import incident_facts
from console.store.record import Record
from console.store.transaction import Transaction
from console.store.verify import incident_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """An item that was just copied into the blob store: what it is, where it came from, and its salt (32 bytes)."""

    name: str
    dimension: str
    source: str
    captured_at: datetime
    salt: bytes
    blob: StoredBlob


def capture_item(
    record: Record, incident: str, blobs: BlobStore, encrypt: Encrypt, copied: Copied, actor: Actor, now: datetime
) -> Changes:
    """Commits to an item as the next leaf of the seal that is open now; `encrypt` is the blob store's own.

    Raises InputError for a dimension or a name that cannot stand in a leaf.
    """
    with record.transaction(now) as tx:
        seal, index = _next_place(tx, incident)
        leaf = Leaf(index, copied.name, copied.salt, copied.blob.plain_sha256, copied.blob.plain_size)
        CapturedItem(copied.dimension, leaf)
        leaf_blob = blobs.put(BytesIO(leaf.line), encrypt)
        for blob in (copied.blob, leaf_blob):
            tx.insert_blob(blob.sha256, blob.size)
        body = {
            "item": tx.new_id(),
            "seal": seal,
            "index": index,
            "dimension": copied.dimension,
            "leaf": leaf.digest.hex(),
            "size": copied.blob.plain_size,
            "blob": copied.blob.sha256,
            "leaf_blob": leaf_blob.sha256,
            "source": copied.source,
            "captured_at": format_utc(copied.captured_at),
        }
        tx.append("evidence.captured", incident, body, actor=actor)
    return tx.changes


def seal_evidence(record: Record, incident: str, origin: str, actor: Actor, now: datetime) -> Changes:
    """Closes the open seal: the Merkle root over its leaves under a checkpoint signed by the person.

    `origin` is the plane's, the checkpoint's first line. Later items go into the next seal.
    Raises RefusedError when nothing was captured since the last seal, or when the incident's chains do not hold.
    """
    key = actor.signing_key("Sealing evidence")
    with record.transaction(now) as tx:
        if faults := incident_faults(tx, incident):
            raise RefusedError(
                f"The record of this incident is damaged, so nothing was sealed: {faults[0]} "
                "Run `incident-console store check` and restore the last good backup into a new folder."
            )
        seal, count = _next_place(tx, incident)
        leaves = tx.tuples(
            "SELECT leaf FROM evidence_item WHERE incident = ? AND seal = ? ORDER BY position", (incident, seal)
        )
        if not count:
            raise RefusedError("Nothing was captured since the last seal; capture evidence first.")
        digests = [bytes.fromhex(leaf) for (leaf,) in leaves]
        top = root(digests)
        body = {
            "seal": seal,
            "root": top.hex(),
            "size": len(digests),
            "checkpoint": sign_checkpoint(origin, len(digests), top, key, actor.person),
            "sealer": actor.person,
            "nested": incident_facts(tx, incident).severity in NESTED_LEVELS,
        }
        tx.append("evidence.sealed", incident, body, actor=actor, person_key=key)
    return tx.changes


def record_look(
    record: Record, incident: str, seal: int, item: str, purpose: str, actor: Actor, now: datetime
) -> Changes:
    """Writes down that somebody is about to see an item ("" for the whole seal), before it is shown."""
    with record.transaction(now) as tx:
        tx.append("evidence.looked", incident, {"seal": seal, "item": item, "purpose": purpose}, actor=actor)
    return tx.changes


def record_export(
    record: Record, incident: str, seal: int, manifest_sha256: str, kind: str, actor: Actor, now: datetime
) -> Changes:
    """Writes down that a package left the desk, with the hash of its manifest and the person's signature."""
    body = {"seal": seal, "manifest_sha256": manifest_sha256, "kind": kind}
    key = actor.signing_key("Exporting evidence")
    with record.transaction(now) as tx:
        tx.append("evidence.exported", incident, body, actor=actor, person_key=key)
    return tx.changes


def record_verification(
    record: Record, incident: str, seal: int, verified: bool, findings: Sequence[str], actor: Actor, now: datetime
) -> Changes:
    """Writes down what a verification of the package found."""
    body = {"seal": seal, "verified": verified, "findings": list(findings)}
    with record.transaction(now) as tx:
        tx.append("evidence.verified", incident, body, actor=actor)
    return tx.changes


def _next_place(tx: Transaction, incident: str) -> tuple[int, int]:
    """The number of the open seal (from 1) and how many items it holds already."""
    seal = 1 + int(tx.value("SELECT ifnull(max(seal), 0) FROM seal_now WHERE incident = ?", (incident,)))
    count = tx.value("SELECT count(*) FROM evidence_item WHERE incident = ? AND seal = ?", (incident, seal))
    return seal, int(count)

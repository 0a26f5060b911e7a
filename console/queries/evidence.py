"""Evidence of an incident: captured items, seals, and which dimensions are missing (EVI-1, EVI-6)."""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.evidence import missing_dimensions
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One captured item: its place in its seal, sizes in bytes, the blobs of its ciphertext and of its leaf."""

    item: str
    seal: int
    index: int
    dimension: str
    leaf: str
    size: int
    blob: str
    leaf_blob: str
    source: str
    captured_at: str


@dataclass(frozen=True, slots=True)
class SealRow:
    """One seal: Merkle root in hex, number of leaves, the signed checkpoint, who sealed, whether two must open it."""

    seal: int
    event_id: str
    root: str
    size: int
    checkpoint: str
    sealer: str
    nested: bool


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """All items and seals of an incident, and the dimensions of which nothing was captured."""

    items: tuple[ItemRow, ...]
    seals: tuple[SealRow, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnCapture:
    """A capture of this desk: its place `n` in the record, what the plane made of it, its two blobs."""

    n: int
    event_id: str
    status: str
    blobs: tuple[str, str]


def own_captures(reader: Rows, device: str, after: int, limit: int) -> tuple[OwnCapture, ...]:
    """What this desk captured, also what it got back from the plane, the oldest first, from after place `after` on."""
    found = reader.tuples(
        "SELECT i.n, e.event_id, t.status, i.leaf_blob, i.blob FROM evidence_item i JOIN event e ON e.n = i.n "
        "JOIN timeline t ON t.n = i.n WHERE (e.origin = 'own' OR e.device = ?) AND i.n > ? ORDER BY i.n LIMIT ?",
        (device, after, limit),
    )
    return tuple(OwnCapture(n, event_id, status, (leaf, item)) for n, event_id, status, leaf, item in found)


def evidence(reader: Rows, incident: str) -> EvidenceView:
    """Everything captured and sealed for one incident."""
    items = reader.tuples(
        "SELECT item, seal, position, dimension, leaf, size, blob, leaf_blob, source, captured_at "
        "FROM evidence_item WHERE incident = ? ORDER BY seal, position",
        (incident,),
    )
    seals = reader.tuples(
        "SELECT seal, event_id, root, size, checkpoint, sealer, nested FROM seal_now WHERE incident = ? ORDER BY seal",
        (incident,),
    )
    rows = tuple(ItemRow(*row) for row in items)
    return EvidenceView(
        rows,
        tuple(SealRow(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6])) for row in seals),
        missing_dimensions(row.dimension for row in rows),
    )

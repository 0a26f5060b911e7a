"""Knowing whom to believe: pinning the organisation's root key, which certifies everybody else."""

from __future__ import annotations

from datetime import datetime

from console.domain.changes import Changes
from console.store.record import Record


def pin_root(record: Record, root_public_key: str, now: datetime) -> Changes:
    """Pins the root key that was handed over out of band; raises RefusedError when another one is pinned already."""
    with record.transaction(now) as tx:
        tx.pin_root(root_public_key)
    return tx.changes

"""Unfinished text, kept on this desk only until it is written down or thrown away; saving is cheap and may be often."""

from __future__ import annotations

from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.store.record import Record

MAX_DRAFT = 100_000


def save_draft(record: Record, key: str, incident: str, kind: str, text: str, now: datetime) -> Changes:
    """Keeps `text` under `key`, in place of what was kept there; empty text forgets it. Never an event, never sent.

    Raises RefusedError beyond MAX_DRAFT characters, so that nothing is cut off without a word.
    """
    if len(text) > MAX_DRAFT:
        raise RefusedError(f"The draft has {len(text)} characters; at most {MAX_DRAFT} are kept, attach it as a file.")
    with record.transaction(now) as tx:
        if text:
            tx.save_draft(key, incident, kind, text)
        else:
            tx.drop_draft(key)
    return tx.changes


def discard_draft(record: Record, key: str, now: datetime) -> Changes:
    """Forgets a draft; one that is not there is forgotten already."""
    with record.transaction(now) as tx:
        tx.drop_draft(key)
    return tx.changes

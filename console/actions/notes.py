"""Rewriting a long note: every revision stays, and two that did not know of each other stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.actions.incidents import MAX_NOTE
from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.merging import has_marks
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.record import Record


def revise_note(
    record: Record, incident: str, note: str, text: str, saw: Sequence[str], actor: Actor, now: datetime
) -> Changes:
    """Gives the note that event `note` added a new text; `saw` are the revisions it was made from (or the note itself).

    Naming every sibling in `saw` joins them. Raises RefusedError for a text that is empty, too long or still holds the
    marks of a merge, and when `note` or something in `saw` is not that note or a revision of it.
    """
    if not text.strip():
        raise RefusedError("A note cannot become empty; write what holds instead.")
    if len(text) > MAX_NOTE:
        raise RefusedError(f"The text has {len(text)} characters; at most {MAX_NOTE} fit, attach the rest as evidence.")
    if has_marks(text):
        raise RefusedError("The text still holds the marks of a merge; decide each of them first.")
    with record.transaction(now) as tx:
        known = tx.tuples(
            "SELECT t.event_id FROM timeline t LEFT JOIN note_revision v ON v.n = t.n WHERE t.incident = ?1 "
            "AND t.status <> 'rejected' AND ((t.event_id = ?2 AND t.type = 'note.added') OR v.note = ?2)",
            (incident, note),
        )
        ids = {row[0] for row in known}
        if note not in ids or not saw or not set(saw) <= ids:
            raise RefusedError("That is no note of this incident, or not a revision of it; open it again.")
        body = {"note": note, "text": nfc(text), "saw": sorted(set(saw))}
        tx.append("note.revised", incident, body, actor=actor)
    return tx.changes

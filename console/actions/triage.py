"""Walking the triage tree: every answer is an event with what the person saw, and can be given again (TRI-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.proof.actor import Actor
from console.store.record import Record

ANSWERS = ("yes", "no", "unclear")


def answer_branch(
    record: Record,
    incident: str,
    branch: str,
    answer: str,
    evidence: Sequence[Mapping[str, Any]],
    saw: str,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Keeps one answer with the signals it rests on; an earlier answer to the same branch stays in the record."""
    if answer not in ANSWERS:
        raise RefusedError(f"'{answer[:20]}' is not an answer; say yes, no or unclear.")
    body = {"branch": branch, "answer": answer, "evidence": [dict(piece) for piece in evidence], "saw": saw}
    with record.transaction(now) as tx:
        tx.append("triage.answered", incident, body, actor=actor)
    return tx.changes


def conclude_walk(
    record: Record, incident: str, proposal: Mapping[str, Any], saw: str, actor: Actor, now: datetime
) -> Changes:
    """Records what the walk came to: class, branches, severity, containment, surface, runbook, roles."""
    with record.transaction(now) as tx:
        tx.append("triage.concluded", incident, {**proposal, "saw": saw}, actor=actor)
    return tx.changes

"""Opening an incident by hand: what a person reports counts like a signal, graded by what the inventory says (INT-1).

Nothing is filled in that nobody knows: without a target it is unmapped, and its class follows from triage.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.inventory import InventoryItem
from console.domain.severity import SeverityModel, grade
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.record import Record

CHANNEL = "manual"
MAX_TITLE = 200
_UNKNOWN = ("fingerprint", "class", "traceparent", "parent_span", "model_manifest", "prompt_version")


def open_by_hand(
    record: Record,
    title: str,
    item: InventoryItem | None,
    urgency: str,
    model: SeverityModel,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Opens an incident at `item`, None where the inventory does not hold it; the changes name it (INT-2).

    Raises RefusedError without a title, InputError for an urgency that the policy does not know.
    """
    words = nfc(title.strip())
    if not words or len(words) > MAX_TITLE:
        raise RefusedError(f"Say what is wrong in at most {MAX_TITLE} characters.")
    scope, escalators = model.read_target(item) if item is not None else (next(iter(model.scopes)), ())
    found = grade(model, scope, urgency, escalators=escalators)
    level = model.level(found.level)
    body = dict.fromkeys(_UNKNOWN, "") | {
        "title": words,
        "channel": CHANNEL,
        "reporter": f"user:{actor.person}",
        "detected_at": format_utc(now),
        "signal": {},
        "families": [],
        "target": item.id if item is not None else "",
        "workspace": item.workspace if item is not None else "",
        "retrieval_snapshot": "",
        "containment_flag": False,
        "severity": found.level,
        "owner_role": level.owner_role,
        "decision_due": format_utc(now + timedelta(seconds=level.acknowledge_s)),
    }
    with record.transaction(now) as tx:
        tx.append("incident.opened", tx.new_id(), body, actor=actor)
    return tx.changes

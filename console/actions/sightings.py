"""Keeping what was seen of a switch: what the plane showed in a preview, and what this desk saw for itself.

Neither says anything about the other; only the plane's own observation makes a command "verified by the plane".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from console.domain.changes import Changes
from console.domain.confirmation import Preview
from console.domain.declaring import declared_text
from console.domain.sighting import BY_DESK, OwnLook
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.store.record import Record


def record_sighting(
    record: Record,
    *,
    switch: str,
    target: str,
    preview: Preview,
    method: str,
    seen_at: str,
    command_id: str,
    now: datetime,
    capabilities: Mapping[str, bool] | None = None,
) -> Changes:
    """Keeps what a preview showed of a switch; `seen_at` is the plane's own time of it, RFC 3339 (SWI-4).

    `capabilities` is what the back-end declared then, by name.
    """
    with record.transaction(now) as tx:
        tx.insert_observation(
            switch=switch,
            target=target,
            state=preview.state,
            generation=preview.generation,
            method=method,
            seen_by="plane",
            observed_at=seen_at,
            command_id=command_id,
            offset_us=preview.offset_us,
            detail=declared_text(capabilities or {}),
        )
    return tx.changes


def record_own_look(record: Record, incident: str, look: OwnLook, *, actor: Actor, now: datetime) -> Changes:
    """Writes down what this desk met at the data path, as an event of this desk's own.

    Its time is that of the look, by this desk's clock; "unknown" is written too, with why.
    """
    aim = look.aim
    body = {
        "command_id": aim.assertion_id,
        "switch": aim.switch,
        "target": aim.target,
        "state": look.state,
        "generation": aim.generation,
        "by": BY_DESK,
        "method": "probe",
        "observed_at": format_utc(look.at),
        "results": {},
        "detail": {"why": look.why} if look.why else {},
    }
    with record.transaction(now) as tx:
        tx.append("switch.observed", incident, body, actor=actor)
    return tx.changes

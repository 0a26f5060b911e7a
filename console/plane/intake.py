"""Opening incidents from breaches: one intake a breach, with all that is known in the first second (INT-1, INT-2).

A second series that goes wrong on a target whose incident is still open joins that incident: one fault is one incident,
however many lamps it turns. Nothing that a source sends becomes text of an event; ids and numbers are checked for form.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.domain.errors import InputError
from console.domain.inventory import InventoryItem
from console.domain.judge import Breach, Clearing
from console.domain.severity import entry_floor, grade_stricter
from console.domain.thresholds import BEHAVIOUR
from console.domain.times import format_utc, parse_utc
from console.plane.db import Transaction
from console.plane.judging import Lamps, breach_as_object, breach_from_object, target_of
from console.plane.record import Record
from console.plane.tables import BREACH, INCIDENT
from console.policy import Policy

CHANNEL = "telemetry"
READINGS: Mapping[bool, tuple[str, ...]] = {True: ("active", "degrading"), False: ("degrading", "latent")}
"""Whether a behaviour metric is beyond its limit -> the urgencies it may be read as; the stricter holds (INT-4)."""

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"\d{1,5}\.\d{1,5}\.\d{1,5}(-[0-9A-Za-z.-]{1,30})?")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a real sample request of the target shows; "" for what it does not."""

    traceparent: str = ""
    parent_span: str = ""
    model_manifest: str = ""
    prompt_version: str = ""
    retrieval_snapshot: str = ""


def circumstances_in(items: Sequence[Mapping[str, Any]]) -> Circumstances:
    """Read them out of captured items; the manifest and the retrieved chunk by the hash of their bytes."""
    found: dict[str, str] = {}
    for item in items:
        try:
            data = base64.b64decode(item["content_b64"], validate=True)
            value = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        digest = hashlib.sha256(data).hexdigest()
        if item["dimension"] == "tracing_context":
            _take(found, "traceparent", value.get("traceparent"), _TRACEPARENT)
            _take(found, "parent_span", value.get("parent_span"), _SPAN)
        elif item["dimension"] == "configuration" and "prompt_version" in value:
            found.setdefault("model_manifest", digest)
            _take(found, "prompt_version", value["prompt_version"], _VERSION)
        elif item["dimension"] == "retrieval_snapshot":
            found.setdefault("retrieval_snapshot", f"sha256:{digest}")
    return Circumstances(**found)


def open_intake(
    tx: Transaction, record: Record, policy: Policy, breach: Breach, seen: Circumstances, detected: datetime
) -> str:
    """Record a breach: in the open incident of its target, else in a new one. The incident's id.

    A breach that is known already (the same rule, series and onset) changes nothing.
    """
    known = _known(tx.connection, breach.fingerprint)
    if known:
        return known
    target = target_for(policy, breach)
    incident = _open_incident(tx.connection, target.id)
    if not incident:
        incident = record.new_id()
        body = opening_body(record, policy, breach, target, seen, detected)
        record.write(tx, "incident.opened", incident, body)
    record.write(tx, "signal.breached", incident, breach.as_body())
    tx.connection.execute(
        insert(BREACH).values(
            fingerprint=breach.fingerprint,
            incident=incident,
            metric=breach.metric,
            series=breach.series,
            target=target.id,
            onset=breach.onset,
            breach=json.dumps(breach_as_object(breach)),
            cleared_at="",
        )
    )
    return incident


def clear_intake(tx: Transaction, record: Record, clearing: Clearing) -> None:
    """Record that a breach is over, in the incident it was recorded in."""
    fingerprint = clearing.breach.fingerprint
    incident = _known(tx.connection, fingerprint)
    if incident:
        body = clearing.as_body()
        record.write(tx, "signal.cleared", incident, body)
        tx.connection.execute(
            update(BREACH).where(BREACH.c.fingerprint == fingerprint).values(cleared_at=str(body["cleared_at"]))
        )


def standing_breaches(connection: Connection) -> dict[str, Breach]:
    """The breaches that are not over, by series."""
    rows = connection.execute(select(BREACH.c.series, BREACH.c.breach).where(BREACH.c.cleared_at == ""))
    return {row.series: breach_from_object(json.loads(row.breach)) for row in rows}


def open_incidents(connection: Connection) -> list[tuple[str, str, str]]:
    """(incident, target, lamps last written) of every incident that is not closed."""
    query = select(INCIDENT.c.incident, INCIDENT.c.target, INCIDENT.c.lamps).where(INCIDENT.c.closed_at == "")
    return [(row.incident, row.target, row.lamps) for row in connection.execute(query)]


def write_lamps(tx: Transaction, record: Record, incident: str, target: str, lamps: Lamps, now: datetime) -> None:
    """Record the lamps of an incident's target as they are now (INT-8: they decide about recovery)."""
    body = {
        "target": target,
        "service": lamps.service.state,
        "behaviour": lamps.behaviour.state,
        "samples": lamps.samples,
        "window_s": lamps.window_s,
        "observed_at": format_utc(now),
    }
    record.write(tx, "lamps.observed", incident, body)
    tx.connection.execute(update(INCIDENT).where(INCIDENT.c.incident == incident).values(lamps=lamps_text(lamps)))


def lamps_text(lamps: Lamps) -> str:
    """Both states in one word, to see whether they changed."""
    return f"{lamps.service.state}/{lamps.behaviour.state}"


def target_for(policy: Policy, breach: Breach) -> InventoryItem:
    """The inventory item a breach is about; raises InputError when the inventory has no environment."""
    items = policy.inventory.items
    environment = next((item.id for item in items.values() if item.kind == "environment"), "")
    return policy.inventory.item(target_of(breach.dims, items, environment))


def opening_body(
    record: Record, policy: Policy, breach: Breach, target: InventoryItem, seen: Circumstances, detected: datetime
) -> dict[str, Any]:
    """The body of `incident.opened` with every field of INT-2; the severity is the stricter reading (INT-4)."""
    threshold = policy.thresholds.metric(breach.metric)
    scope, escalators = policy.severity.read_target(target)
    readings = [(scope, urgency) for urgency in READINGS[threshold.kind == BEHAVIOUR]]
    grade = grade_stricter(policy.severity, readings, escalators=escalators, floors=[entry_floor(threshold)])
    level = policy.severity.level(grade.level)
    onset = parse_utc(breach.onset)
    return {
        "title": f"{threshold.title} out of bounds at {target.name}",
        "channel": CHANNEL,
        "reporter": f"system:plane:{record.key.id[:16]}",
        "detected_at": breach.onset,
        "fingerprint": breach.fingerprint,
        "signal": breach.as_body(),
        "class": threshold.incident_class,
        "families": list(_families(policy, threshold.incident_class)),
        "target": target.id,
        "workspace": target.workspace,
        "traceparent": seen.traceparent,
        "parent_span": seen.parent_span,
        "model_manifest": seen.model_manifest,
        "prompt_version": seen.prompt_version,
        "retrieval_snapshot": seen.retrieval_snapshot,
        "containment_flag": False,
        "severity": grade.level,
        "owner_role": level.owner_role,
        "decision_due": format_utc(max(onset, detected) + timedelta(seconds=level.acknowledge_s)),
    }


def _families(policy: Policy, incident_class: str) -> tuple[str, ...]:
    try:
        return policy.taxonomy.families_of([incident_class])
    except InputError:  # a watched metric without a class opens nothing; kept total for foreign data
        return ()


def _known(connection: Connection, fingerprint: str) -> str:
    row = connection.execute(select(BREACH.c.incident).where(BREACH.c.fingerprint == fingerprint)).first()
    return row.incident if row is not None else ""


def _open_incident(connection: Connection, target: str) -> str:
    query = select(INCIDENT.c.incident).where(INCIDENT.c.target == target, INCIDENT.c.closed_at == "")
    row = connection.execute(query.order_by(INCIDENT.c.opened_at)).first()
    return row.incident if row is not None else ""


def _take(found: dict[str, str], name: str, value: object, form: re.Pattern[str]) -> None:
    if name not in found and isinstance(value, str) and form.fullmatch(value):
        found[name] = value

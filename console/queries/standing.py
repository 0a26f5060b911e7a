"""Where an incident stands: its page, who holds which role, when each state was entered, and the one next step.

`standing` is what the incident page shows; `upcoming` is the next step alone, for whoever shows only that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from console.domain.commands import UNKNOWN
from console.domain.errors import InputError
from console.domain.incident import IncidentFacts
from console.domain.next_step import NextStep, Progress, next_step
from console.domain.reach import smallest_hold, switches_for
from console.domain.thresholds import Thresholds
from console.domain.times import format_utc, from_epoch_us
from console.policy import Policy
from console.proof.envelope import Envelope
from console.queries.incidents import IncidentPage, incident
from console.queries.owed import owed_criteria
from console.store.facts import CertifiedPerson, certified_people
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Graded:
    """What the severity rests on; scope and urgency are "" as long as only the intake graded it."""

    scope: str
    urgency: str
    escalators: tuple[str, ...]
    reasons: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Validated:
    """The newest measured run of the incident; `measures` metric -> decimal text, `beyond` those out of bounds."""

    event_id: str
    target: str
    cases: int
    passed: int
    measures: Mapping[str, str]
    beyond: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything the incident page shows, of one moment.

    `roles` maps a role to who holds it in this incident, `entered` a state to when it was entered last (RFC 3339);
    `metric` is that of the signal it opened with, "" without one; `seal` the newest seal's number (0: none) and
    `sealer` who signed it; `captured_at` when the newest item was; `people` everybody certified, with what is lent to
    them.
    """

    page: IncidentPage
    progress: Progress
    step: NextStep
    graded: Graded
    validated: Validated | None
    roles: Mapping[str, str]
    entered: Mapping[str, str]
    metric: str
    owner_role: str
    decision_due: str
    seal: int
    sealer: str
    captured_at: str
    people: Mapping[str, CertifiedPerson]


def standing(
    reader: Rows, incident_id: str, policy: Policy, online: bool = True, now: datetime | None = None
) -> Standing | None:
    """Where the incident stands, or None when the record does not hold it; `online` is whether the plane answers.

    People are shown with the roles lent to them at `now`; without it, with those they hold by a grant alone.
    """
    page = incident(reader, incident_id)
    if page is None:
        return None
    progress = _progress(reader, page, policy, online)
    opened = reader.event(page.row.opened)
    body = opened.envelope.body if opened is not None else {}
    signal = body.get("signal")
    seal, sealer = _newest_seal(reader, incident_id)
    return Standing(
        page=page,
        progress=progress,
        step=next_step(page.facts, progress),
        graded=_graded(reader, page),
        validated=_validated(reader, page.facts),
        roles=dict(reader.tuples("SELECT role, person FROM role_now WHERE incident = ?", (incident_id,))),
        entered=_entered(reader, page),
        metric=str(signal.get("metric", "")) if isinstance(signal, Mapping) else "",
        owner_role=str(body.get("owner_role", "")),
        decision_due=str(body.get("decision_due", "")),
        seal=seal,
        sealer=sealer,
        captured_at=_time_of(_newest_hlc(reader, incident_id, "evidence.captured")),
        people=certified_people(reader, now),
    )


def upcoming(reader: Rows, incident_id: str, policy: Policy, online: bool = True) -> NextStep | None:
    """The next step of the incident, or None when the record does not hold it."""
    page = incident(reader, incident_id)
    return None if page is None else next_step(page.facts, _progress(reader, page, policy, online))


def _progress(reader: Rows, page: IncidentPage, policy: Policy, online: bool) -> Progress:
    row, facts = page.row, page.facts
    concluded, proposed, since = _conclusion(reader, row.incident)
    reviewer, refused = _review(reader, row.incident)
    unknown = "SELECT count(*) FROM command WHERE incident = ? AND state = ?"
    return Progress(
        graded=row.severity_event != row.opened,
        concluded=concluded,
        proposed=proposed,
        hold=_hold(policy, row.target),
        stopped_since=since,
        unknown=bool(reader.value(unknown, (row.incident, UNKNOWN), 0)),
        captured=int(reader.value("SELECT count(*) FROM evidence_item WHERE incident = ?", (row.incident,), 0)),
        out_of_bounds=_out_of_bounds(_validated(reader, facts), policy.thresholds),
        criteria=owed_criteria(reader, row.incident, facts, policy.switches),
        exported=_newest_seal(reader, row.incident)[0] in _exported(reader, row.incident),
        reviewer=reviewer,
        refused=refused,
        online=online,
    )


def _hold(policy: Policy, target: str) -> str:
    try:
        held = smallest_hold(switches_for(policy.inventory, policy.switches, target))
    except InputError:  # what is not in the inventory cannot be acted on
        return ""
    return f"{held.switch} {held.target}" if held is not None else ""


def _conclusion(reader: Rows, incident_id: str) -> tuple[bool, tuple[str, ...], bool]:
    """Whether the walk was concluded, what it proposed, and whether a stop confirmed after it was seen in effect."""
    row = reader.row("SELECT containment, gpos, hlc, event_id FROM conclusion_now WHERE incident = ?", (incident_id,))
    if row is None:
        return False, (), False
    stops = reader.value(
        "SELECT count(*) FROM switch_state c JOIN timeline t ON t.n = c.n JOIN switch_state o "
        "ON o.command_id = c.command_id AND o.kind = 'observed' AND o.method = 'probe' AND o.state = 'stopped' "
        "WHERE c.incident = ? AND c.kind = 'confirmed' AND c.state = 'stopped' AND t.status <> 'rejected' "
        "AND (t.gpos, t.hlc, t.event_id) > (?, ?, ?)",
        (incident_id, row["gpos"], row["hlc"], row["event_id"]),
        0,
    )
    return True, tuple(str(entry) for entry in json.loads(row["containment"])), bool(stops)


def _review(reader: Rows, incident_id: str) -> tuple[str, bool]:
    """Who was asked for a review and has not answered, and whether the last one found the evidence insufficient."""
    asked = _newest(reader, incident_id, "review.requested")
    signed = _newest(reader, incident_id, "review.signed")
    if signed is None:
        return (str(asked[1].body["of"]) if asked is not None else "", False)
    refused = signed[1].body["verdict"] != "evidence_sufficient"
    waiting = asked is not None and asked[0] > signed[0]
    return (str(asked[1].body["of"]) if asked is not None and waiting else "", refused)


def _newest(reader: Rows, incident_id: str, event_type: str) -> tuple[tuple[int, str, str], Envelope] | None:
    """The newest event of that type with its position."""
    found = reader.tuples(
        "SELECT t.gpos, t.hlc, t.event_id FROM timeline t "
        "WHERE t.incident = ? AND t.type = ? AND t.status <> 'rejected' "
        "ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC LIMIT 1",
        (incident_id, event_type),
    )
    signed = reader.event(found[0][2]) if found else None
    return None if signed is None else (tuple(found[0]), signed.envelope)


def _exported(reader: Rows, incident_id: str) -> frozenset[int]:
    return frozenset(int(e.envelope.body["seal"]) for e in reader.events(incident_id, "evidence.exported"))


def _newest_seal(reader: Rows, incident_id: str) -> tuple[int, str]:
    sql = "SELECT seal, sealer FROM seal_now WHERE incident = ? ORDER BY seal DESC LIMIT 1"
    found = reader.tuples(sql, (incident_id,))
    return (int(found[0][0]), str(found[0][1])) if found else (0, "")


def _graded(reader: Rows, page: IncidentPage) -> Graded:
    row = reader.row(
        "SELECT scope, urgency, escalators, reasons, actor FROM severity_now WHERE incident = ?", (page.row.incident,)
    )
    if row is None:
        return Graded("", "", (), (), "")
    lists = [tuple(str(entry) for entry in json.loads(row[name])) for name in ("escalators", "reasons")]
    return Graded(row["scope"], row["urgency"], lists[0], lists[1], row["actor"])


def _validated(reader: Rows, facts: IncidentFacts) -> Validated | None:
    signed = reader.event(facts.mitigation) if facts.mitigation else None
    if signed is None:
        return None
    body = signed.envelope.body
    measures = {str(name): str(value) for name, value in body["measures"].items()}
    beyond = tuple(str(name) for name in body.get("beyond", ()))
    return Validated(facts.mitigation, str(body["target"]), int(body["cases"]), int(body["passed"]), measures, beyond)


def _out_of_bounds(run: Validated | None, thresholds: Thresholds) -> tuple[str, ...]:
    """What the plane found beyond a limit in the newest run, in words with the limit as it is here."""
    return tuple(_in_words(name, run.measures.get(name, "?"), thresholds) for name in run.beyond) if run else ()


def _in_words(metric: str, text: str, thresholds: Thresholds) -> str:
    threshold = thresholds.metrics.get(metric)
    if threshold is None:
        return f"{metric[:60]} {text[:12]}"
    try:
        limit = threshold.limit(threshold.beyond(float(text), "fail") or "floor")
    except ValueError:
        limit = None
    return f"{threshold.title} {text[:12]}" + (f" against {limit.fail:g}" if limit is not None else "")


def _entered(reader: Rows, page: IncidentPage) -> Mapping[str, str]:
    rows = reader.tuples(
        "SELECT l.state, t.hlc FROM lifecycle l JOIN timeline t ON t.n = l.n "
        "WHERE l.incident = ? AND t.status <> 'rejected' ORDER BY t.gpos, t.hlc, t.event_id",
        (page.row.incident,),
    )
    return {"open": page.row.detected_at} | {str(state): _time_of(hlc) for state, hlc in rows}


def _newest_hlc(reader: Rows, incident_id: str, event_type: str) -> str:
    sql = "SELECT max(hlc) FROM timeline WHERE incident = ? AND type = ? AND status <> 'rejected'"
    return str(reader.value(sql, (incident_id, event_type)) or "")


def _time_of(hlc: str) -> str:
    """The author's clock in a hybrid clock reading, "" for none."""
    return format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000)) if hlc else ""

"""Triage of an incident: every answer ever given, the last conclusion, and the signals that stand (TRI-2, TRI-5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.domain.times import format_utc, from_epoch_us
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer with what it rested on; `at` is its author's clock, RFC 3339."""

    event_id: str
    branch: str
    answer: str
    actor: str
    at: str
    evidence: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """What a branch came to that is or was in conflict: the event that `holds`, and every side, oldest first."""

    holds: str
    sides: tuple[str, ...]
    in_conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the walk was last concluded with, as the event holds it."""

    event_id: str
    actor: str
    at: str
    incident_class: str
    branches: tuple[str, ...]
    severity: str
    containment: tuple[str, ...]
    surface: str
    runbook: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandingSignal:
    """A breach that the plane recorded in this incident and has not cleared; `value` a decimal, `onset` RFC 3339."""

    event_id: str
    metric: str
    value: str
    onset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageView:
    """Everything the triage panel shows of one incident; `answers` are the oldest first.

    `saw` is the newest event of triage, or the one that opened the incident: what an answer given now was looking at.
    """

    incident: str
    target: str
    incident_class: str
    severity: str
    state: str
    saw: str
    answers: tuple[GivenAnswer, ...]
    conclusion: Conclusion | None
    signals: tuple[StandingSignal, ...]
    held: Mapping[str, HeldAnswer] = field(default_factory=dict)
    """By branch, where two answers were given at once; elsewhere the newest answer holds."""


def triage(reader: Rows, incident: str) -> TriageView | None:
    """The triage of one incident, or None when the record does not hold it."""
    row = reader.row("SELECT opened, target, class, severity, state FROM incident WHERE incident = ?", (incident,))
    if row is None:
        return None
    answers, conclusion = _answers(reader, incident), _conclusion(reader, incident)
    last = max(((a.at, a.event_id) for a in answers), default=("", ""))
    if conclusion is not None:
        last = max(last, (conclusion.at, conclusion.event_id))
    return TriageView(
        incident=incident,
        target=row["target"],
        incident_class=row["class"],
        severity=row["severity"],
        state=row["state"],
        saw=last[1] or row["opened"],
        answers=answers,
        conclusion=conclusion,
        signals=_signals(reader, incident),
        held=_held(reader, incident),
    )


def _held(reader: Rows, incident: str) -> dict[str, HeldAnswer]:
    rows = reader.tuples(
        "SELECT substr(subject, 8), event_id, sides, in_conflict FROM held "
        "WHERE incident = ? AND substr(subject, 1, 7) = 'triage:'",
        (incident,),
    )
    return {branch: HeldAnswer(holds, _texts(sides), bool(open_still)) for branch, holds, sides, open_still in rows}


def _answers(reader: Rows, incident: str) -> tuple[GivenAnswer, ...]:
    rows = reader.tuples(
        "SELECT t.event_id, a.branch, a.answer, t.actor, t.hlc, a.evidence FROM triage_answer a "
        "JOIN timeline t ON t.n = a.n WHERE a.incident = ? AND t.status <> 'rejected' "
        "ORDER BY t.gpos, t.hlc, t.event_id",
        (incident,),
    )
    return tuple(
        GivenAnswer(event_id, branch, answer, actor, _at(hlc), _objects(evidence))
        for event_id, branch, answer, actor, hlc, evidence in rows
    )


def _conclusion(reader: Rows, incident: str) -> Conclusion | None:
    row = reader.row("SELECT * FROM conclusion_now WHERE incident = ?", (incident,))
    if row is None:
        return None
    return Conclusion(
        event_id=row["event_id"],
        actor=row["actor"],
        at=_at(row["hlc"]),
        incident_class=row["class"],
        branches=_texts(row["branches"]),
        severity=row["severity"],
        containment=_texts(row["containment"]),
        surface=row["surface"],
        runbook=row["runbook"],
        roles=_texts(row["roles"]),
    )


def _signals(reader: Rows, incident: str) -> tuple[StandingSignal, ...]:
    cleared = {str(e.envelope.body["fingerprint"]) for e in reader.events(incident, "signal.cleared")}
    standing = {
        str(event.body["fingerprint"]): StandingSignal(
            event.event_id, str(event.body["metric"]), str(event.body["value"]), str(event.body["onset"])
        )
        for event in (signed.envelope for signed in reader.events(incident, "signal.breached"))
        if event.body["fingerprint"] not in cleared
    }
    return tuple(standing.values())


def _at(hlc: str) -> str:
    return format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000))


def _texts(text: str) -> tuple[str, ...]:
    return tuple(str(item) for item in json.loads(text))


def _objects(text: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(item for item in json.loads(text) if isinstance(item, dict))

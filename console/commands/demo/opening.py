"""The first act: healthy traffic, a fault that no service lamp shows, an intake, a commander, a grade, a walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.actions.incidents import acknowledge, grade, take_role
from console.actions.triage import answer_branch, conclude_walk
from console.commands.demo.cast import COMMANDER
from console.commands.demo.stage import Stage
from console.domain import severity, triage
from console.domain.errors import EnvironmentFault
from console.proof.envelope import Envelope
from console.queries.incidents import IncidentPage, IncidentRow, incident, incidents
from console.queries.timeline import timeline

TARGET = "tenant.borealis"
FAULT, METRIC = "grounding_fall", "grounding_score"
HEALTHY_WITHIN_S = 90.0
BREACH_WITHIN_S = 120.0


@dataclass
class Case:
    """What the story carries from act to act; ids of events, and whatever was measured on the way."""

    incident: str = ""
    fault: str = ""
    stop: str = ""
    restore: str = ""
    proposal: triage.Proposal | None = None
    told: dict[str, Any] = field(default_factory=dict)


def lamps(stage: Stage) -> tuple[str, str]:
    """(service, behaviour) as the plane last sent them; "" before it did."""
    feed = stage.desk.feed
    shown: Mapping[str, Any] = feed.lamps if feed is not None else {}
    return (str(shown.get("service", {}).get("state", "")), str(shown.get("behaviour", {}).get("state", "")))


def _shown(stage: Stage) -> str:
    feed = stage.desk.feed
    parts = feed.lamps.items() if feed is not None else ()
    return ", ".join(f"{name} {seen.get('state')} {' '.join(seen.get('because', ()))}".strip() for name, seen in parts)


def page(stage: Stage, case: Case) -> IncidentPage:
    """The incident as the record holds it now."""
    found = stage.desk.query(incident, case.incident)
    assert found is not None  # the story has opened it
    return found


def watch_healthy_traffic(stage: Stage, case: Case) -> None:
    """Waits until both lamps are judged normal on real traffic."""
    try:
        stage.wait_for(lambda: lamps(stage) == ("normal", "normal"), "Both lamps turning normal", HEALTHY_WITHIN_S)
    except EnvironmentFault as fault:
        raise EnvironmentFault(f"{fault.sentence} They show: {_shown(stage)}; a lower --speed may help.") from fault
    state = stage.range.state()
    stage.say(
        f"Traffic flows: {state['sent']} requests sent, {state['shed']} shed. Service lamp normal, behaviour normal."
    )


def go_wrong(stage: Stage, case: Case) -> None:
    """Injects the fault and waits for the plane to open an incident by itself."""
    case.fault = stage.range.inject(FAULT, TARGET)
    begun = stage.now()
    stage.say(
        f"The answers to {TARGET} quietly stop resting on their sources (fault '{FAULT}'). Every one is HTTP 200."
    )
    found, breach = stage.wait_for(lambda: _breach(stage), "An intake from a breach", BREACH_WITHIN_S)
    signal = breach.body
    case.incident = found.incident
    shown = lamps(stage)
    seconds = round((stage.now() - begun).total_seconds(), 1)
    case.told |= {"detected_after_s": seconds, "signal": signal, "signal_event": breach.event_id, "lamps": shown}
    stage.say(
        f"After {seconds} s the plane opens '{found.title}', {found.severity}: {signal['metric']} {signal['value']} "
        f"against {signal['threshold']}, {signal['samples']} samples."
    )
    stage.say(f"The dashboard of the infrastructure says {shown[0]}; the behaviour lamp says {shown[1].upper()}.")


def take_command(stage: Stage, case: Case) -> None:
    """Acknowledges, takes the commander's seat, grades with reasons."""
    actor = stage.cast.actor(COMMANDER)
    opened = page(stage, case).row
    stage.act(acknowledge, case.incident, opened.opened, actor=actor)
    stage.act(take_role, case.incident, "incident_commander", opened.opened, actor=actor)
    scope, escalators = stage.policy.severity.read_target(stage.policy.inventory.item(TARGET))
    threshold = stage.policy.thresholds.metric(case.told["signal"]["metric"])
    graded = severity.grade(
        stage.policy.severity, scope, "active", escalators=escalators, floors=[severity.entry_floor(threshold)]
    )
    stage.act(
        grade,
        case.incident,
        level=severity.stricter(graded.level, opened.severity),
        scope=graded.scope,
        urgency=graded.urgency,
        reasons=graded.reasons,
        escalators=graded.escalators,
        saw=opened.severity_event,
        actor=actor,
    )
    held = page(stage, case).row.severity
    stage.say(f"{actor.person} acknowledges, takes command and grades it {held}:")
    for reason in graded.reasons:
        stage.say(f"    {reason}")
    case.told["severity"], case.told["reasons"] = held, list(graded.reasons)


def walk_the_tree(stage: Stage, case: Case) -> None:
    """Answers branch by branch, the signals suggesting and the person deciding, until one holds; then concludes."""
    actor, tree = stage.cast.actor(COMMANDER), stage.policy.triage
    opened, signal = page(stage, case).row, case.told["signal"]
    suggested = triage.suggest(tree, breached=[signal["metric"]])
    walk = triage.Walk(tree)
    evidence = {"metric": signal["metric"], "value": signal["value"], "event": case.told["signal_event"]}
    while not walk.holding():
        branch = walk.next_branch()
        answer = "yes" if any(s.branch == branch for s in suggested) else "no"
        seen = [evidence] if answer == "yes" else []
        walk = walk.answer(branch, answer, seen)
        stage.act(answer_branch, case.incident, branch, answer, seen, opened.opened, actor=actor)
        stage.say(f"Triage: {tree.branch(branch).title}? {answer}.")
    level = stage.policy.severity.level(case.told["severity"])
    case.proposal = triage.propose(
        walk,
        stage.policy.switches,
        stage.policy.inventory,
        incident_class=opened.incident_class,
        severity=case.told["severity"],
        target=TARGET,
        pages=level.pages,
    )
    stage.act(conclude_walk, case.incident, case.proposal.as_body(), opened.opened, actor=actor)
    first = case.proposal.containment[0]
    stage.say(
        f"It proposes: runbook {case.proposal.runbook}, smallest effective step {first.switch} on {first.target} "
        f"({first.scope})."
    )


def _breach(stage: Stage) -> tuple[IncidentRow, Envelope] | None:
    """The incident at the target, and the breach of the metric that the fault spoils, as the plane signed it."""
    for row in stage.desk.query(incidents):
        for entry in stage.desk.query(timeline, row.incident) if row.target == TARGET else ():
            event = entry.signed.envelope
            if event.type == "signal.breached" and event.body["metric"] == METRIC:
                return row, event
    return None

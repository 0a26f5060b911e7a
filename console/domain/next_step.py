"""The one thing a commander should do next: total, deterministic, read off what the record knows.

The rules stand in one list, the first that has something to say wins. Containment comes before diagnosis (SWI-8), an
outcome that nobody knows before everything that rests on it (SWI-7), sealing before restoring (ROL-1), and nothing is
proposed that the entry tests of `domain.incident` would refuse (INT-8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.domain.incident import (
    BEHAVIOUR_RECOVERED,
    CLOSED,
    CONTAINED,
    MITIGATED,
    OPEN,
    SERVICE_RECOVERED,
    IncidentFacts,
    entry_faults,
)

URGENT = ("SEV-0", "SEV-1")
"""Levels at which the reversible hold comes before triage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One restoration criterion of a switch that is stopped: who must sign it ("" when it is measured), and how it is.

    `evidence` is its kind as in `domain.switches`; `met` whether the record proves it, `requested` whether its owner
    was asked since the stop.
    """

    switch: str
    target: str
    id: str
    text: str
    evidence: str
    signed_by: str
    met: bool = False
    requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the next step rests on besides the facts; the defaults are those of an incident that just opened.

    `graded`: a person graded it; `proposed`: containment as the walk concluded it, "SWITCH target" or an action by
    hand, the smallest first; `hold`: the reversible first stop "SWITCH target", "" when there is none; `stopped_since`:
    a stop confirmed after the walk was concluded was seen; `unknown`: of the unresolved commands at least one is in the
    state unknown; `out_of_bounds`: what the last validation found beyond its limits, in words; `exported`: the newest
    seal left the desk; `reviewer`: who was asked and has not answered; `refused`: the last review found the evidence
    insufficient.
    """

    graded: bool = False
    concluded: bool = False
    proposed: tuple[str, ...] = ()
    hold: str = ""
    stopped_since: bool = False
    unknown: bool = False
    captured: int = 0
    out_of_bounds: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    exported: bool = False
    reviewer: str = ""
    refused: bool = False
    online: bool = True


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do, why, by which action of the desk; `waits` when others or the system must move first.

    `switch` and `target` name what it is about, "" where it is about the incident itself; `state` is the one to enter.
    """

    sentence: str
    why: str
    action_id: str
    waits: bool = False
    switch: str = ""
    target: str = ""
    state: str = ""

    @property
    def panel(self) -> str:
        """The panel on which it is done or watched."""
        return self.action_id.removeprefix("view.").partition(".")[0]


def next_step(facts: IncidentFacts, progress: Progress) -> NextStep:
    """The one next step; there always is one, and the same knowledge always gives the same."""
    return next(step for rule in _RULES if (step := rule(facts, progress)) is not None)


def ready_state(facts: IncidentFacts) -> str:
    """The next state that may be entered now, in order of the lifecycle, or ""; closing has a step of its own."""
    later = _ORDER[_ORDER.index(facts.state) + 1 :] if facts.state in _ORDER else ()
    return next((state for state in later if not entry_faults(state, facts)), "")


_Rule = Callable[[IncidentFacts, Progress], NextStep | None]
_ORDER = (OPEN, CONTAINED, MITIGATED, SERVICE_RECOVERED, BEHAVIOUR_RECOVERED)


def _over(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.state != CLOSED:
        return None
    return NextStep("This incident is closed", "Choose another one on the board.", "view.board", waits=True)


def _acknowledge(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.acknowledged:
        return None
    return NextStep(
        "Acknowledge it",
        "It says that somebody has seen it; until then the plane goes on calling people.",
        "incident.acknowledge",
    )


def _take_command(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.commander:
        return None
    return NextStep("Take command", "Nobody leads the response yet.", "incident.take_command")


def _resolve(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    if not facts.unresolved_commands:
        return None
    if progress.unknown:
        return NextStep(
            "Look up what became of the command",
            "Its outcome is unknown. It is never sent again by itself." + _offline(progress, _LATER),
            "switches.look_up",
        )
    return NextStep(
        "Wait for the probe",
        "A command is under way; it counts once the data path was seen to obey.",
        "view.switches",
        waits=True,
    )


def _grade(_: IncidentFacts, progress: Progress) -> NextStep | None:
    if progress.graded:
        return None
    return NextStep(
        "Grade it", "The level it opened with is the stricter reading of a signal; a person decides.", "incident.grade"
    )


def _hold(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    if facts.stops or progress.concluded or not progress.hold or facts.severity not in URGENT:
        return None
    switch, target = _pair(progress.hold)
    return NextStep(
        f"Hold: stop {target} with {switch}",
        "It can be taken back, and evidence is captured beside it. Containment comes before diagnosis."
        + _offline(progress),
        "switches.hold",
        switch=switch,
        target=target,
    )


def _contain(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.state != OPEN or entry_faults(CONTAINED, facts):
        return None
    return _enter(CONTAINED, "The stop was seen to take effect at the data path.")


def _walk(_: IncidentFacts, progress: Progress) -> NextStep | None:
    if progress.concluded:
        return None
    return NextStep(
        "Walk the triage tree",
        "Signals suggest, you answer; it ends in the smallest step that contains.",
        "view.triage",
    )


def _throw(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    """The step that triage proposed, unless it is in force or the commander has meanwhile thrown another."""
    switch, target = _pair(progress.proposed[0]) if progress.proposed else ("", "")
    done = f"{switch} {target}" in facts.stops or progress.stopped_since or bool(facts.restored)
    if not target or done:
        return None
    return NextStep(
        f"Throw {switch} on {target}",
        "It is the smallest step that contains what triage found." + _offline(progress),
        "switches.throw",
        switch=switch,
        target=target,
    )


def _capture(_: IncidentFacts, progress: Progress) -> NextStep | None:
    if progress.captured:
        return None
    return NextStep(
        "Capture the evidence",
        "Before anything is changed back, what shows the failure is copied and encrypted." + _offline(progress, _DROP),
        "evidence.capture",
    )


def _seal(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    if facts.sealed and not facts.unsealed_items:
        return None
    return NextStep(
        "Seal the evidence",
        f"{facts.unsealed_items or progress.captured} items lie under no seal yet.",
        "incident.seal",
    )


def _validate(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    held = _held(facts)
    if not held or (facts.mitigation and not progress.out_of_bounds):
        return None
    why = "Cases are run against the stopped target and delivered to nobody."
    if progress.out_of_bounds:
        why = f"The last run was out of bounds: {'; '.join(progress.out_of_bounds)}. Take the cause away first."
    return _run(held, why + _offline(progress, _LATER))


def _mitigate(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.state not in (OPEN, CONTAINED) or entry_faults(MITIGATED, facts):
        return None
    return _enter(MITIGATED, "The measured run shows the failure gone. That is not yet a resolution.")


def _prove(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    """The first criterion of a held switch that nothing in the record proves."""
    held = _held(facts)
    owed = next((c for c in progress.criteria if not c.met and f"{c.switch} {c.target}" in held), None)
    if owed is None:
        return None
    if owed.evidence == "validation":
        return _run(
            (f"{owed.switch} {owed.target}",), f"A restore asks for it: {owed.text}" + _offline(progress, _LATER)
        )
    if owed.evidence == "sealed_item":
        return NextStep(
            "Capture the evidence that the restore asks for",
            owed.text,
            "evidence.capture",
            switch=owed.switch,
            target=owed.target,
        )
    return NextStep(
        f"{'Wait for' if owed.requested else 'Ask'} {_title(owed.signed_by)} to sign off",
        owed.text,
        "view.timeline" if owed.requested else "incident.request_criterion",
        waits=owed.requested,
        switch=owed.switch,
        target=owed.target,
    )


def _restore(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    held = _held(facts)
    if not held:
        return None
    switch, target = _pair(held[0])
    return NextStep(
        f"Restore {target}: {switch} back to running",
        "Every criterion has its evidence." + _offline(progress),
        "switches.restore",
        switch=switch,
        target=target,
    )


def _contain_at_all(facts: IncidentFacts, _: Progress) -> NextStep | None:
    if facts.stops:
        return None
    return NextStep(
        "Choose a switch that contains it",
        "What was done by hand nobody can see from here; recovery is judged after a stop that was seen.",
        "view.switches",
    )


def _recover(facts: IncidentFacts, _: Progress) -> NextStep | None:
    """Service first, then behaviour: two states that must not be taken for one (ROL-8)."""
    for state in (SERVICE_RECOVERED, BEHAVIOUR_RECOVERED):
        missing = entry_faults(state, facts)
        if missing:
            return NextStep(
                f"Wait for {state.removesuffix('_recovered')} to recover",
                missing[0],
                "view.telemetry",
                waits=True,
            )
        if facts.state in _ORDER and _ORDER.index(facts.state) < _ORDER.index(state):
            return _enter(state, "Its lamp was measured normal since the last restore.")
    return None


def _complete(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    if not facts.missing_dimensions:
        return None
    return NextStep(
        "Capture the evidence that is missing",
        f"Nothing was captured of: {', '.join(name.replace('_', ' ') for name in facts.missing_dimensions)}."
        + _offline(progress, _DROP),
        "evidence.capture",
    )


def _export(_: IncidentFacts, progress: Progress) -> NextStep | None:
    if progress.exported:
        return None
    return NextStep("Export the sealed package", "The reviewer judges the package, not this desk.", "incident.export")


def _review(facts: IncidentFacts, progress: Progress) -> NextStep | None:
    if facts.review and facts.reviewer not in facts.responders:
        return None
    if progress.reviewer:
        return NextStep(
            f"Wait for the review by {progress.reviewer}",
            "Closing needs the judgement of somebody who did not respond.",
            "view.timeline",
            waits=True,
        )
    why = "Somebody who did not respond must find the evidence sufficient."
    if progress.refused:
        why = "The last review found the evidence insufficient; its findings are in the timeline."
    elif facts.review:
        why = f"{facts.reviewer} responded to this incident, so the review does not count."
    return NextStep("Ask for the review", why, "incident.request_review")


def _close(_: IncidentFacts, __: Progress) -> NextStep:
    return NextStep(
        "Close the incident",
        "Restored, sealed and reviewed. Say in words what was wrong and what ended it.",
        "incident.close",
    )


_RULES: tuple[_Rule, ...] = (
    _over, _acknowledge, _take_command, _resolve, _grade, _hold, _contain, _walk, _throw, _capture, _seal, _validate,
    _mitigate, _prove, _restore, _contain_at_all, _recover, _complete, _export, _review, _close,
)  # fmt: skip


def _enter(state: str, why: str) -> NextStep:
    return NextStep(f"Enter the state '{state.replace('_', ' ')}'", why, "incident.enter_state", state=state)


def _run(held: tuple[str, ...], why: str) -> NextStep:
    switch, target = _pair(held[0])
    return NextStep(f"Validate {target}", why, "incident.validate", switch=switch, target=target)


def _held(facts: IncidentFacts) -> tuple[str, ...]:
    return tuple(sorted(set(facts.stops) - set(facts.restored)))


def _pair(name: str) -> tuple[str, str]:
    """Switch and target of "SWITCH target"; both "" for what is done by hand."""
    switch, _, target = name.partition(" ")
    return (switch, target) if target else ("", "")


def _title(role: str) -> str:
    return f"the {role.replace('_', ' ')}" if role else "the owner"


_CARD = " The plane cannot be reached: the fallback card says what to do by hand."
_DROP = " The plane cannot be reached: drop files in by hand."
_LATER = " The plane cannot be reached, and this needs it."


def _offline(progress: Progress, says: str = _CARD) -> str:
    return "" if progress.online else says

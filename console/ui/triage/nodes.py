"""What the tree shows at each branch: state from the answers, live signals, and the answer they propose. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.domain.judge import ABNORMAL, NORMAL, WARNING
from console.domain.thresholds import Thresholds
from console.domain.triage import ANSWERS, NO, UNCLEAR, YES, Branch, TriageTree, Walk
from console.queries.triage import GivenAnswer, HeldAnswer, StandingSignal
from console.ui.readings import Reading

INFRA = "infra."
"""Begins the name under which an answer to an infrastructure question is kept."""
_NOTHING_HELD: Mapping[str, HeldAnswer] = {}
OPEN = "open"
STATE_WORDS = {YES: "holds", NO: "ruled out", UNCLEAR: "unclear", OPEN: "open"}


@dataclass(frozen=True)
class SignalView:
    """One metric beside a branch: what it reads, in words and as a state; `standing` when only the record says so."""

    metric: str
    title: str
    value: float | None
    unit: str
    state: str
    standing: bool = False
    event_id: str = ""
    onset: str = ""
    """When the breach began that the record holds and that nobody has cleared, RFC 3339; "" without one."""


@dataclass(frozen=True)
class NodeView:
    """One branch as it stands: `state` is yes | no | unclear | open, `proposed` what the signals say or ""."""

    branch: Branch
    number: int
    state: str
    is_next: bool
    proposed: str
    signals: tuple[SignalView, ...]
    in_conflict: bool = False


def walk_of(
    tree: TriageTree,
    answers: Sequence[GivenAnswer],
    pending: Mapping[str, str],
    held: Mapping[str, HeldAnswer] = _NOTHING_HELD,
) -> Walk:
    """The walk that the record and what is being recorded come to; answers of unknown branches stand aside."""
    walk = Walk(tree)
    for branch, answer in _given(answers, pending, held):
        if branch in tree.branches and answer in ANSWERS:
            walk = walk.answer(branch, answer)
    return walk


def infra_answers(
    answers: Sequence[GivenAnswer], pending: Mapping[str, str], held: Mapping[str, HeldAnswer] = _NOTHING_HELD
) -> dict[str, str]:
    """The answer that holds of each infrastructure question, by its id."""
    given = _given(answers, pending, held)
    return {branch.removeprefix(INFRA): answer for branch, answer in given if branch.startswith(INFRA)}


def _given(
    answers: Sequence[GivenAnswer], pending: Mapping[str, str], held: Mapping[str, HeldAnswer]
) -> list[tuple[str, str]]:
    """(branch, answer) in order; what a conflict came to after all the others, what is being recorded at the end."""
    said = {one.event_id: one for one in answers}
    came_to = [said[one.holds] for one in held.values() if one.holds in said]
    return [(one.branch, one.answer) for one in (*answers, *came_to)] + list(pending.items())


def nodes(
    walk: Walk,
    thresholds: Thresholds,
    readings: Mapping[str, Reading],
    standing: Sequence[StandingSignal],
    held: Mapping[str, HeldAnswer] = _NOTHING_HELD,
) -> tuple[NodeView, ...]:
    """Every branch in walk order."""
    current, following = walk.current(), walk.next_branch()
    found = []
    for number, branch in enumerate(walk.tree.branches.values(), 1):
        signals = tuple(_signals(branch, thresholds, readings, standing))
        state = current[branch.id].answer if branch.id in current else OPEN
        disputed = branch.id in held and held[branch.id].in_conflict
        found.append(NodeView(branch, number, state, branch.id == following, _proposed(signals), signals, disputed))
    return tuple(found)


def evidence_of(node: NodeView) -> list[dict[str, Any]]:
    """What an answer at this branch rests on: signals that are out of bounds, and what else was read there."""
    return [
        {"metric": one.metric, "value": "" if one.value is None else f"{one.value:.6g}", "state": one.state}
        | ({"event": one.event_id} if one.event_id else {})
        for one in node.signals
        if one.value is not None or one.event_id
    ]


def _signals(
    branch: Branch, thresholds: Thresholds, readings: Mapping[str, Reading], standing: Sequence[StandingSignal]
) -> list[SignalView]:
    recorded = {signal.metric: signal for signal in standing}
    found = []
    for metric in branch.metrics:
        rule, reading, signal = thresholds.metrics.get(metric), readings.get(metric), recorded.get(metric)
        title, unit = (rule.title, rule.unit) if rule is not None else (metric, "")
        event_id, onset = (signal.event_id, signal.onset) if signal is not None else ("", "")
        if reading is not None and reading.value is not None:
            well = signal is None or reading.state == NORMAL  # what is well now is not called breached by the record
            state = reading.state if well else ABNORMAL
            found.append(SignalView(metric, title, reading.value, unit, state, event_id=event_id, onset=onset))
        elif signal is not None:
            found.append(SignalView(metric, title, _number(signal.value), unit, ABNORMAL, True, event_id, onset))
        else:
            found.append(SignalView(metric, title, None, unit, reading.state if reading is not None else ""))
    return found


def _proposed(signals: Sequence[SignalView]) -> str:
    """Yes when a signal is, or by the record was, out of bounds; unclear when one is doubtful, no when all are well."""
    states = [signal.state for signal in signals]
    if ABNORMAL in states or any(signal.event_id for signal in signals):
        return YES
    if WARNING in states:
        return UNCLEAR
    return NO if NORMAL in states else ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

"""What the grade sheet decides by: the answers chosen so far and the level that follows from them, without a widget."""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.severity import Floor, entry_floor, grade, lowering_needs_second, stricter
from console.policy import Policy
from console.queries.standing import Standing

FIRST_URGENCY = "active"
HELD = "Lowering {} takes a second person, so the higher level holds until one agrees."


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person chose: scope and urgency, and the escalators that hold, all ids of the policy."""

    scope: str
    urgency: str
    escalators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The level that would be recorded, and why."""

    level: str
    reasons: tuple[str, ...]


def first_answers(standing: Standing, policy: Policy) -> Answers:
    """The answers that the last grade gave, else what the inventory says of the target."""
    given, model = standing.graded, policy.severity
    if given.scope in model.scopes and given.urgency in model.urgencies:
        return Answers(given.scope, given.urgency, tuple(e for e in given.escalators if e in model.escalators))
    item = policy.inventory.items.get(standing.page.row.target)
    scope, escalators = model.read_target(item) if item is not None else (next(iter(model.scopes)), ())
    urgency = FIRST_URGENCY if FIRST_URGENCY in model.urgencies else next(iter(model.urgencies))
    return Answers(scope, urgency, escalators)


def outcome(standing: Standing, policy: Policy, answers: Answers) -> Outcome:
    """What these answers come to, with the floor of the signal and without lowering what takes two (SEV-4)."""
    found = grade(
        policy.severity,
        answers.scope,
        answers.urgency,
        escalators=answers.escalators,
        floors=_floors(standing, policy),
    )
    held = standing.page.row.severity
    try:
        needs_second = lowering_needs_second(held, found.level)
    except ValueError:  # what it opened with is no level of ours
        return Outcome(found.level, found.reasons)
    if needs_second:
        return Outcome(stricter(held, found.level), (*found.reasons, HELD.format(held)))
    return Outcome(found.level, found.reasons)


def _floors(standing: Standing, policy: Policy) -> list[Floor]:
    try:
        return [entry_floor(policy.thresholds.metric(standing.metric))] if standing.metric else []
    except InputError:  # a metric of another policy sets no floor here
        return []

"""How bad it is: a total function of impact scope and urgency that gives its reasons (SEV-1 to SEV-6).

Everything it weighs is data (`data/severity.yml`); how loud the press is has no input here. Reasons are sentences for a
person, in the order in which they moved the level.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.inventory import InventoryItem
from console.domain.thresholds import Threshold

LEVELS = ("SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4")
"""Most severe first."""

ANSWERS = ("yes", "no", "unknown")
PREVALENCES = ("common", "occasional", "rare", "unknown")
EFFORTS = ("low", "exotic", "unknown")
FLAGS = ("regulated", "vulnerable_users", "irreversible")
"""Flags of an inventory item that answer an escalator's question by themselves."""


def stricter(*levels: str) -> str:
    """The most severe of these levels; raises InputError for a name that is none."""
    for level in levels:
        if level not in LEVELS:
            raise InputError(f"'{level[:20]}' is not a severity level; choose one of {', '.join(LEVELS)}.")
    return min(levels, key=LEVELS.index)


def lowering_needs_second(old: str, new: str) -> bool:
    """Whether this change lowers a SEV-0 or SEV-1, which takes two people (SEV-4)."""
    return LEVELS.index(new) > LEVELS.index(old) and old in LEVELS[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One row of the severity table; times are seconds, `pages` and `owner_role` role ids.

    The last three fields are the yes/no questions every level answers (SEV-5).
    """

    id: str
    envelope: str
    max_blast_radius: str
    reversibility: str
    escalation_trigger: str
    first_action: str
    pages: tuple[str, ...]
    acknowledge_s: int
    first_mitigation_s: int
    owner_role: str
    freeze_releases: bool
    notify_customers: bool
    page_leadership: bool


@dataclass(frozen=True, slots=True)
class Escalator:
    """Raises a level by `raises` steps, never beyond `not_beyond`; where the scope counts it already, it only says so.

    `flag` is the inventory flag that answers it, or "".
    """

    id: str
    question: str
    raises: int
    not_beyond: str
    counted_in: tuple[str, ...]
    flag: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What SEV-6 asks for besides; "unknown" never moves a level."""

    prevalence: str = "unknown"
    effort: str = "unknown"
    seen_before: str = "unknown"
    pause_development: str = "unknown"


@dataclass(frozen=True, slots=True)
class CircumstanceRule:
    """When every circumstance in `when` holds, the level rises by `raises` steps, never beyond `not_beyond`."""

    id: str
    when: Mapping[str, str]
    raises: int
    not_beyond: str
    says: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Another document's scale: `spans` maps its labels to ours (most severe first), `back` ours to its labels."""

    id: str
    title: str
    spans: Mapping[str, tuple[str, ...]]
    back: Mapping[str, str]

    def to_ours(self, label: str) -> str:
        """Our level; where the label spans two of ours, the stricter. Raises InputError for an unknown label."""
        try:
            return stricter(*self.spans[label])
        except KeyError:
            known = ", ".join(self.spans)
            raise InputError(f"{self.title} has no level '{label[:20]}'; choose one of {known}.") from None

    def from_ours(self, level: str) -> str:
        """Its label for our level; raises InputError for a name that is no level."""
        return self.back[stricter(level)]


@dataclass(frozen=True, slots=True)
class Floor:
    """A level that entry may not fall below, and the sentence why (a runbook's entry level, a metric's floor)."""

    level: str
    why: str


@dataclass(frozen=True, slots=True)
class SeverityModel:
    """The whole model: levels, scopes and urgencies with their titles, the matrix, what raises, and other ladders.

    `stricter_for_s` are the first seconds of an incident in which the stricter reading holds; `regulated_alerts` the
    roles told of any exposure of regulated data, whatever the level; `scope_of_kind` the scope an inventory kind has.
    """

    levels: Mapping[str, Level]
    scopes: Mapping[str, str]
    urgencies: Mapping[str, str]
    matrix: Mapping[tuple[str, str], str]
    escalators: Mapping[str, Escalator]
    circumstance_rules: tuple[CircumstanceRule, ...]
    ladders: Mapping[str, Ladder]
    scope_of_kind: Mapping[str, str]
    stricter_for_s: int
    regulated_alerts: tuple[str, ...]

    def level(self, level_id: str) -> Level:
        """The row of that level; raises InputError when there is none."""
        return self.levels[stricter(level_id)]

    def read_target(self, item: InventoryItem) -> tuple[str, tuple[str, ...]]:
        """(scope, escalators) that the inventory itself gives for an incident at `item`."""
        scope = self.scope_of_kind[item.kind]
        if item.kind != "environment" and len(item.tenants) == 1:
            scope = self.scope_of_kind["tenant"]
        return scope, tuple(e.id for e in self.escalators.values() if e.flag and getattr(item, e.flag))


@dataclass(frozen=True, slots=True)
class Grade:
    """A level with what led to it; `escalators` are those that hold, `alerts` roles to tell whatever the level."""

    level: str
    scope: str
    urgency: str
    reasons: tuple[str, ...]
    escalators: tuple[str, ...]
    alerts: tuple[str, ...]


def grade(
    model: SeverityModel,
    scope: str,
    urgency: str,
    *,
    escalators: Collection[str] = (),
    floors: Iterable[Floor] = (),
    circumstances: Circumstances | None = None,
    regulated_data: bool = False,
) -> Grade:
    """Severity = f(impact scope, urgency), raised by what holds besides, never below a floor; with its reasons.

    Total over the model: every scope, urgency and combination of the rest has a level. Raises InputError for a scope,
    urgency, escalator or circumstance that the model does not have.
    """
    _check(model, scope, urgency, escalators)
    level = model.matrix[scope, urgency]
    reasons = [f"{model.scopes[scope]}, and {model.urgencies[urgency]}: {level}."]
    held = tuple(e for e in model.escalators.values() if e.id in escalators)
    for escalator in held:
        if scope in escalator.counted_in:
            reasons.append(f"{escalator.question} Yes; the scope counts it already.")
        else:
            level = _raise(level, escalator.raises, escalator.not_beyond, f"{escalator.question} Yes", reasons)
    for rule in _rules_that_hold(model, circumstances or Circumstances()):
        level = _raise(level, rule.raises, rule.not_beyond, rule.says, reasons)
    for floor in floors:
        if stricter(level, floor.level) != level:
            level = floor.level
            reasons.append(f"{floor.why} This holds it at {level} at least.")
    if regulated_data:
        reasons.append("Regulated data is exposed; governance is told whatever the level.")
    alerts = model.regulated_alerts if regulated_data else ()
    return Grade(level, scope, urgency, tuple(reasons), tuple(e.id for e in held), alerts)


def entry_floor(threshold: Threshold, *, capped: bool = False) -> Floor:
    """The floor that a breach of this metric sets at entry; `capped` when an automatic cap stopped the damage."""
    level = threshold.capped_floor if capped and threshold.capped_floor else threshold.severity_floor
    return Floor(level, f"{threshold.title} is beyond its limit{', and a cap stopped it' if capped else ''}.")


def grade_stricter(
    model: SeverityModel,
    readings: Sequence[tuple[str, str]],
    *,
    escalators: Collection[str] = (),
    floors: Iterable[Floor] = (),
    circumstances: Circumstances | None = None,
    regulated_data: bool = False,
) -> Grade:
    """The strictest grade of several readings (scope, urgency) of one ambiguous signal, for intake (INT-4).

    It holds for `stricter_for_s` seconds; then a person decides. Raises InputError when there is no reading.
    """
    if not readings:
        raise InputError("There is no reading of this signal to grade; name at least one scope and urgency.")
    kept = tuple(floors)
    grades = [
        grade(
            model,
            scope,
            urgency,
            escalators=escalators,
            floors=kept,
            circumstances=circumstances,
            regulated_data=regulated_data,
        )
        for scope, urgency in readings
    ]
    best = min(grades, key=lambda g: LEVELS.index(g.level))
    if len({g.level for g in grades}) == 1:
        return best
    others = ", ".join(sorted({g.level for g in grades} - {best.level}))
    minutes = model.stricter_for_s // 60
    why = f"It can also be read as {others}; the stricter reading holds for the first {minutes} minutes."
    return Grade(best.level, best.scope, best.urgency, (*best.reasons, why), best.escalators, best.alerts)


def _check(model: SeverityModel, scope: str, urgency: str, escalators: Collection[str]) -> None:
    for name, kind, known in (
        (scope, "impact scope", model.scopes),
        (urgency, "urgency", model.urgencies),
        *((e, "escalator", model.escalators) for e in escalators),
    ):
        if name not in known:
            raise InputError(f"There is no {kind} '{name[:40]}'; choose one of {', '.join(known)}.")


def _rules_that_hold(model: SeverityModel, circumstances: Circumstances) -> list[CircumstanceRule]:
    for name, allowed in (
        ("prevalence", PREVALENCES),
        ("effort", EFFORTS),
        ("seen_before", ANSWERS),
        ("pause_development", ANSWERS),
    ):
        if getattr(circumstances, name) not in allowed:
            raise InputError(f"The answer to '{name}' must be one of {', '.join(allowed)}.")
    return [
        rule
        for rule in model.circumstance_rules
        if all(getattr(circumstances, name) == value for name, value in rule.when.items())
    ]


def _raise(level: str, steps: int, not_beyond: str, why: str, reasons: list[str]) -> str:
    """Raises by whole steps up to `not_beyond`; a level already at or above it stays."""
    at, stop = LEVELS.index(level), LEVELS.index(not_beyond)
    to = max(at - steps, stop) if at > stop else at
    reasons.append(f"{why}: raised to {LEVELS[to]}." if to != at else f"{why}; it stays at {level}.")
    return LEVELS[to]

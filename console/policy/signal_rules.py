"""What must hold between the fields of the files about what goes wrong: taxonomy, severity, triage, thresholds.

As in `rules`, every breach is noted with its place, and only files of the right shape are asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from console.domain.inventory import KINDS
from console.domain.severity import LEVELS
from console.policy.findings import Findings
from console.policy.references import SEVERITY, TAXONOMY, THRESHOLDS, TRIAGE
from console.policy.signal_shapes import (
    LadderShape,
    MetricShape,
    SeverityShape,
    TaxonomyShape,
    ThresholdsShape,
    TriageShape,
)


def check_thresholds(findings: Findings, shape: ThresholdsShape) -> None:
    """Limits fit the direction, and lie in order."""
    for name, metric in shape.metrics.items():
        for field, text in _metric_faults(metric):
            findings.add(THRESHOLDS, text, ("metrics", name, *field))


def _metric_faults(metric: MetricShape) -> list[tuple[tuple[str, ...], str]]:
    faults: list[tuple[tuple[str, ...], str]] = []
    floor, ceiling = metric.floor, metric.ceiling
    if metric.direction == "band" and (floor is None) != (ceiling is None):
        faults.append(((), "a band needs both floor and ceiling; add the one that is missing."))
    if metric.direction == "floor" and ceiling is not None:
        faults.append((("ceiling",), "the direction is floor; take this out, or make the direction band."))
    if metric.direction == "ceiling" and floor is not None:
        faults.append((("floor",), "the direction is ceiling; take this out, or make the direction band."))
    if floor is not None and floor.warn < floor.fail:
        faults.append((("floor",), "warn must not be below fail, or the warning would come after the breach."))
    if ceiling is not None and ceiling.warn > ceiling.fail:
        faults.append((("ceiling",), "warn must not be above fail, or the warning would come after the breach."))
    if floor is not None and ceiling is not None and floor.warn >= ceiling.warn:
        faults.append((("floor",), "floor and ceiling overlap; nothing would be normal."))
    if floor is not None and metric.aggregate == "sum_per_min":
        faults.append((("floor",), "a sum by the minute reads low while a series begins; it can have a ceiling only."))
    return faults


def check_taxonomy(findings: Findings, shape: TaxonomyShape, thresholds: ThresholdsShape | None) -> None:
    """Every indicator has a limit; a cause has a nature or is counted as one that has."""
    for class_id, incident_class in shape.classes.items():
        indicator = incident_class.indicator
        metric = thresholds.metrics.get(indicator.metric) if thresholds else None
        if metric is not None and getattr(metric, indicator.side) is None:
            text = f"{indicator.metric} has no {indicator.side} in {THRESHOLDS}; name the side it has, or give it one."
            findings.add(TAXONOMY, text, ("classes", class_id, "indicator", "side"))
    for cause_id, cause in shape.causes.items():
        if bool(cause.nature) == bool(cause.same_as):
            text = "give it either a nature or the cause it is counted `as`, and not both."
            findings.add(TAXONOMY, text, ("causes", cause_id))
        elif cause.same_as in shape.causes and not shape.causes[cause.same_as].nature:
            text = f"{cause.same_as} is counted as another itself; name the cause that has a nature."
            findings.add(TAXONOMY, text, ("causes", cause_id, "as"))


def check_severity(findings: Findings, shape: SeverityShape) -> None:
    """All five levels, a matrix without gaps, rules that say when, and ladders that come back."""
    _check_complete(findings, ("levels",), shape.levels, LEVELS)
    _check_complete(findings, ("scope_of_kind",), shape.scope_of_kind, KINDS)
    _check_matrix(findings, shape)
    for rule_id, rule in shape.circumstances.items():
        if not rule.when.model_dump(exclude_none=True):
            text = "it would always hold; say when, by prevalence, effort, seen_before or pause_development."
            findings.add(SEVERITY, text, ("circumstances", rule_id, "when"))
    for ladder_id, ladder in shape.ladders.items():
        _check_ladder(findings, ladder_id, ladder)


def _check_matrix(findings: Findings, shape: SeverityShape) -> None:
    """Every scope and urgency has a level, and wider or more urgent is never milder."""
    _check_complete(findings, ("matrix",), shape.matrix, shape.scopes)
    for scope, row in shape.matrix.items():
        _check_complete(findings, ("matrix", scope), row, shape.urgencies)
    steps = [((a, urgency), (b, urgency)) for a, b in pairwise(shape.scopes) for urgency in shape.urgencies]
    steps += [((scope, a), (scope, b)) for scope in shape.scopes for a, b in pairwise(shape.urgencies)]
    for worse, milder in steps:
        one, other = (shape.matrix.get(scope, {}).get(urgency) for scope, urgency in (worse, milder))
        if one is not None and other is not None and LEVELS.index(one) > LEVELS.index(other):
            text = f"{one} is milder than {other} at {', '.join(milder)}; wider or more urgent is never milder."
            findings.add(SEVERITY, text, ("matrix", *worse))


def _check_ladder(findings: Findings, ladder_id: str, ladder: LadderShape) -> None:
    """The way from a label to ours and back keeps the label."""
    _check_complete(findings, ("ladders", ladder_id, "back"), ladder.back, LEVELS)
    for label, span in ladder.spans.items():
        path = ("ladders", ladder_id, "spans", label)
        if [LEVELS.index(level) for level in span] != sorted({LEVELS.index(level) for level in span}):
            findings.add(SEVERITY, "name each level once, the most severe first.", path)
        elif ladder.back.get(span[0], label) != label:
            text = f"{span[0]} goes back to '{ladder.back[span[0]]}'; the way there and back must keep the label."
            findings.add(SEVERITY, text, path)
    for level, label in ladder.back.items():
        if level not in ladder.spans.get(label, ()):
            text = f"'{label}' does not span {level}; correct one of the two."
            findings.add(SEVERITY, text, ("ladders", ladder_id, "back", level))


def check_triage(
    findings: Findings, shape: TriageShape, taxonomy: TaxonomyShape | None, runbooks: Iterable[str]
) -> None:
    """One key a branch, a way for every class, no pair twice, and every runbook within reach."""
    keys: dict[str, str] = {}
    for branch_id, branch in shape.branches.items():
        if branch.key in keys:
            text = f"'{branch.key}' already opens {keys[branch.key]}; choose another letter."
            findings.add(TRIAGE, text, ("branches", branch_id, "key"))
        keys.setdefault(branch.key, branch_id)
    pairs: set[tuple[str, str]] = set()
    for place, route in enumerate(shape.routes):
        pair = (route.incident_class, route.branch)
        if pair in pairs:
            findings.add(TRIAGE, f"{pair[0]} at {pair[1]} stands above already; keep one row.", ("routes", place))
        pairs.add(pair)
    if taxonomy is None:
        return
    led = {route.incident_class for route in shape.routes}
    for class_id in taxonomy.classes:
        if class_id not in led:
            findings.add(TRIAGE, f"no row leads the class {class_id} to a branch; add one.", ("routes",))
    reached = {route.runbook for route in shape.routes} | set(taxonomy.playbooks.model_dump().values())
    for runbook in runbooks:
        if runbook not in reached:
            findings.add(TRIAGE, f"no class leads to the runbook {runbook}; add a row that does.", ("routes",))


def _check_complete(findings: Findings, path: tuple[str, ...], have: Iterable[str], need: Iterable[str]) -> None:
    missing = set(need) - set(have)
    for name in (name for name in need if name in missing):
        findings.add(SEVERITY, f"{name} is missing; add it.", path)

"""From checked shapes to the frozen values of `domain`; nothing is decided here, and nothing can fail any more."""

from __future__ import annotations

from collections.abc import Iterable

from console.domain.budgets import Caps, micro_usd
from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.roles import Role, RoleBook
from console.domain.severity import CircumstanceRule, Escalator, Ladder, Level, SeverityModel
from console.domain.switches import Breaker, GateLimits, GateTimes, RestoreCriterion, Switch, SwitchCatalogue
from console.domain.taxonomy import Cause, IncidentClass, Indicator, OtherLayer, Taxonomy
from console.domain.thresholds import Limit, Threshold, Thresholds
from console.domain.triage import Action, Branch, InfraQuestion, Route, TriageTree
from console.policy.rules import BY_HAND
from console.policy.shapes import BudgetsShape, ItemShape, RolesShape, SwitchesShape, SystemsShape
from console.policy.signal_shapes import (
    DefaultsShape,
    LadderShape,
    LimitShape,
    MetricShape,
    SeverityShape,
    TaxonomyShape,
    ThresholdsShape,
    TriageShape,
)


def build_inventory(files: Iterable[SystemsShape]) -> Inventory:
    """One inventory of all environments."""
    items: dict[str, InventoryItem] = {}
    enforcements: list[Enforcement] = []
    probes: dict[str, str] = {}
    data_paths: dict[str, str] = {}
    for shape in files:
        probes[shape.environment] = shape.probe
        data_paths[shape.environment] = shape.data_path
        for item_id, item in shape.items.items():
            items[item_id] = _item(item_id, item, shape.environment)
        for adapter, table in shape.enforcement.items():
            enforcements += [Enforcement(switch, target, adapter) for switch, ids in table.items() for target in ids]
    return Inventory(items, tuple(enforcements), probes, data_paths)


def _item(item_id: str, shape: ItemShape, environment: str) -> InventoryItem:
    kind, _, name = item_id.partition(".")
    return InventoryItem(
        id=item_id,
        kind=kind,
        name=name,
        environment=environment,
        tenants=tuple(shape.tenants),
        workspace=shape.workspace,
        owner_role=shape.owner_role,
        sensitivity=shape.sensitivity,
        regulated=shape.regulated,
        vulnerable_users=shape.vulnerable_users,
        irreversible=shape.irreversible,
        derived_from=tuple(shape.derived_from),
        of=shape.of,
        text=shape.text,
    )


def build_roles(shape: RolesShape) -> RoleBook:
    """Every role, alias and the room."""
    roles = {
        role_id: Role(id=role_id, **role.model_dump(exclude={"inferred"}), inferred=tuple(role.inferred))
        for role_id, role in shape.roles.items()
    }
    return RoleBook(roles, dict(shape.aliases), tuple(shape.room.levels), tuple(shape.room.roles))


def build_switches(shape: SwitchesShape) -> SwitchCatalogue:
    """The switches, the titles of all actions, the numbers of the gates, breakers and budgets."""
    switches = {
        switch_id: Switch(
            id=switch_id,
            title=s.title,
            cuts=s.cuts,
            mechanism=s.mechanism,
            kinds=tuple(s.kinds),
            owner_role=s.owner_role,
            thrown_by=tuple(s.thrown_by),
            step=s.step,
            reversible=s.reversible,
            criteria=tuple(RestoreCriterion(id=i, **criterion.model_dump()) for i, criterion in s.criteria.items()),
            fallback=s.fallback,
            source=s.source,
            notice=s.notice,
        )
        for switch_id, s in shape.switches.items()
    }
    titles = {action_id: action.title for action_id, action in shape.actions.items()}
    return SwitchCatalogue(
        switches,
        titles,
        GateTimes(**shape.times.model_dump()),
        GateLimits(**shape.gates.model_dump()),
        {i: Breaker(id=i, **breaker.model_dump()) for i, breaker in shape.breakers.items()},
        _caps(shape.budgets),
    )


def _caps(shape: BudgetsShape) -> Caps:
    return Caps(shape.turns, shape.input_tokens, shape.writes, micro_usd(shape.usd))


def build_taxonomy(shape: TaxonomyShape, thresholds: ThresholdsShape) -> Taxonomy:
    """Classes with the value of their indicator's limit looked up."""
    classes = {}
    for class_id, c in shape.classes.items():
        limit = getattr(thresholds.metrics[c.indicator.metric], c.indicator.side)
        value = float(getattr(limit, c.indicator.level))
        classes[class_id] = IncidentClass(
            id=class_id,
            title=c.title,
            layer=c.layer,
            indicator=Indicator(c.indicator.metric, c.indicator.alias, c.indicator.side, c.indicator.level, value),
            symptom=c.symptom,
            trace_attribute=c.trace_attribute,
            families=tuple(c.families),
        )
    causes = {i: Cause(i, c.title, c.nature, c.same_as, c.source) for i, c in shape.causes.items()}
    layers = {i: OtherLayer(i, layer.incident_class, layer.why) for i, layer in shape.other_layers.items()}
    return Taxonomy(classes, causes, layers, shape.playbooks.model_dump())


def build_severity(shape: SeverityShape) -> SeverityModel:
    """The severity model, levels most severe first."""
    return SeverityModel(
        levels={
            level_id: Level(id=level_id, **row.model_dump(exclude={"pages"}), pages=tuple(row.pages))
            for level_id, row in sorted(shape.levels.items())
        },
        scopes=dict(shape.scopes),
        urgencies=dict(shape.urgencies),
        matrix={(scope, urgency): level for scope, row in shape.matrix.items() for urgency, level in row.items()},
        escalators={
            i: Escalator(i, e.question, e.raises, e.not_beyond, tuple(e.counted_in), e.flag)
            for i, e in shape.escalators.items()
        },
        circumstance_rules=tuple(
            CircumstanceRule(i, rule.when.model_dump(exclude_none=True), rule.raises, rule.not_beyond, rule.says)
            for i, rule in shape.circumstances.items()
        ),
        ladders={i: _ladder(i, ladder) for i, ladder in shape.ladders.items()},
        scope_of_kind=dict(shape.scope_of_kind.items()),
        stricter_for_s=shape.stricter_for_s,
        regulated_alerts=tuple(shape.regulated_alerts),
    )


def _ladder(ladder_id: str, shape: LadderShape) -> Ladder:
    spans = {label: tuple(span) for label, span in shape.spans.items()}
    return Ladder(ladder_id, shape.title, spans, dict(shape.back.items()))


def build_triage(shape: TriageShape, switches: SwitchesShape) -> TriageTree:
    """The tree in walk order, with the action catalogue of the switches file."""
    actions = {}
    for action_id, action in switches.actions.items():
        bound = "" if action.by == BY_HAND else action.by
        step = switches.switches[bound].step if bound else action.step or ""
        actions[action_id] = Action(action_id, action.title, bound, step, action.destructive)
    return TriageTree(
        branches={
            branch_id: Branch(
                id=branch_id,
                title=b.title,
                key=b.key,
                symptom=b.symptom,
                artefact=b.artefact,
                containment=tuple(b.containment),
                surfaces=tuple(b.surfaces),
                rollback=b.rollback,
                runbook=b.runbook,
                roles=tuple(b.roles),
                metrics=tuple(b.metrics),
            )
            for branch_id, b in shape.branches.items()
        },
        routes=tuple(Route(r.incident_class, r.branch, r.runbook) for r in shape.routes),
        infra_questions=tuple(InfraQuestion(i, q.text, q.infra_answer) for i, q in shape.infra_questions.items()),
        actions=actions,
        general=tuple(shape.general),
    )


def build_thresholds(shape: ThresholdsShape) -> Thresholds:
    """Every metric, with the defaults where it does not say otherwise."""
    metrics = {name: _threshold(name, metric, shape.defaults) for name, metric in shape.metrics.items()}
    return Thresholds(metrics, shape.silent_after_s)


def _threshold(name: str, shape: MetricShape, defaults: DefaultsShape) -> Threshold:
    return Threshold(
        metric=name,
        title=shape.title,
        unit=shape.unit,
        kind=shape.kind,
        aggregate=shape.aggregate,
        direction=shape.direction,
        floor=_limit(shape.floor),
        ceiling=_limit(shape.ceiling),
        by=tuple(shape.by or defaults.by),
        window_s=shape.window_s or defaults.window_s,
        min_samples=shape.min_samples or defaults.min_samples,
        clear_window_s=shape.clear_window_s or defaults.clear_window_s,
        dead_band=float(shape.dead_band),
        incident_class=shape.incident_class,
        severity_floor=shape.severity_floor,
        capped_floor=shape.capped_floor or "",
        source=shape.source,
    )


def _limit(shape: LimitShape | None) -> Limit | None:
    return Limit(float(shape.warn), float(shape.fail)) if shape is not None else None

"""The shapes of the files about what goes wrong: classes, severity, triage and thresholds.

As in `shapes`, names that point elsewhere are only text here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.policy.shapes import Id, Key, KindId, LevelId, Names, Seconds, Shape, Text

Steps = Annotated[int, Field(ge=0, le=4)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]


class IndicatorShape(Shape):
    """Which limit of which metric is the primary indicator of a class."""

    metric: Id
    alias: Text
    side: Literal["floor", "ceiling"]
    level: Literal["warn", "fail"]


class ClassShape(Shape):
    """One incident class."""

    title: Text
    layer: Text
    indicator: IndicatorShape
    symptom: Text
    trace_attribute: Text
    families: Annotated[list[Literal["functional", "safety", "narrative"]], Field(min_length=1)]


class PlaybooksShape(Shape):
    """The runbook of each family."""

    functional: Id
    safety: Id
    narrative: Id


class OtherLayerShape(Shape):
    """A layer of another document and the class it is filed under."""

    incident_class: Id = Field(alias="class")
    why: Text


class CauseShape(Shape):
    """A root cause with a nature of its own, or one that is counted as another."""

    title: Text
    source: Text
    nature: Literal["deterministic", "probabilistic", ""] = ""
    same_as: Id = Field(default="", alias="as")


class TaxonomyShape(Shape):
    """data/taxonomy.yml."""

    classes: dict[Id, ClassShape]
    playbooks: PlaybooksShape
    other_layers: dict[Id, OtherLayerShape]
    causes: dict[Id, CauseShape]


class LevelShape(Shape):
    """One severity level; fields as in `domain.severity.Level`."""

    envelope: Text
    max_blast_radius: Text
    reversibility: Text
    escalation_trigger: Text
    first_action: Text
    pages: Names
    acknowledge_s: Seconds
    first_mitigation_s: Seconds
    owner_role: Id
    freeze_releases: bool
    notify_customers: bool
    page_leadership: bool


class EscalatorShape(Shape):
    """What raises a level."""

    question: Text
    raises: Steps
    not_beyond: LevelId
    counted_in: list[Id] = Field(default_factory=list)
    flag: Literal["regulated", "vulnerable_users", "irreversible", ""] = ""


class WhenShape(Shape):
    """The circumstances under which a rule holds."""

    prevalence: Literal["common", "occasional", "rare"] | None = None
    effort: Literal["low", "exotic"] | None = None
    seen_before: Literal["yes", "no"] | None = None
    pause_development: Literal["yes", "no"] | None = None


class CircumstanceShape(Shape):
    """A rule over the circumstances of SEV-6."""

    when: WhenShape
    raises: Steps
    not_beyond: LevelId
    says: Text


class LadderShape(Shape):
    """Another document's scale, both ways."""

    title: Text
    spans: Annotated[dict[str, Annotated[list[LevelId], Field(min_length=1)]], Field(min_length=1)]
    back: dict[LevelId, Text]


class SeverityShape(Shape):
    """data/severity.yml."""

    levels: dict[LevelId, LevelShape]
    scopes: Annotated[dict[Id, Text], Field(min_length=1)]
    urgencies: Annotated[dict[Id, Text], Field(min_length=1)]
    matrix: dict[Id, dict[Id, LevelId]]
    scope_of_kind: dict[KindId, Id]
    stricter_for_s: Seconds
    escalators: dict[Id, EscalatorShape]
    circumstances: dict[Id, CircumstanceShape]
    regulated_alerts: Names
    ladders: dict[str, LadderShape]


class QuestionShape(Shape):
    """One question of the check "infrastructure or model"."""

    text: Text
    infra_answer: Literal["yes", "no"]


class BranchShape(Shape):
    """One branch of the triage tree; fields as in `domain.triage.Branch`."""

    title: Text
    key: Key
    symptom: Text
    artefact: Text
    containment: Names
    surfaces: Names
    rollback: Text
    runbook: Id
    roles: Names
    metrics: Names


class RouteShape(Shape):
    """One row of class -> branch -> runbook."""

    incident_class: Id = Field(alias="class")
    branch: Id
    runbook: Id


class TriageShape(Shape):
    """data/triage.yml."""

    infra_questions: Annotated[dict[Id, QuestionShape], Field(min_length=1)]
    branches: Annotated[dict[Id, BranchShape], Field(min_length=1)]
    general: Names
    routes: list[RouteShape]


class LimitShape(Shape):
    """One side of a limit."""

    warn: Number
    fail: Number


DimensionNames = Annotated[list[Literal["model", "region", "surface", "tenant"]], Field(min_length=1)]


class DefaultsShape(Shape):
    """What a metric takes when it does not say otherwise."""

    window_s: Seconds
    min_samples: Annotated[int, Field(ge=1)]
    clear_window_s: Seconds
    by: DimensionNames


class MetricShape(Shape):
    """One metric; fields as in `domain.thresholds.Threshold`."""

    title: Text
    unit: Text
    kind: Literal["behaviour", "infrastructure"]
    aggregate: Literal["mean", "rate", "sum_per_min", "max"]
    direction: Literal["floor", "ceiling", "band"]
    floor: LimitShape | None = None
    ceiling: LimitShape | None = None
    by: DimensionNames | None = None
    window_s: Seconds | None = None
    min_samples: Annotated[int, Field(ge=1)] | None = None
    clear_window_s: Seconds | None = None
    dead_band: Annotated[float, Field(ge=0, le=1e12)]
    incident_class: Id = Field(alias="class")
    severity_floor: LevelId
    capped_floor: LevelId | None = None
    source: Text


class ThresholdsShape(Shape):
    """data/thresholds.yml."""

    silent_after_s: Seconds
    defaults: DefaultsShape
    metrics: dict[Id, MetricShape]

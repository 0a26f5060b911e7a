"""What can go wrong with an AI system: sixteen classes, three families, causes, and where other documents' layers go.

A class comes from behaviour and consequence, never from transport: an HTTP 200 can be a SEV-1 (TAX-1 to TAX-5).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from console.domain.errors import InputError

FAMILIES = ("functional", "safety", "narrative")
"""Families of TAX-2; an incident can belong to more than one, and each has a playbook of its own."""

NATURES = ("deterministic", "probabilistic")


@dataclass(frozen=True, slots=True)
class Indicator:
    """The primary diagnostic indicator of a class.

    `metric` is the name in the thresholds, `alias` what the sources call it; `side` ("floor" or "ceiling") and `level`
    ("warn" or "fail") say which of the metric's limits is meant, and `value` is that limit in the metric's unit.
    """

    metric: str
    alias: str
    side: str
    level: str
    value: float


@dataclass(frozen=True, slots=True)
class IncidentClass:
    """One of the sixteen classes; `trace_attribute` is the span attribute that correlates its traces."""

    id: str
    title: str
    layer: str
    indicator: Indicator
    symptom: str
    trace_attribute: str
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """A root-cause category: the nature it usually has, or the cause it is counted under (`same_as`, else "")."""

    id: str
    title: str
    nature: str
    same_as: str
    source: str


@dataclass(frozen=True, slots=True)
class OtherLayer:
    """A layer that another document names and the sixteen classes lack, with the class it is filed under and why."""

    id: str
    incident_class: str
    why: str


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Classes, causes and other documents' layers by id; `playbooks` maps a family to its runbook."""

    classes: Mapping[str, IncidentClass]
    causes: Mapping[str, Cause]
    other_layers: Mapping[str, OtherLayer]
    playbooks: Mapping[str, str]

    def incident_class(self, name: str) -> IncidentClass:
        """The class of that id, or the one that another document's layer is filed under.

        Raises InputError when there is neither.
        """
        layer = self.other_layers.get(name)
        found = self.classes.get(layer.incident_class if layer else name)
        if found is None:
            raise InputError(
                f"There is no incident class '{name[:40]}'; choose one of {', '.join(sorted(self.classes))}."
            )
        return found

    def cause(self, name: str) -> Cause:
        """The cause of that id, or the one it is counted under; raises InputError when there is none."""
        found = self.causes.get(name)
        if found is None:
            raise InputError(f"There is no cause '{name[:40]}'; choose one of {', '.join(sorted(self.causes))}.")
        return self.causes[found.same_as] if found.same_as else found

    def classes_of_metric(self, metric: str) -> tuple[IncidentClass, ...]:
        """The classes whose indicator this metric is."""
        return tuple(c for c in self.classes.values() if c.indicator.metric == metric)

    def families_of(self, classes: Collection[str]) -> tuple[str, ...]:
        """The families that these classes belong to, in the order of FAMILIES."""
        held = {family for name in classes for family in self.incident_class(name).families}
        return tuple(family for family in FAMILIES if family in held)

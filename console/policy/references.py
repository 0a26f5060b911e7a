"""Every name that one policy file uses from another, as one literal table: all of them must resolve.

The check runs on the trees, not on the shapes, so a file that is otherwise broken still has its names checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.policy.findings import Findings, no_such
from console.policy.yaml_tree import Node

SYSTEMS = "systems/"
ROSTER = "roster.yml"
"""Whom to call; an organisation may keep none here."""
SWITCHES, ROLES, TAXONOMY, SEVERITY, TRIAGE, THRESHOLDS, ROLLBACK, RUNBOOKS = (
    "switches.yml",
    "roles.yml",
    "taxonomy.yml",
    "severity.yml",
    "triage.yml",
    "thresholds.yml",
    "rollback.yml",
    "runbooks/index.yml",
)

REQUIRED = (ROLES, RUNBOOKS, ROLLBACK, SWITCHES, THRESHOLDS, TAXONOMY, SEVERITY, TRIAGE)
"""Every file there must be; besides, at least one in systems/."""

HOMES: Mapping[str, tuple[str, str]] = {
    "role": (ROLES, "roles"),
    "runbook": (RUNBOOKS, "runbooks"),
    "rollback surface": (ROLLBACK, "surfaces"),
    "action": (SWITCHES, "actions"),
    "switch": (SWITCHES, "switches"),
    "class": (TAXONOMY, "classes"),
    "cause": (TAXONOMY, "causes"),
    "metric": (THRESHOLDS, "metrics"),
    "branch": (TRIAGE, "branches"),
    "person": (ROSTER, "people"),
    "impact scope": (SEVERITY, "scopes"),
    "urgency": (SEVERITY, "urgencies"),
}
"""Kind of name -> the file and the mapping whose keys are the names there are."""

REFERENCES: tuple[tuple[str, str, str], ...] = (
    (ROLES, "aliases *", "role"),
    (ROLES, "room roles []", "role"),
    (ROSTER, "people * roles []", "role"),
    (ROSTER, "stand_ins * []", "person"),
    (SWITCHES, "switches * owner_role", "role"),
    (SWITCHES, "switches * thrown_by []", "role"),
    (SWITCHES, "switches * criteria * signed_by", "role"),
    (SWITCHES, "actions * by", "switch"),
    (SWITCHES, "breakers * metric", "metric"),
    (SWITCHES, "breakers * switch", "switch"),
    (SWITCHES, "breakers * owner_role", "role"),
    (TAXONOMY, "classes * indicator metric", "metric"),
    (TAXONOMY, "playbooks *", "runbook"),
    (TAXONOMY, "other_layers * class", "class"),
    (TAXONOMY, "causes * as", "cause"),
    (SEVERITY, "levels * pages []", "role"),
    (SEVERITY, "levels * owner_role", "role"),
    (SEVERITY, "regulated_alerts []", "role"),
    (SEVERITY, "scope_of_kind *", "impact scope"),
    (SEVERITY, "escalators * counted_in []", "impact scope"),
    (TRIAGE, "branches * containment []", "action"),
    (TRIAGE, "branches * surfaces []", "rollback surface"),
    (TRIAGE, "branches * runbook", "runbook"),
    (TRIAGE, "branches * roles []", "role"),
    (TRIAGE, "branches * metrics []", "metric"),
    (TRIAGE, "general []", "action"),
    (TRIAGE, "routes [] class", "class"),
    (TRIAGE, "routes [] branch", "branch"),
    (TRIAGE, "routes [] runbook", "runbook"),
    (THRESHOLDS, "metrics * class", "class"),
    (SYSTEMS, "items * owner_role", "role"),
)
"""File (or folder), where in it the names stand, and what kind of name each must be."""

KEYS: tuple[tuple[str, str, str], ...] = (
    (ROSTER, "stand_ins", "role"),
    (SEVERITY, "matrix", "impact scope"),
    (SEVERITY, "matrix *", "urgency"),
    (SYSTEMS, "enforcement *", "switch"),
)
"""The same for mappings whose keys are the names."""


def is_systems_file(file: str) -> bool:
    """Whether this file describes an environment."""
    return file.startswith(SYSTEMS) and file.endswith(".yml") and file.count("/") == 1


def check_references(findings: Findings) -> None:
    """Notes every name that does not resolve; a kind whose home could not be read is not judged."""
    known = {kind: _names(findings.trees, home) for kind, home in HOMES.items()}
    for table, of_keys in ((REFERENCES, False), (KEYS, True)):
        for place, pattern, kind in table:
            names = known[kind]
            if names is not None:
                for file in _files(findings.trees, place):
                    _check(findings, file, tuple(pattern.split()), kind, names, of_keys=of_keys)
    for file in _files(findings.trees, SYSTEMS):
        _check_items(findings, file)


def _check(
    findings: Findings, file: str, pattern: tuple[str, ...], kind: str, names: list[str], *, of_keys: bool
) -> None:
    home_file, home_key = HOMES[kind]
    for path, node in findings.trees[file].matches(pattern):
        if of_keys:
            used = [(key, (*path, key)) for key in node.value] if isinstance(node.value, dict) else []
        else:
            used = [(node.value, path)] if isinstance(node.value, str) else []
        for name, where in used:
            if name not in names and not (pattern == ("actions", "*", "by") and name == "hand"):
                place = f"'{home_key}' in {home_file}"
                findings.add(file, no_such(kind, name, names, place), where)


def _check_items(findings: Findings, file: str) -> None:
    """Inventory ids are named within their own file: tenants of an item, targets of the enforcement."""
    tree = findings.trees[file]
    items = _names(findings.trees, (file, "items"))
    if items is None:
        return
    tenants = [item for item in items if item.startswith("tenant.")]
    for pattern, kind, names in (
        (("environment",), "item", items),
        (("items", "*", "tenants", "[]"), "tenant", tenants),
        (("items", "*", "derived_from", "[]"), "item", items),
        (("items", "*", "of"), "item", items),
        (("enforcement", "*", "*", "[]"), "item", items),
    ):
        for path, node in tree.matches(pattern):
            if isinstance(node.value, str) and node.value not in names:
                findings.add(file, no_such(kind, node.value, names, "'items' of this file"), path)


def _files(trees: Mapping[str, Node], place: str) -> list[str]:
    return [file for file in trees if file == place or (place.endswith("/") and file.startswith(place))]


def _names(trees: Mapping[str, Node], home: tuple[str, str]) -> list[str] | None:
    file, key = home
    tree = trees.get(file)
    found = tree.value.get(key) if tree is not None and isinstance(tree.value, dict) else None
    return list(found.value) if found is not None and isinstance(found.value, dict) else None

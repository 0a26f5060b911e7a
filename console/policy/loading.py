"""Loads a policy folder into one frozen value, or says everything that is wrong with it.

All or nothing: a folder with any defect gives no policy, and a keeper goes on with the last good one. The hash is over
the very bytes that were parsed, so what a person signed under can be compared on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from console.domain.inventory import Inventory
from console.domain.roles import RoleBook
from console.domain.severity import SeverityModel
from console.domain.switches import SwitchCatalogue
from console.domain.taxonomy import Taxonomy
from console.domain.thresholds import Thresholds
from console.domain.triage import TriageTree
from console.policy import building, rules, signal_rules
from console.policy import references as names
from console.policy.findings import Findings, PolicyError, Problem, no_such
from console.policy.reading import policy_hash, read_folder
from console.policy.shapes import RollbackShape, RolesShape, RunbooksShape, Shape, SwitchesShape, SystemsShape
from console.policy.signal_shapes import SeverityShape, TaxonomyShape, ThresholdsShape, TriageShape
from console.policy.yaml_tree import parse

_SHAPES: Mapping[str, type[Shape]] = {
    names.ROLES: RolesShape,
    names.RUNBOOKS: RunbooksShape,
    names.ROLLBACK: RollbackShape,
    names.SWITCHES: SwitchesShape,
    names.THRESHOLDS: ThresholdsShape,
    names.TAXONOMY: TaxonomyShape,
    names.SEVERITY: SeverityShape,
    names.TRIAGE: TriageShape,
}
"""Every file there must be, and its shape; besides, each `systems/*.yml` is a SystemsShape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an organisation has decided, as domain values; `hash` is 64 hex digits and stands in every event.

    `runbook_titles` and `surface_names` (id -> title) are all there is of runbooks and rollback surfaces so far.
    """

    hash: str
    inventory: Inventory
    switches: SwitchCatalogue
    taxonomy: Taxonomy
    severity: SeverityModel
    triage: TriageTree
    roles: RoleBook
    thresholds: Thresholds
    runbook_titles: Mapping[str, str]
    surface_names: Mapping[str, str]


def load(path: Path) -> Policy:
    """The policy in the folder `path`; raises PolicyError with every problem, each with file, line and field."""
    if not path.is_dir():
        raise PolicyError([Problem(str(path), 0, "", "there is no such folder; name the folder of the policy files.")])
    root = path.resolve()
    findings = Findings(root.name)
    files = read_folder(root, findings)
    systems = [file for file in files if file.startswith(names.SYSTEMS) and file.endswith(".yml")]
    _check_file_names(findings, files, systems)
    shapes = {file: shape for file in (*_SHAPES, *systems) if (shape := _shape(findings, file, files)) is not None}
    names.check_references(findings)
    _check_rules(findings, shapes, systems)
    if findings:
        raise findings.error()
    return _build(shapes, systems, policy_hash(files))


class PolicyKeeper:
    """Holds the policy in force; `reload` takes a new one over only when it is whole.

    Raises PolicyError when there is no good policy to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current = load(path)

    @property
    def current(self) -> Policy:
        """The last good policy."""
        return self._current

    def reload(self) -> PolicyError | None:
        """Reads the folder again; on an error the policy in force stays and the error is returned."""
        try:
            self._current = load(self._path)
        except PolicyError as error:
            return error
        return None


def default_path() -> Path:
    """The policy that comes with the program: `data` of the checkout, else of the installed share.

    Raises PolicyError when neither is there.
    """
    beside = Path(__file__).resolve().parents[2] / "data"
    shared = Path(sys.prefix) / "share" / "incident-console" / "data"
    for candidate in (beside, shared):
        if (candidate / names.SWITCHES).is_file():
            return candidate
    raise PolicyError([Problem(str(beside), 0, "", "the policy files are missing; restore the folder from a release.")])


def _check_file_names(findings: Findings, files: Mapping[str, bytes], systems: list[str]) -> None:
    for file in _SHAPES:
        if file not in files and not findings.touches(file):
            findings.add(file, "the file is missing; restore it.")
    if not systems:
        findings.add(names.SYSTEMS + "*.yml", "there is no systems inventory; add a file for each environment.")
    for file in files:
        folder, _, name = file.rpartition("/")
        ours = folder in ("", "systems", "runbooks") and name.endswith((".yml", ".yaml"))
        if ours and file not in _SHAPES and file not in systems:
            findings.add(file, "nothing reads this file; correct its name or move it out of the policy.")


def _shape(findings: Findings, file: str, files: Mapping[str, bytes]) -> Shape | None:
    if file not in files:
        return None
    tree, defects = parse(files[file])
    findings.trees[file] = tree
    for defect in defects:
        findings.add(file, defect.text, defect.path, defect.line)
    shape = _SHAPES.get(file, SystemsShape)
    try:
        return shape.model_validate(tree.plain()) if not defects else None
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(part for part in detail["loc"] if part != "[key]")
            findings.add(file, _in_words(detail, shape, path), path)
        return None


def _in_words(detail: ErrorDetails, shape: type[Shape], path: tuple[str | int, ...]) -> str:
    """One clause for a person about one error of a shape; it never repeats more than 60 letters of the file."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return no_such("field", str(path[-1]), _fields_at(shape, path[:-1]))
    if kind == "missing":
        return "is missing; add it."
    if kind == "literal_error":
        return f"must be {context['expected']}, not {_shown(detail['input'])}."
    if kind == "string_pattern_mismatch":
        return f"{_shown(detail['input'])} is not of the right form ({context['pattern']}); correct it."
    if kind == "string_type" and not isinstance(detail["input"], dict | list):
        return f"must be text; put {_shown(detail['input'])} in quotes."
    message = detail["msg"]
    return f"{message[0].lower()}{message[1:]}, but {_shown(detail['input'])} stands here; correct it."


def _shown(value: object) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)[:60]


def _fields_at(shape: type[Shape], path: tuple[str | int, ...]) -> list[str]:
    """The fields that the model at `path` has, by walking the annotations; empty when that cannot be told."""
    found: list[type[Shape]] = [shape]
    for part in path:
        field = next((f for n, f in found[0].model_fields.items() if part in (n, f.alias)), None) if found else None
        if field is not None:
            found = _models_in(field.annotation)
    return [field.alias or name for name, field in found[0].model_fields.items()] if found else []


def _models_in(annotation: object) -> list[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _check_rules(findings: Findings, shapes: Mapping[str, Shape], systems: list[str]) -> None:
    switches, taxonomy, thresholds, runbooks = (
        shapes.get(file) for file in (names.SWITCHES, names.TAXONOMY, names.THRESHOLDS, names.RUNBOOKS)
    )
    owners: dict[str, str] = {}
    for file in systems:
        shape = shapes.get(file)
        if isinstance(shape, SystemsShape):
            rules.check_systems(findings, file, shape, switches if isinstance(switches, SwitchesShape) else None)
            for item in shape.items:
                if item in owners:
                    findings.add(file, f"{owners[item]} has this item too; an id names one thing.", ("items", item))
                owners.setdefault(item, file)
    if isinstance(shape := shapes.get(names.ROLES), RolesShape):
        rules.check_roles(findings, shape)
    if isinstance(switches, SwitchesShape):
        rules.check_switches(findings, switches)
    if isinstance(thresholds, ThresholdsShape):
        signal_rules.check_thresholds(findings, thresholds)
    if isinstance(taxonomy, TaxonomyShape):
        signal_rules.check_taxonomy(findings, taxonomy, thresholds if isinstance(thresholds, ThresholdsShape) else None)
    if isinstance(shape := shapes.get(names.SEVERITY), SeverityShape):
        signal_rules.check_severity(findings, shape)
    if isinstance(shape := shapes.get(names.TRIAGE), TriageShape):
        known = list(runbooks.runbooks) if isinstance(runbooks, RunbooksShape) else None
        signal_rules.check_triage(findings, shape, taxonomy if isinstance(taxonomy, TaxonomyShape) else None, known)


def _build(shapes: Mapping[str, Shape], systems: list[str], digest: str) -> Policy:
    roles, switches, rollback, runbooks, taxonomy, severity, triage, thresholds = (
        shapes[file]
        for file in (
            names.ROLES, names.SWITCHES, names.ROLLBACK, names.RUNBOOKS,
            names.TAXONOMY, names.SEVERITY, names.TRIAGE, names.THRESHOLDS,
        )
    )  # fmt: skip
    return Policy(
        hash=digest,
        inventory=building.build_inventory(shapes[file] for file in systems),
        switches=building.build_switches(switches),
        taxonomy=building.build_taxonomy(taxonomy, thresholds),
        severity=building.build_severity(severity),
        triage=building.build_triage(triage, switches),
        roles=building.build_roles(roles),
        thresholds=building.build_thresholds(thresholds),
        runbook_titles=dict(runbooks.runbooks),
        surface_names=dict(rollback.surfaces),
    )

"""Loads a policy folder into one frozen value, or says everything that is wrong with it.

All or nothing: a folder with any defect gives no policy, and a keeper goes on with the last good one. The hash is over
the very bytes that were parsed, so what a person signed under can be compared on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.domain.inventory import Inventory
from console.domain.roles import RoleBook
from console.domain.roster import NOBODY, Roster
from console.domain.severity import SeverityModel
from console.domain.switches import SwitchCatalogue
from console.domain.taxonomy import Taxonomy
from console.domain.thresholds import Thresholds
from console.domain.triage import TriageTree
from console.policy import building, rules, signal_rules
from console.policy import references as names
from console.policy.findings import Findings, PolicyError, Problem
from console.policy.reading import policy_hash, read_folder
from console.policy.roster_shapes import RosterShape, build_roster
from console.policy.shapes import RolesShape, RollbackShape, RunbooksShape, SwitchesShape, SystemsShape
from console.policy.shaping import read_shape
from console.policy.signal_shapes import SeverityShape, TaxonomyShape, ThresholdsShape, TriageShape


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
    roster: Roster = NOBODY


def load(path: Path) -> Policy:
    """The policy in the folder `path`; raises PolicyError with every problem, each with file, line and field."""
    if not path.is_dir():
        raise PolicyError([Problem(str(path), 0, "", "there is no such folder; name the folder of the policy files.")])
    root = path.resolve()
    findings = Findings(root.name)
    files = read_folder(root, findings)
    shapes = _read_shapes(findings, files)
    _check_file_names(findings, files)
    names.check_references(findings)
    _check_people_and_switches(findings, shapes)
    _check_signals(findings, shapes)
    return _build(findings, shapes, policy_hash(files))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shapes:
    """What could be read: every file there must be (None when broken), and each systems file that is whole."""

    systems: Mapping[str, SystemsShape]
    roles: RolesShape | None
    roster: RosterShape | None
    runbooks: RunbooksShape | None
    rollback: RollbackShape | None
    switches: SwitchesShape | None
    thresholds: ThresholdsShape | None
    taxonomy: TaxonomyShape | None
    severity: SeverityShape | None
    triage: TriageShape | None


def _read_shapes(findings: Findings, files: Mapping[str, bytes]) -> _Shapes:
    systems = {f: read_shape(findings, f, files, SystemsShape) for f in files if names.is_systems_file(f)}
    return _Shapes(
        systems={file: shape for file, shape in systems.items() if shape is not None},
        roles=read_shape(findings, names.ROLES, files, RolesShape),
        roster=read_shape(findings, names.ROSTER, files, RosterShape),
        runbooks=read_shape(findings, names.RUNBOOKS, files, RunbooksShape),
        rollback=read_shape(findings, names.ROLLBACK, files, RollbackShape),
        switches=read_shape(findings, names.SWITCHES, files, SwitchesShape),
        thresholds=read_shape(findings, names.THRESHOLDS, files, ThresholdsShape),
        taxonomy=read_shape(findings, names.TAXONOMY, files, TaxonomyShape),
        severity=read_shape(findings, names.SEVERITY, files, SeverityShape),
        triage=read_shape(findings, names.TRIAGE, files, TriageShape),
    )


def _check_file_names(findings: Findings, files: Mapping[str, bytes]) -> None:
    """Every file there must be is there, and no file lies where ours lie without being read."""
    for file in names.REQUIRED:
        if file not in files and not findings.touches(file):
            findings.add(file, "the file is missing; restore it.")
    if not any(names.is_systems_file(file) for file in files):
        findings.add(names.SYSTEMS + "*.yml", "there is no systems inventory; add a file for each environment.")
    for file in files:
        folder, _, name = file.rpartition("/")
        ours = folder in ("", "systems", "runbooks") and name.endswith((".yml", ".yaml"))
        if ours and file not in (*names.REQUIRED, names.ROSTER) and not names.is_systems_file(file):
            findings.add(file, "nothing reads this file; correct its name or move it out of the policy.")


def _check_people_and_switches(findings: Findings, shapes: _Shapes) -> None:
    owners: dict[str, str] = {}
    for file, systems in shapes.systems.items():
        rules.check_systems(findings, file, systems, shapes.switches)
        for item in systems.items:
            if item in owners:
                findings.add(file, f"{owners[item]} has this item too; an id names one thing.", ("items", item))
            owners.setdefault(item, file)
    if shapes.roles is not None:
        rules.check_roles(findings, shapes.roles)
    if shapes.switches is not None:
        rules.check_switches(findings, shapes.switches)


def _check_signals(findings: Findings, shapes: _Shapes) -> None:
    if shapes.thresholds is not None:
        signal_rules.check_thresholds(findings, shapes.thresholds)
    if shapes.taxonomy is not None:
        signal_rules.check_taxonomy(findings, shapes.taxonomy, shapes.thresholds)
    if shapes.severity is not None:
        signal_rules.check_severity(findings, shapes.severity)
    if shapes.triage is not None:
        runbooks = tuple(shapes.runbooks.runbooks) if shapes.runbooks is not None else ()
        signal_rules.check_triage(findings, shapes.triage, shapes.taxonomy, runbooks)


def _build(findings: Findings, shapes: _Shapes, digest: str) -> Policy:
    """The policy, when nothing at all was found wrong; a file without a shape has always left a finding."""
    if (
        findings
        or shapes.roles is None
        or shapes.runbooks is None
        or shapes.rollback is None
        or shapes.switches is None
        or shapes.thresholds is None
        or shapes.taxonomy is None
        or shapes.severity is None
        or shapes.triage is None
    ):
        raise findings.error()
    return Policy(
        hash=digest,
        inventory=building.build_inventory(shapes.systems.values()),
        switches=building.build_switches(shapes.switches),
        taxonomy=building.build_taxonomy(shapes.taxonomy, shapes.thresholds),
        severity=building.build_severity(shapes.severity),
        triage=building.build_triage(shapes.triage, shapes.switches),
        roles=building.build_roles(shapes.roles),
        thresholds=building.build_thresholds(shapes.thresholds),
        runbook_titles=dict(shapes.runbooks.runbooks),
        surface_names=dict(shapes.rollback.surfaces),
        roster=build_roster(shapes.roster),
    )

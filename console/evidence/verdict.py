"""What a verification says: checks in order, findings naming file, item and byte counts, and facts about the package.

Texts in here may quote a hostile package as it is; whoever shows them encodes them for the place (`display_line` for a
terminal, JSON for a program).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_FINDINGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold.

    `path` is relative to the package ("" for the whole), `index` the item's number in the tree (None when no item is
    meant), `expected_bytes` and `found_bytes` the sizes that were compared (None when none were).
    """

    sentence: str
    path: str = ""
    index: int | None = None
    expected_bytes: int | None = None
    found_bytes: int | None = None

    def as_object(self) -> dict[str, Any]:
        """For JSON: what is None is left out."""
        names = ("sentence", "path", "index", "expected_bytes", "found_bytes")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(slots=True)
class Check:
    """One line of the verification: what was looked at, in one sentence, and what did not hold.

    `judged` is False when there was nothing to judge it by (no identity given): neither held nor failed.
    """

    name: str
    sentence: str = ""
    findings: list[Finding] = field(default_factory=list)
    judged: bool = True
    unnamed: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing in it failed."""
        return not self.findings

    def leave(self, why: str) -> None:
        """Marks it as not judged, and says why."""
        self.judged = False
        self.sentence = f"not judged: {why}"

    def fail(self, sentence: str, **where: Any) -> None:
        """Adds a finding; beyond the bound it is only counted, so that a package cannot flood the reader."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(sentence=sentence, **where))
        else:
            self.unnamed += 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome: `ok` only when no check failed; `facts` are what the package says of itself, signed when ok."""

    checks: tuple[Check, ...]
    facts: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(check.ok for check in self.checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, in the order of the checks."""
        return tuple(finding for check in self.checks for finding in check.findings)

    def as_object(self) -> dict[str, Any]:
        """For `verify --json`."""
        checks = [
            {
                "name": check.name,
                "ok": check.ok,
                "judged": check.judged,
                "sentence": check.sentence,
                "findings": [finding.as_object() for finding in check.findings],
                "findings_unnamed": check.unnamed,
            }
            for check in self.checks
        ]
        return {"verified": self.ok, "facts": dict(self.facts), "checks": checks}

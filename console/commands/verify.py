"""`incident-console verify`: judge a sealed evidence package on any machine, without plane, enrolment or network.

Leaves with 0 when every check held, 1 when one did not, 2 when the package, trust or identity file is missing or
unreadable. Neither Qt nor SQLite nor HTTP is loaded, and whatever a package says is made harmless before it is printed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from console.evidence.age import Identity, read_identity_file
from console.evidence.display import display_line
from console.evidence.trust import Trust
from console.evidence.verdict import Check, Finding, Verdict
from console.evidence.verification import verify_package

NOT_VERIFIED = 1

app = typer.Typer()


@app.command()
def verify(
    package: Annotated[Path, typer.Argument(help="Folder of the package.", show_default=False)],
    trust: Annotated[
        Path, typer.Option(metavar="FILE", help="Trust anchors, from elsewhere than the package.", show_default=False)
    ],
    identity: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="age identity to look inside; give it again for a second one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as one JSON object.")] = False,
) -> None:
    """Check a sealed evidence package."""
    anchors = Trust.from_file(trust)
    identities: list[Identity] = [one for path in identity or () for one in read_identity_file(path)]
    verdict = verify_package(package, anchors, identities)
    for line in [json.dumps(verdict.as_object())] if as_json else _report(verdict):
        typer.echo(line)
    if not verdict.ok:
        raise typer.Exit(NOT_VERIFIED)


def _report(verdict: Verdict) -> list[str]:
    lines = [line for check in verdict.checks for line in _told(check)]
    facts = verdict.facts
    if verdict.ok:
        lines.append(
            f"Verified: seal {facts['seal']} of incident {facts['incident']}, {facts['severity']}, {facts['items']} "
            f"items, sealed by {facts['sealer']} at {facts['sealed_at']} by their own clock (time unproven)."
        )
    else:
        failed = ", ".join(check.name for check in verdict.checks if not check.ok)
        lines.append(f"NOT verified: {failed}. Rely on nothing in this package before that is explained.")
    return [display_line(line) for line in lines]


def _told(check: Check) -> list[str]:
    if check.ok:
        return [f"{'ok' if check.judged else '--':<8}{check.name:<15}{check.sentence}"]
    lines = [f"{'FAILED':<8}{check.name:<15}{_where(finding)}{finding.sentence}" for finding in check.findings]
    if check.unnamed:
        lines.append(f"{'FAILED':<8}{check.name:<15}... and {check.unnamed} more")
    return lines


def _where(finding: Finding) -> str:
    return f"{finding.path}: " if finding.path else ""

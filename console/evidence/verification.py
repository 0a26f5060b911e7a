"""The verdict on a package, given trust from outside: every check, in an order in which each may rely on those before.

Nothing in the package is run, followed or believed; without an identity the ciphertext is judged, which the signed
statement binds to the seal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from console.evidence import bag
from console.evidence.age import Identity
from console.evidence.judge_bag import judge_bag, judge_payload
from console.evidence.judge_contents import judge_contents
from console.evidence.judge_seal import judge_checkpoint, judge_custody, judge_ssh, judge_statement, judge_tree
from console.evidence.reading import Listing, list_package
from console.evidence.statement import Seal
from console.evidence.trust import Trust
from console.evidence.verdict import Check, Verdict


def verify_package(path: Path, trust: Trust, identities: Sequence[Identity] = ()) -> Verdict:
    """Judges the package in the folder `path` against `trust` (EVI-2, EVI-3).

    With `identities` the items are opened too and compared with their leaves. Raises PackagePathError when `path` is
    missing or cannot be listed; whatever else is wrong is a finding.
    """
    return judge(*list_package(path), trust, identities)


def judge(listing: Listing, files: Check, trust: Trust, identities: Sequence[Identity] = ()) -> Verdict:
    """The verdict on a package that has been listed; `files` is the check of that listing."""
    if set(listing.tags) != {*bag.TAG_FILES, bag.TAG_MANIFEST}:
        return Verdict((files,), {})
    bag_check, manifest = judge_bag(listing)
    checkpoint, head = judge_checkpoint(listing, trust)
    statement, seal = judge_statement(listing, trust, head)
    tree, digests = judge_tree(listing, head)
    payload, sound = judge_payload(listing, manifest, seal)
    checks = (
        files,
        bag_check,
        checkpoint,
        judge_ssh(listing, head),
        statement,
        tree,
        judge_custody(listing, trust, seal, digests),
        payload,
        judge_contents(listing, seal, digests, sound, identities),
    )
    return Verdict(checks, _facts(seal) if seal else {})


def _facts(seal: Seal) -> dict[str, Any]:
    return {
        "incident": seal.incident,
        "severity": seal.severity,
        "seal": seal.seal,
        "sealer": seal.sealer,
        "sealed_at": seal.sealed_at,
        "time": "unproven",
        "items": seal.size,
        "dimensions": dict(seal.dimensions),
        "root": seal.root,
        "nested": seal.nested,
        "ciphertext_bytes": sum(row.bytes for row in (*seal.payload, seal.leaves)),
        "custody_events": seal.custody_events,
    }

"""Exporting a sealed tree as a package: items opened with the desk's identity, encrypted anew while written.

The export is an event with the person's signature once the package stands; the package is complete or it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from console.actions.evidence import record_export
from console.domain.errors import InputError
from console.domain.evidence import NESTED_LEVELS
from console.evidence.age import Identity
from console.evidence.items import parse_leaf
from console.evidence.sealing import PackageItem, PackageReport, write_package
from console.evidence.vault import open_plaintext
from console.proof.actor import Actor
from console.queries.evidence import ItemRow, evidence
from console.queries.incidents import incident as incident_page
from console.queries.timeline import timeline
from console.runtime.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Openers:
    """Who can open the package: recipients custodian and escrow (age1...), and what opens the desk's blobs."""

    custodian: str
    escrow: str
    identity: Identity


def export_package(
    desk: Desk, incident: str, seal: int, dest: Path, origin: str, openers: Openers, actor: Actor
) -> PackageReport:
    """Writes seal number `seal` of `incident` to the new folder `dest`, then records the export.

    `actor` must be the sealer: the package repeats the checkpoint they signed. Raises InputError when there is no such
    seal, and what writing a package raises.
    """
    page, found = desk.query(incident_page, incident), desk.query(evidence, incident)
    closed = next((row for row in found.seals if row.seal == seal), None)
    if page is None or closed is None:
        raise InputError(f"Incident {incident[:40]} has no seal number {seal}; seal its evidence first.")
    events = desk.query(timeline, incident)
    sealed_at = next(entry.at for entry in events if entry.event_id == closed.event_id)
    now = desk.settings.clock()
    report = write_package(
        dest,
        incident=incident,
        severity=page.row.severity,
        seal_no=seal,
        items=_items(desk, [row for row in found.items if row.seal == seal], openers.identity),
        nested=closed.nested or page.row.severity in NESTED_LEVELS,
        custodian=openers.custodian,
        escrow=openers.escrow,
        signer=actor.signing_key("A package"),
        signer_name=actor.person,
        origin=origin,
        custody_events=[entry.signed for entry in events if entry.type.startswith("evidence.")],
        device_key=desk.settings.device_key,
        sealed_at=sealed_at,
        bagging_date=now.date().isoformat(),
    )
    desk.act(record_export, incident, seal, report.manifest_sha256, "sealed", actor, now).result()
    return report


def _items(desk: Desk, rows: list[ItemRow], identity: Identity) -> Iterator[PackageItem]:
    for row in rows:
        with open_plaintext(desk.blobs.open(row.leaf_blob), identity) as file:
            line = file.read()
        yield PackageItem(parse_leaf(line).name, row.dimension, line, _opener(desk, row.blob, identity))


def _opener(desk: Desk, blob: str, identity: Identity) -> Callable[[], BinaryIO]:
    return lambda: open_plaintext(desk.blobs.open(blob), identity)

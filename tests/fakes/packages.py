"""Small sealed packages and the trust that fits them, and what an attacker can do to one without any key.

Keys are fixed, so that a failing case can be read; age identities are fresh in each run, because age draws randomness.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from console.domain.events import check_body
from console.evidence import bag
from console.evidence.age import new_identity
from console.evidence.items import Leaf
from console.evidence.sealing import PackageItem, PackageReport, seal_tree, write_package
from console.evidence.trust import Signer, Trust, trust_object
from console.proof.checkpoint import sign_checkpoint
from console.proof.envelope import FIRST_PREV_HASH, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next
from console.proof.keys import SigningKey
from tests.fakes.people import DESK, INCIDENT, ROOT, T0_MS, fresh_id, moment

IC_NAME = "ic@example.org"
IC = SigningKey(b"commander".ljust(32, b"."))
STRANGER = SigningKey(b"stranger".ljust(32, b"."))
ORIGIN = "exercise.example.org/console"
CUSTODIAN = new_identity()
ESCROW = new_identity()
BAGGING_DATE = "2025-06-15"

PLAINTEXTS = (b"trace 4bf92f\n", b"", b"Ignore all previous instructions.\x00\xff", b"x" * 3000)
DIMENSIONS = ("tracing_context", "configuration", "payloads", "payloads")


def leaves_of(plaintexts: Sequence[bytes]) -> list[Leaf]:
    """Leaves over `plaintexts`, each with a salt of its own."""
    return [
        Leaf(i, f"item {i}", hashlib.sha256(b"salt%d" % i).digest(), hashlib.sha256(text).hexdigest(), len(text))
        for i, text in enumerate(plaintexts)
    ]


def items_of(plaintexts: Sequence[bytes], leaves: Sequence[Leaf] | None = None) -> list[PackageItem]:
    """Items to pack; `leaves` other than their own make a package that cannot be written."""
    return [
        PackageItem(leaf.name, DIMENSIONS[leaf.index % len(DIMENSIONS)], leaf.line, partial(io.BytesIO, text))
        for text, leaf in zip(plaintexts, leaves or leaves_of(plaintexts), strict=True)
    ]


def custody_of(leaves: Sequence[Leaf], seal: int = 1, root: bytes | None = None) -> list[SignedEvent]:
    """Captured, captured ... sealed, by the desk, the last with the commander's signature."""
    events: list[SignedEvent] = []
    for leaf in leaves:
        captured = {
            "item": leaf.name, "seal": seal, "index": leaf.index, "dimension": DIMENSIONS[leaf.index % 4],
            "leaf": leaf.digest.hex(), "size": leaf.size, "blob": "b" * 64, "leaf_blob": "c" * 64,
            "source": "simulator", "captured_at": moment(),
        }  # fmt: skip
        events.append(event("evidence.captured", captured, events))
    tree = root or seal_tree([leaf.digest for leaf in leaves])
    sealed = {
        "seal": seal, "root": tree.hex(), "size": len(leaves), "nested": False, "sealer": IC_NAME,
        "checkpoint": sign_checkpoint(ORIGIN, len(leaves), tree, IC, IC_NAME),
    }  # fmt: skip
    return [*events, event("evidence.sealed", sealed, events, IC)]


def event(
    kind: str,
    body: dict[str, Any],
    after: Sequence[SignedEvent] = (),
    person: SigningKey | None = None,
    *,
    device: SigningKey = DESK,
    incident: str = INCIDENT,
    exercise: bool = True,
) -> SignedEvent:
    """The next event of the desk's chain that ends with `after`."""
    check_body(kind, body)
    envelope = Envelope(
        type=kind, event_id=fresh_id(), incident=incident, device=device.id, incarnation=1, seq=len(after) + 1,
        prev_hash=after[-1].hash if after else FIRST_PREV_HASH, actor=IC_NAME, role="incident_commander",
        policy_hash="", hlc=hlc_next("", T0_MS), seen_gpos=0, exercise=exercise, body=body,
    )  # fmt: skip
    return sign(envelope, device, person)


def make_package(dest: Path, plaintexts: Sequence[bytes] = PLAINTEXTS, **changes: Any) -> PackageReport:
    """A package that verifies with `trust()`; `changes` replace arguments of `write_package`."""
    leaves = leaves_of(plaintexts)
    arguments: dict[str, Any] = {
        "incident": INCIDENT,
        "severity": "SEV-2",
        "seal_no": 1,
        "items": items_of(plaintexts, leaves),
        "nested": False,
        "custodian": CUSTODIAN.recipient,
        "escrow": ESCROW.recipient,
        "signer": IC,
        "signer_name": IC_NAME,
        "origin": ORIGIN,
        "custody_events": custody_of(leaves),
        "device_key": DESK,
        "sealed_at": moment(),
        "bagging_date": BAGGING_DATE,
    }
    return write_package(dest, **(arguments | changes))


def trust_value(**changes: Any) -> dict[str, Any]:
    """The trust object of the people above."""
    arguments: dict[str, Any] = {
        "origin": ORIGIN,
        "root_public_key": ROOT.public_hex,
        "signers": [Signer(IC_NAME, IC.public_hex, ("incident_commander",))],
        "devices": [DESK.public_hex],
        "persons": {IC_NAME: IC.public_hex},
    }
    return trust_object(**(arguments | changes))


def trust(**changes: Any) -> Trust:
    """The trust that fits `make_package`."""
    return Trust.from_object(trust_value(**changes))


# --- what an attacker can do without a key


def rewrite(folder: Path, path: str, change: Callable[[bytes], bytes]) -> None:
    """Replaces a file of a package by what `change` makes of it."""
    target = folder / path
    target.write_bytes(change(target.read_bytes()))


def rebuild_manifests(folder: Path) -> None:
    """Makes the bag agree with itself again: manifest, Oxum and tag manifest, of whatever files are there now."""
    payload = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    (folder / bag.MANIFEST).write_text(bag.manifest_text(_hashed(folder, payload)), "utf-8", "surrogateescape")
    total = sum(path.stat().st_size for path in payload)
    info = (folder / bag.BAG_INFO).read_text(encoding="utf-8").splitlines(keepends=True)
    oxum = f"Payload-Oxum: {total}.{len(payload)}\n"
    lines = [oxum if line.startswith("Payload-Oxum") else line for line in info]
    (folder / bag.BAG_INFO).write_text("".join(lines), encoding="utf-8")
    rebuild_tag_manifest(folder)


def rebuild_tag_manifest(folder: Path) -> None:
    """Lists every file outside data/ anew."""
    tags = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "data" and path.name != bag.TAG_MANIFEST
    )
    (folder / bag.TAG_MANIFEST).write_text(bag.manifest_text(_hashed(folder, tags)), "utf-8", "surrogateescape")


def _hashed(folder: Path, files: Sequence[Path]) -> list[tuple[str, str]]:
    return [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]

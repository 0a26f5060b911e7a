"""What the sealer signs beside the checkpoint: which incident, how grave, which encrypted files, which custody.

The statement's subjects tie checkpoint and manifest together; its predicate holds size and hash of every file that
proves nothing itself, so that a verifier can name the very item and byte count that differ even after somebody rebuilt
the manifests (EVI-2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.errors import InputError
from console.domain.evidence import DIMENSIONS, NESTED_LEVELS
from console.domain.times import parse_utc
from console.evidence.bag import CHECKPOINT, MANIFEST, PLAIN_TAGS
from console.evidence.items import MAX_ITEMS
from console.proof.dsse import Statement, StatementError
from console.proof.names import check_key_name

PREDICATE_TYPE = "urn:incident-console:evidence-seal:1"
PREDICATE_VERSION = 1

_HEX64 = re.compile(r"[0-9a-f]{64}")
_SEVERITY = re.compile(r"[A-Z][A-Z0-9-]{0,19}")


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as it was sealed: size in bytes and SHA-256 in hex."""

    bytes: int
    sha256: str

    def as_object(self) -> dict[str, Any]:
        """As it stands in the predicate."""
        return {"bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The predicate: a seal as its signer describes it.

    `root` is hex; `dimensions` counts items for each of the seven of EVI-1; `payload` has a row an item in order;
    `tags` a row for each of `PLAIN_TAGS`; `custody` is the log as it was then, `custody_events` events long, and may
    have grown since. `sealed_at` is the sealer's clock, which nothing proves.
    """

    incident: str
    severity: str
    seal: int
    sealer: str
    sealed_at: str
    nested: bool
    size: int
    root: str
    dimensions: Mapping[str, int]
    payload: tuple[FileRow, ...]
    leaves: FileRow
    tags: Mapping[str, FileRow]
    custody: FileRow
    custody_events: int

    def check(self) -> None:
        """Raises StatementError naming the first member that is out of bounds or contradicts another."""
        try:
            parse_utc(self.sealed_at)
            check_key_name(self.sealer)
        except InputError as error:
            raise StatementError(error.sentence) from error
        good = {
            "severity": _SEVERITY.fullmatch(self.severity) is not None,
            "seal": self.seal >= 1,
            "nested": self.nested or self.severity not in NESTED_LEVELS,
            "size": 0 < self.size <= MAX_ITEMS and len(self.payload) == self.size,
            "root": _HEX64.fullmatch(self.root) is not None,
            "dimensions": set(self.dimensions) == set(DIMENSIONS) and sum(self.dimensions.values()) == self.size,
            "tags": set(self.tags) == set(PLAIN_TAGS),
            "custody_events": self.custody_events > 0,
        }
        for name, holds in good.items():
            if not holds:
                raise StatementError(f"The '{name}' of the seal is out of bounds or contradicts the rest of it.")

    def statement(self, checkpoint_sha256: str, manifest_sha256: str) -> Statement:
        """The statement to sign over these two files; raises StatementError when the seal contradicts itself."""
        self.check()
        predicate = {
            "v": PREDICATE_VERSION,
            "incident": self.incident,
            "severity": self.severity,
            "seal": self.seal,
            "sealer": self.sealer,
            "sealed_at": self.sealed_at,
            "nested": self.nested,
            "size": self.size,
            "root": self.root,
            "dimensions": dict(self.dimensions),
            "payload": [row.as_object() for row in self.payload],
            "leaves": self.leaves.as_object(),
            "tags": {path: row.as_object() for path, row in self.tags.items()},
            "custody": self.custody.as_object(),
            "custody_events": self.custody_events,
        }
        return Statement({CHECKPOINT: checkpoint_sha256, MANIFEST: manifest_sha256}, PREDICATE_TYPE, predicate)


def parse_seal(statement: Statement) -> Seal:
    """The seal in a statement whose signature holds; raises StatementError when it is not one of this version."""
    predicate = statement.predicate
    if statement.predicate_type != PREDICATE_TYPE or predicate.get("v") != PREDICATE_VERSION:
        raise StatementError("The statement is not a seal that this version knows; use a newer incident-console.")
    if set(statement.subjects) != {CHECKPOINT, MANIFEST}:
        raise StatementError(f"The statement is not about {CHECKPOINT} and {MANIFEST}; it is not a seal.")
    seal = Seal(
        incident=_text(predicate, "incident"),
        severity=_text(predicate, "severity"),
        seal=_count(predicate, "seal"),
        sealer=_text(predicate, "sealer"),
        sealed_at=_text(predicate, "sealed_at"),
        nested=_flag(predicate, "nested"),
        size=_count(predicate, "size"),
        root=_text(predicate, "root"),
        dimensions={name: _count(_object(predicate, "dimensions"), name) for name in _object(predicate, "dimensions")},
        payload=tuple(_row(value) for value in _list(predicate, "payload")),
        leaves=_row(predicate.get("leaves")),
        tags={path: _row(value) for path, value in _object(predicate, "tags").items()},
        custody=_row(predicate.get("custody")),
        custody_events=_count(predicate, "custody_events"),
    )
    seal.check()
    return seal


def _row(value: Any) -> FileRow:
    match value:
        case {"bytes": int(size), "sha256": str(sha256)} if (
            not isinstance(size, bool) and size >= 0 and _HEX64.fullmatch(sha256)
        ):
            return FileRow(size, sha256)
    raise StatementError("A file in the seal has no size or no SHA-256; the seal is refused.")


def _text(value: Mapping[str, Any], name: str) -> str:
    return str(_member(value, name, str))


def _count(value: Mapping[str, Any], name: str) -> int:
    number = _member(value, name, int)
    if isinstance(number, bool) or number < 0:
        raise StatementError(f"The '{name}' of the seal is not a count; the seal is refused.")
    return int(number)


def _flag(value: Mapping[str, Any], name: str) -> bool:
    return bool(_member(value, name, bool))


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return dict(_member(value, name, dict))


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    return list(_member(value, name, list))


def _member(value: Mapping[str, Any], name: str, kind: type) -> Any:
    member = value.get(name)
    if not isinstance(member, kind):
        raise StatementError(f"The '{name}' of the seal is missing or of another kind; the seal is refused.")
    return member

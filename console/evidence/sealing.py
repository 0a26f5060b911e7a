"""Closing a tree of captured items and writing it out as a package that strangers can verify.

Sealing and packing are two moments: `make_checkpoint` at the seal, `write_package` at each export. Signatures are
deterministic, so the checkpoint in the package is to the byte the one that was sealed. A package appears under its name
only when it is complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from console.domain.errors import EnvironmentFault, InputError
from console.domain.evidence import DIMENSIONS, NESTED_LEVELS
from console.evidence import bag
from console.evidence.age import Copied, check_recipient, encrypt
from console.evidence.custody import Sealed, contradictions, log_text, sign_log
from console.evidence.instructions import verify_text
from console.evidence.items import MAX_ITEMS, Leaf, check_dimension, parse_leaf
from console.evidence.statement import FileRow, Seal
from console.proof import merkle
from console.proof.checkpoint import sign_checkpoint
from console.proof.dsse import sign_statement
from console.proof.envelope import SignedEvent
from console.proof.keys import SigningKey
from console.proof.sshsig import sign_ssh


class SealingError(InputError):
    """What was handed over is not what was sealed, or may not be packed like this; no package was written."""


@dataclass(frozen=True, slots=True)
class PackageItem:
    """An item to pack: its `leaf_line` (bytes, no newline) and a way to open its plaintext, called once."""

    name: str
    dimension: str
    leaf_line: bytes
    open_plaintext: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class PackageReport:
    """What was written: 32-byte `root`, `size` in items, SHA-256 (hex) of the manifest, bytes of all files together."""

    root: bytes
    size: int
    manifest_sha256: str
    bytes: int


def seal_tree(leaf_digests: Sequence[bytes]) -> bytes:
    """The 32-byte root over the leaf digests (32 bytes each) of one seal, in order of index.

    Raises SealingError for a tree without leaves: nothing was captured, so there is nothing to seal.
    """
    if not leaf_digests:
        raise SealingError("There is no captured item to seal; capture evidence first.")
    return merkle.root(leaf_digests)


def make_checkpoint(origin: str, size: int, root: bytes, signer: SigningKey, signer_name: str) -> str:
    """The signed checkpoint of a seal, as it will stand in every package of it; `origin` is the plane's."""
    return sign_checkpoint(origin, size, root, signer, signer_name)


def write_package(
    dest: Path,
    *,
    incident: str,
    severity: str,
    seal_no: int,
    items: Iterable[PackageItem],
    nested: bool,
    custodian: str,
    escrow: str,
    signer: SigningKey,
    signer_name: str,
    origin: str,
    custody_events: Sequence[SignedEvent],
    device_key: SigningKey,
    sealed_at: str,
    bagging_date: str,
) -> PackageReport:
    """Writes the sealed package of one tree to the new folder `dest` (EVI-2, EVI-3).

    Each plaintext is encrypted anew while it is read, to `custodian` and `escrow` (age1...): to either of them, or
    `nested` to both together, which SEV-0 and SEV-1 demand. `custody_events` must hold the events that captured and
    sealed this tree; `sealed_at` is RFC 3339 UTC, `bagging_date` YYYY-MM-DD.

    Raises SealingError naming the item and byte count that differ from its leaf, or what else does not fit;
    EnvironmentFault when `dest` exists or the disk fails. Then nothing stands at `dest`.
    """
    _check_openers(severity, nested, custodian, escrow)
    layers = [[custodian], [escrow]] if nested else [[custodian, escrow]]
    with _new_folder(dest) as folder:
        writer = _Writer(folder)
        leaves, dimensions, rows = _pack_items(writer, items, layers)
        lines = b"".join(leaf.line + b"\n" for leaf in leaves)
        leaves_row = writer.encrypt(bag.LEAVES, io.BytesIO(lines), layers)[1]

        digests = [leaf.digest for leaf in leaves]
        root = seal_tree(digests)
        _check_custody(custody_events, Sealed(incident, seal_no, root, digests))
        paths = bag.payload_paths(len(leaves))
        payload = [*rows, leaves_row]
        manifest = bag.manifest_text(zip(paths, (row.sha256 for row in payload), strict=True))
        info = bag.BagInfo(incident, bagging_date, sum(row.bytes for row in payload), len(payload))
        checkpoint = make_checkpoint(origin, len(leaves), root, signer, signer_name)

        writer.write(bag.BAGIT, bag.BAGIT_TXT)
        writer.write(bag.BAG_INFO, info.text())
        writer.write(bag.VERIFY, verify_text(nested=nested, signer=signer_name))
        manifest_row = writer.write(bag.MANIFEST, manifest)
        writer.write(bag.LEAF_HASHES, bag.leaf_hashes_text(digests))
        checkpoint_row = writer.write(bag.CHECKPOINT, checkpoint)
        writer.write(bag.SSHSIG, sign_ssh(checkpoint.encode("utf-8"), signer))
        custody_row = writer.write(bag.CUSTODY_LOG, log_text(custody_events))
        writer.write(bag.CUSTODY_CHECKPOINT, sign_log(origin, custody_events, device_key))
        seal = Seal(
            incident=incident,
            severity=severity,
            seal=seal_no,
            sealer=signer_name,
            sealed_at=sealed_at,
            nested=nested,
            size=len(leaves),
            root=root.hex(),
            dimensions=dimensions,
            payload=tuple(rows),
            leaves=leaves_row,
            tags={path: writer.rows[path] for path in bag.PLAIN_TAGS},
            custody=custody_row,
            custody_events=len(custody_events),
        )
        writer.write(bag.STATEMENT, sign_statement(seal.statement(checkpoint_row.sha256, manifest_row.sha256), signer))
        tags = bag.manifest_text((path, writer.rows[path].sha256) for path in bag.TAG_FILES)
        writer.write(bag.TAG_MANIFEST, tags)
        writer.settle()
    return PackageReport(root, len(leaves), manifest_row.sha256, sum(row.bytes for row in writer.rows.values()))


class _Writer:
    """Writes files of a package once each and keeps their sizes and hashes in `rows`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows: dict[str, FileRow] = {}

    def write(self, path: str, content: str | bytes) -> FileRow:
        data = content.encode("utf-8") if isinstance(content, str) else content
        with (self._folder / path).open("xb") as file:
            file.write(data)
        self.rows[path] = FileRow(len(data), hashlib.sha256(data).hexdigest())
        return self.rows[path]

    def encrypt(self, path: str, source: BinaryIO, layers: Sequence[Sequence[str]]) -> tuple[Copied, FileRow]:
        with (self._folder / path).open("xb") as file:
            copied = encrypt(source, file, layers)
        self.rows[path] = FileRow(copied.cipher_bytes, copied.cipher_sha256)
        return copied, self.rows[path]

    def settle(self) -> None:
        """Puts every file and folder on the disk, in one pass at the end: most are there by then."""
        for path in (*self.rows, *bag.FOLDERS, "."):
            _fsync(self._folder / path)


def _pack_items(
    writer: _Writer, items: Iterable[PackageItem], layers: Sequence[Sequence[str]]
) -> tuple[list[Leaf], dict[str, int], list[FileRow]]:
    leaves: list[Leaf] = []
    rows: list[FileRow] = []
    dimensions = dict.fromkeys(DIMENSIONS, 0)
    for index, item in enumerate(items):
        if index >= MAX_ITEMS:
            raise SealingError(f"A package holds at most {MAX_ITEMS} items; capture the rest under another seal.")
        leaf = parse_leaf(item.leaf_line)
        if leaf.index != index or leaf.name != item.name:
            raise SealingError(f"Item {index} carries the leaf of item {leaf.index}; hand the items over in order.")
        dimensions[check_dimension(item.dimension)] += 1
        with item.open_plaintext() as plaintext:
            copied, row = writer.encrypt(bag.item_path(index), plaintext, layers)
        _check_plaintext(leaf, copied)
        leaves.append(leaf)
        rows.append(row)
    return leaves, dimensions, rows


def _check_plaintext(leaf: Leaf, copied: Copied) -> None:
    if copied.plain_bytes != leaf.size:
        raise SealingError(
            f"Item {leaf.index} holds {copied.plain_bytes} bytes where {leaf.size} were captured; it was changed since."
        )
    if copied.plain_sha256 != leaf.sha256:
        raise SealingError(f"Item {leaf.index} holds {leaf.size} bytes as captured, but others; it was changed since.")


def _check_openers(severity: str, nested: bool, custodian: str, escrow: str) -> None:
    check_recipient(custodian)
    check_recipient(escrow)
    if severity in NESTED_LEVELS and not nested:
        raise SealingError(f"A package of {severity} must take two people to open; write it nested.")
    if custodian == escrow:
        raise SealingError("Custodian and escrow are the same key; they must be two people.")


def _check_custody(events: Sequence[SignedEvent], sealed: Sealed) -> None:
    for sentence in contradictions(events, sealed):
        raise SealingError(f"The custody log does not belong to this seal: {sentence}")


@contextmanager
def _new_folder(dest: Path) -> Iterator[Path]:
    """A folder beside `dest` that takes its name when all went well and is removed when not.

    It is locked while it is written, so that a second attempt at the same package is told so and touches nothing.
    """
    partial = dest.with_name(f".{dest.name}.partial")
    if dest.exists() or dest.is_symlink():
        raise EnvironmentFault(f"{dest} exists already; a package is only written to a new folder, name another.")
    with _claimed(partial, dest):
        yield from _filled(partial, dest)


def _filled(partial: Path, dest: Path) -> Iterator[Path]:
    try:
        for name in bag.FOLDERS:
            (partial / name).mkdir(mode=0o700)
        yield partial
        partial.rename(dest)
        _fsync(dest.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"The package {dest} could not be written ({reason}); see to the disk.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _claimed(partial: Path, dest: Path) -> Iterator[None]:
    """`partial`, made new and locked; what a crash left of an earlier attempt goes, what is being written stays."""
    try:
        if partial.is_dir() and not partial.is_symlink():
            with _locked(partial, dest):
                shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"The package {dest} could not be written ({reason}); see to the disk.") from error
    with _locked(partial, dest):
        yield


@contextmanager
def _locked(folder: Path, dest: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EnvironmentFault(f"The package {dest} is being written already; wait until it is there.") from error
        yield
    finally:
        os.close(handle)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

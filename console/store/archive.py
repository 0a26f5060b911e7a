"""Backup and restore: one tar file with a manifest, a vacuumed record and the blobs; verified when made and when read.

A backup is not encrypted (blobs are ciphertext, the record is not): whoever keeps it must keep it safe. Restoring goes
only into a folder that is missing or empty, and starts a new incarnation, so that what is written afterwards can never
collide with what this device had sent after the backup was made.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from console.domain.errors import InputError
from console.store import rows
from console.store._sqlite import Immediate, connect_reader, connect_writer, vacuum_into
from console.store.blobs import BlobStore
from console.store.faults import StoreDamageFault, StoreMissingError
from console.store.files import open_regular, publish_file, publish_folder, require_free, scratch_folder
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import BLOB_FOLDER, RECORD_FILE, record_path, stored_version
from console.store.verify import Report, verify_store

FORMAT = "incident-console-backup"
MAX_BACKUP_BYTES = 2**42
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
MAX_FILES = 1_000_000
_MAX_HEADER_READ = 1024 * 1024
_CHUNK = 1024 * 1024
_SQLITE = b"SQLite format 3\0"
_NAME = re.compile(rf"{re.escape(RECORD_FILE)}|{BLOB_FOLDER}/[0-9a-f]{{2}}/[0-9a-f]{{62}}")
_HEX64 = re.compile(r"[0-9a-f]{64}")


class Part(NamedTuple):
    """One file of a backup."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Archived:
    """What a backup holds: `size` in bytes, and the report of the check that it passed."""

    path: Path
    size: int
    blobs: int
    report: Report


def backup(folder: Path, target: Path, made_at: str) -> Archived:
    """Writes the store in `folder`, as it is now, into the new file `target`; the store may be in use meanwhile.

    Raises InputError when `target` exists, StoreDamageFault naming the first fault when the store is not intact.
    """
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already; give another name, nothing is overwritten.")
    blobs = BlobStore(folder / BLOB_FOLDER)
    with scratch_folder(target, "no backup was made") as scratch:
        copy = scratch / RECORD_FILE
        vacuum_into(_existing(record_path(folder)), copy)
        copy.chmod(0o600)
        report = verify_store(copy, blobs)
        if report.faults:
            raise StoreDamageFault(f"The store {folder} is not backed up because it is not intact: {report.faults[0]}")
        kept = _blob_parts(copy, blobs)
        parts = [Part(RECORD_FILE, copy.stat().st_size, _sha256(copy)), *kept]
        made = scratch / "backup"
        with made.open("xb") as file:
            made.chmod(0o600)
            _write_tar(file, _manifest(parts, report, made_at), parts, {RECORD_FILE: copy}, blobs)
        size = made.stat().st_size
        publish_file(made, target)
    return Archived(target, size, len(kept), report)


def restore(source: Path, folder: Path) -> Report:
    """Puts the store of a backup into `folder`, which must be missing or empty, once all of it was verified.

    `source` is a file that `backup` wrote, or one of the copies that a desk keeps in its store's folder: the blobs of
    such a one are taken from there.
    Raises InputError when `source` is not a backup, is damaged or does not fit this version; nothing is left behind.
    """
    require_free(folder)
    with scratch_folder(folder, "nothing was restored") as scratch:
        made = scratch / "store"
        made.mkdir(mode=0o700)
        with open_regular(source, MAX_BACKUP_BYTES) as file:
            try:
                if file.read(len(_SQLITE)) == _SQLITE:
                    _take_copy(file, made, source)
                else:
                    file.seek(0)
                    _unpack(file, made, source)
            except (tarfile.TarError, EOFError, UnicodeError) as error:
                raise InputError(f"{source} is not a backup of this program, or it was cut short.") from error
        if stored_version(made / RECORD_FILE) > SCHEMA_VERSION:
            raise InputError(f"{source} was made by a newer version; update this program first.")
        report = verify_store(made / RECORD_FILE, BlobStore(made / BLOB_FOLDER))
        if report.faults:
            raise InputError(f"{source} holds a damaged store and is not restored: {report.faults[0]}")
        _next_incarnation(made / RECORD_FILE)
        publish_folder(made, folder)
    return report


def _take_copy(file: BinaryIO, made: Path, source: Path) -> None:
    """A record without its blobs, which lie where the desk keeps both."""
    file.seek(0)
    with (made / RECORD_FILE).open("xb") as target:
        shutil.copyfileobj(file, target, _CHUNK)
    (made / RECORD_FILE).chmod(0o600)
    stored_version(made / RECORD_FILE)  # refuses what is not a record of ours
    blobs = BlobStore(source.absolute().parent.parent / BLOB_FOLDER)
    for part in _blob_parts(made / RECORD_FILE, blobs):
        path = made / part.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with blobs.open(part.sha256) as content, path.open("xb") as target:
            shutil.copyfileobj(content, target, _CHUNK)
        path.chmod(0o400)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise StoreMissingError(f"There is no store in {path.parent}; name its folder with --store.")
    return path


def _blob_parts(copy: Path, blobs: BlobStore) -> list[Part]:
    conn = connect_reader(copy)
    try:
        found = conn.execute("SELECT sha256, size FROM blob ORDER BY sha256").fetchall()
    finally:
        conn.close()
    return [Part(f"{BLOB_FOLDER}/{sha256[:2]}/{sha256[2:]}", size, sha256) for sha256, size in found]


def _manifest(parts: list[Part], report: Report, made_at: str) -> bytes:
    content = {
        "format": FORMAT,
        "version": 1,
        "schema": SCHEMA_VERSION,
        "made_at": made_at,
        "encrypted": False,
        "counts": dict(report.counts),
        "files": [part._asdict() for part in parts],
    }
    return json.dumps(content, indent=1).encode("ascii") + b"\n"


def _write_tar(file: BinaryIO, manifest: bytes, parts: list[Part], where: dict[str, Path], blobs: BlobStore) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        head = tarfile.TarInfo("manifest.json")
        head.size, head.mode = len(manifest), 0o600
        tar.addfile(head, io.BytesIO(manifest))
        for part in parts:
            member = tarfile.TarInfo(part.name)
            member.size, member.mode = part.size, 0o600
            path = where.get(part.name) or blobs.path(part.sha256)
            with path.open("rb") as source:
                tar.addfile(member, source)


def _unpack(file: BinaryIO, made: Path, source: Path) -> None:
    """Every part in the manifest's order, nothing else, sizes and hashes as they say."""
    with tarfile.open(fileobj=_Bounded(file), mode="r:") as tar:  # type: ignore[call-overload]
        parts = _read_manifest(tar, source)
        if sum(part.size for part in parts) > file.seek(0, os.SEEK_END):
            raise InputError(f"{source} is shorter than its manifest says; it was cut short and is not restored.")
        for part in parts:
            member = tar.next()
            if member is None or member.type != tarfile.REGTYPE or (member.name, member.size) != part[:2]:
                raise InputError(f"{source} does not hold '{part.name}' where its manifest says; it is not restored.")
            path = made / part.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None  # it is a regular file
            if _copy(content, path, part.size) != part.sha256:
                raise InputError(f"'{part.name}' in {source} is not what was backed up; it is not restored.")
            path.chmod(0o600 if part.name == RECORD_FILE else 0o400)
        if tar.next() is not None:
            raise InputError(f"{source} holds more than its manifest says; it is not restored.")


def _read_manifest(tar: tarfile.TarFile, source: Path) -> list[Part]:
    member = tar.next()
    if member is None or (member.type, member.name) != (tarfile.REGTYPE, "manifest.json"):
        raise InputError(f"{source} is not a backup of this program: it does not begin with a manifest.")
    if member.size > MAX_MANIFEST_BYTES:
        raise InputError(f"The manifest of {source} is larger than any that this program writes; it is not restored.")
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    try:
        manifest: Any = json.loads(b"".join(iter(lambda: content.read(_CHUNK), b"")))
        good = manifest["format"] == FORMAT and manifest["version"] == 1
        parts = [Part(str(f["name"]), int(f["size"]), str(f["sha256"])) for f in manifest["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"The manifest of {source} cannot be read; it is not restored.") from error
    names = {part.name for part in parts}
    if not good or not all(_is_sound(part) for part in parts) or len(names) != len(parts) or len(parts) > MAX_FILES:
        raise InputError(f"The manifest of {source} is not one that this version writes; it is not restored.")
    if RECORD_FILE not in names:
        raise InputError(f"{source} holds no record; it is not restored.")
    return parts


def _is_sound(part: Part) -> bool:
    named = part.name == RECORD_FILE or part.name.removeprefix(BLOB_FOLDER).replace("/", "") == part.sha256
    return bool(_NAME.fullmatch(part.name) and _HEX64.fullmatch(part.sha256)) and part.size >= 0 and named


def _copy(source: IO[bytes], path: Path, size: int) -> str:
    digest, left = hashlib.sha256(), size
    with path.open("xb") as target:
        while left and (chunk := source.read(min(_CHUNK, left))):
            digest.update(chunk)
            target.write(chunk)
            left -= len(chunk)
    return digest.hexdigest()


def _next_incarnation(path: Path) -> None:
    """Own chains go on under a new number: the device may have sent more than the backup knows of."""
    conn = connect_writer(path)
    try:
        with Immediate(conn, path):
            for (device,) in conn.execute("SELECT device FROM known_key WHERE origin = 'own'").fetchall():
                row = rows.one(conn, "known_key", "device = ?", (device,))
                assert row is not None  # just listed
                rows.replace(conn, "known_key", row | {"incarnation": int(row["incarnation"]) + 1})
    finally:
        conn.close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Bounded:
    """A file of which tarfile can never ask for more at once than a header may have; bodies are read in chunks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= max(_CHUNK, _MAX_HEADER_READ):
            raise InputError("A header in the backup is larger than any that this program writes; it is not restored.")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

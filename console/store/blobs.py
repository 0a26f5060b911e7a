"""Write-once files of ciphertext, each named by the SHA-256 of exactly the bytes that lie on the disk.

Plaintext never touches the disk: what comes in is hashed and encrypted while it is copied, synced and only then renamed
into its place. Write the blob first and the event that names it second; a blob without an event is harmless.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from console.domain.errors import EnvironmentFault, InputError
from console.store.faults import StoreDamageFault, disk_fault

Encrypt = Callable[[BinaryIO, BinaryIO], tuple[str, int, str, int]]
"""Copies a source into a target as ciphertext: (plain sha256 hex, plain size, cipher sha256 hex, cipher size)."""

BLOB_NAME = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1024 * 1024
_MARK = "at-plane"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was stored: `sha256` and `size` (bytes) of the ciphertext; the plaintext's are for the leaf only."""

    sha256: str
    size: int
    plain_sha256: str
    plain_size: int


class BlobStore:
    """The folder of blobs of one store, `ab/cdef...` by the first two digits of the name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"

    def put(self, source: BinaryIO, encrypt: Encrypt) -> StoredBlob:
        """Encrypts `source` into the store; the same ciphertext again changes nothing.

        Raises DiskFullFault or EnvironmentFault when it cannot be written; then nothing is left behind.
        """
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            temporary = Path(name)
            try:
                return self._copy(source, descriptor, temporary, encrypt)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise disk_fault(error, self.folder) from error

    def _copy(self, source: BinaryIO, descriptor: int, temporary: Path, encrypt: Encrypt) -> StoredBlob:
        with os.fdopen(descriptor, "wb") as target:
            plain_sha256, plain_size, sha256, size = encrypt(source, target)
            target.flush()
            os.fchmod(target.fileno(), 0o400)
            os.fsync(target.fileno())
            if target.tell() != size:
                raise EnvironmentFault(
                    f"The encryption said {size} bytes but {target.tell()} were written; the item was not stored."
                )
        place = self.path(sha256)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        if not place.exists():
            temporary.rename(place)
            sync_folder(place.parent)
            sync_folder(self.folder)
        return StoredBlob(sha256, size, plain_sha256, plain_size)

    def path(self, sha256: str) -> Path:
        """Where that blob lies, whether or not it is there; raises InputError when the name is not a SHA-256."""
        if not BLOB_NAME.fullmatch(sha256):
            raise InputError(f"'{sha256[:80]}' is not the name of a blob; a blob is named by 64 lower-case hex digits.")
        return self.folder / sha256[:2] / sha256[2:]

    def open(self, sha256: str) -> BinaryIO:
        """The ciphertext, for reading; raises StoreDamageFault when it is missing. The caller closes it."""
        path = self.path(sha256)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise StoreDamageFault(_missing(sha256, self.folder)) from error
        except OSError as error:
            raise disk_fault(error, self.folder) from error

    def fault(self, sha256: str, size: int, *, deep: bool = True) -> str:
        """What is wrong with a blob in one sentence, or ""; only presence and size are looked at unless `deep`."""
        path = self.path(sha256)
        try:
            found = path.stat().st_size
            if found != size:
                return f"The blob {sha256} is {found} bytes and should be {size}; restore it from a backup."
            if deep and _sha256(path) != sha256:
                return f"The {size} bytes of blob {sha256} are not the ones that were stored; restore it from a backup."
        except FileNotFoundError:
            return _missing(sha256, self.folder)
        except OSError as error:
            return disk_fault(error, self.folder).sentence
        return ""

    def mark(self) -> str:
        """What `keep_mark` kept, "" for nothing: a hint, never a proof."""
        try:
            return (self.folder / _MARK).read_text("ascii", "replace")[:200].strip()
        except OSError:
            return ""

    def keep_mark(self, text: str) -> None:
        """Keeps one line about how far the blobs were brought elsewhere; a disk that is full keeps the old one."""
        draft = self.folder / f"{_MARK}.new"
        try:
            draft.write_text(f"{text}\n", "ascii")
            draft.replace(self.folder / _MARK)
        except OSError:
            draft.unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """The name of every blob that lies in the folder, sorted; stray files are not blobs."""
        for place in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*")):
            name = place.parent.name + place.name
            if BLOB_NAME.fullmatch(name) and not place.is_symlink():
                yield name


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_as_is(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
    """Takes over what is ciphertext already (restore, import): the `Encrypt` that changes nothing."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        size += target.write(chunk)
    return digest.hexdigest(), size, digest.hexdigest(), size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(sha256: str, folder: Path) -> str:
    return f"The blob {sha256} is not in {folder}; restore it from a backup or import it from another desk."

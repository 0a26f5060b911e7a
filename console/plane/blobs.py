"""Evidence as ciphertext, kept beside the database: write-once files named by the SHA-256 of their own bytes.

A blob arrives in parts, each on the disk before it is acknowledged; its hash decides at the end whether it is kept.
Parts belong to the device that sends them, so nobody can spoil another's. Only age ciphertext is taken: the plane must
never come to hold anything it could read.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from console.domain.errors import EnvironmentFault, InputError
from console.plane.db import database_file, database_url

MAGIC = b"age-encryption.org/v1\n"
RESERVE_BYTES = 256 * 1024 * 1024
"""What is left free on the disk for the record, which matters more than any blob."""
UNFINISHED = 32
"""Blobs that one device may have half sent."""
FORGOTTEN_S = 7 * 24 * 3600
"""A part that nobody added to for so long is removed at the next start."""

BLOB_PLACES = "[0-9a-f][0-9a-f]/" + "[0-9a-f]" * 62
"""Where whole blobs lie in the folder, as a pattern."""

_NAME = re.compile(r"[0-9a-f]{64}")
_PIECE = 1024 * 1024


class Misplaced(InputError):
    """A part does not begin where what is held ends; `HEAD` says where that is."""


@dataclass(frozen=True, slots=True)
class Held:
    """How much of a blob is there: `offset` bytes of `size`."""

    offset: int
    size: int
    complete: bool


def blobs_folder(database: str, device_key: Path) -> Path:
    """Where the blobs of this database lie: beside its file, or beside the plane's key for a database server."""
    beside = database_file(database_url(database)) or device_key
    return beside.with_name(beside.stem + "-blobs")


class Blobs:
    """The folder of blobs; one thread at a time works on one device's part of one blob."""

    def __init__(self, folder: Path, *, reserve: int = RESERVE_BYTES) -> None:
        self.folder, self._reserve = folder, reserve
        self._parts = folder / "parts"

    def path(self, sha256: str) -> Path:
        """Where that blob lies, whether or not it is there; raises InputError when the name is not a SHA-256."""
        if not _NAME.fullmatch(sha256):
            raise InputError("A blob is named by its SHA-256, 64 lower-case hexadecimal digits.")
        return self.folder / sha256[:2] / sha256[2:]

    def held(self, sha256: str, device: str) -> Held | None:
        """How much of it there is for that device, None when there is nothing."""
        whole = self.path(sha256)
        if whole.exists():
            size = whole.stat().st_size
            return Held(size, size, complete=True)
        part = self._part(sha256, device)
        return Held(part.stat().st_size, _total(part), complete=False) if part is not None else None

    def add(self, sha256: str, device: str, offset: int, total: int, data: bytes) -> Held:
        """Put `data` at `offset` of a blob of `total` bytes.

        Raises Misplaced for another offset than what is held, InputError for what is not age ciphertext or not of that
        hash (then nothing of it is kept), EnvironmentFault for a full disk.
        """
        before = self.held(sha256, device)
        if before is not None and before.complete:
            return before
        part = self._part(sha256, device)
        if part is not None and offset == 0 and _total(part) != total:
            part.unlink()
            part, before = None, None
        reached = before.offset if before is not None else 0
        if offset != reached or (part is not None and _total(part) != total):
            raise Misplaced(f"The next part of this blob begins at byte {reached}; send that one.")
        if offset + len(data) > total or (not data and total):
            raise InputError("A part must hold at least one byte and end within the blob's length.")
        if offset == 0 and not data.startswith(MAGIC[: max(1, len(data))]):
            raise InputError("Only age ciphertext is kept here; encrypt the evidence before it leaves the desk.")
        self._check_room(sha256, device, total - offset, begins=part is None)
        try:
            return self._written(sha256, part or self._parts / f"{sha256}-{device}-{total}", offset, total, data)
        except OSError as error:
            raise _full(error) from error

    def read(self, sha256: str, start: int, end: int) -> Generator[bytes]:
        """The bytes from `start` up to and without `end`, in pieces."""
        with self.path(sha256).open("rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(_PIECE, end - start))):
                start += len(piece)
                yield piece

    def forget_old_parts(self, now: float | None = None) -> None:
        """Remove parts that nobody added to for a week; `now` in seconds since 1970."""
        before = (time.time() if now is None else now) - FORGOTTEN_S
        for part in self._parts.glob("*"):
            if part.stat().st_mtime < before:
                part.unlink(missing_ok=True)

    def _part(self, sha256: str, device: str) -> Path | None:
        self.path(sha256)
        return next(iter(self._parts.glob(f"{sha256}-{device}-*")), None)

    def _check_room(self, sha256: str, device: str, more: int, *, begins: bool) -> None:
        if begins and sum(1 for _ in self._parts.glob(f"*-{device}-*")) >= UNFINISHED:
            raise EnvironmentFault(f"This device has {UNFINISHED} blobs half sent; finish one of them first.")
        try:
            self._parts.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self._parts).free
        except OSError as error:
            raise _full(error) from error
        if free < self._reserve + more:
            raise EnvironmentFault(
                "The plane's disk has no room for this blob; nothing of it is lost here, make room and send it again."
            )

    def _written(self, sha256: str, part: Path, offset: int, total: int, data: bytes) -> Held:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            try:
                file.seek(offset)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, offset)  # half a part is none
                raise
            reached = offset + len(data)
            if reached < total:
                return Held(reached, total, complete=False)
            file.seek(0)
            begins, found = file.read(len(MAGIC)), hashlib.sha256()
            file.seek(0)
            while piece := file.read(_PIECE):
                found.update(piece)
        if found.hexdigest() != sha256 or begins != MAGIC:
            part.unlink()
            raise InputError(
                "What arrived is not age ciphertext of that SHA-256; nothing of it was kept, send it again."
            )
        return self._kept(sha256, part, total)

    def _kept(self, sha256: str, part: Path, total: int) -> Held:
        place = self.path(sha256)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        part.chmod(0o400)
        part.rename(place)
        for folder in (place.parent, self.folder, self._parts):
            _sync(folder)
        return Held(total, total, complete=True)


def _total(part: Path) -> int:
    return int(part.name.rpartition("-")[2])


def _full(error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"The plane cannot keep this blob ({error.strerror}); what came before stays, make room and go on from there."
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

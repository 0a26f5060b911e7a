"""Reading a package that may be hostile: a flat, bounded listing of ordinary files, opened without following links.

Folders are looked into only where a package has them, so there is no depth to bound; names come from the closed list of
`bag`, so absolute, climbing, device, look-alike and case-folded names are all simply not files of a package.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from console.domain.errors import InputError
from console.evidence import bag
from console.evidence.verdict import Check

MAX_FILES = 100_000
MAX_TAG_BYTES = 64 * 1024 * 1024
MAX_PACKAGE_BYTES = 2**42
_BLOCK = 256 * 1024


class PackagePathError(InputError):
    """The path of a package is missing or unreadable; exit code 2 of `verify`."""


@dataclass(slots=True)
class Listing:
    """The ordinary files of a package: `sizes` maps a path to bytes as listed, `tags` small ones to their content."""

    folder: Path
    sizes: dict[str, int] = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, int]:
        """Sizes of the files under data/."""
        return {path: size for path, size in self.sizes.items() if bag.is_payload_path(path)}


def list_package(folder: Path, max_files: int = MAX_FILES) -> tuple[Listing, Check]:
    """The files of the package and the check of them; tag files are read at once, so that they are judged as hashed.

    Nothing is looked at beyond `max_files` entries.
    Raises PackagePathError when `folder` is missing or cannot be listed.
    """
    listing, check = Listing(folder), Check("files")
    try:
        if folder.is_dir():
            _list_folder(listing, check, max_files)
        else:
            folder.stat()
            check.fail("This is not a folder; a package is one (unpack an archive yourself, if you trust it).")
            return listing, check
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PackagePathError(f"The package {folder} cannot be read ({reason}); check the path.") from error
    if sum(listing.sizes.values()) > MAX_PACKAGE_BYTES:
        check.fail(f"The files are larger than {MAX_PACKAGE_BYTES} bytes together; this is refused.")
    for path in (*bag.TAG_FILES, bag.TAG_MANIFEST):
        _read_tag(listing, check, path)
    if bag.LEAVES not in listing.sizes:
        check.fail("The file is missing.", path=bag.LEAVES)
    check.sentence = f"{len(listing.sizes)} files, each one that belongs in a package"
    return listing, check


@contextmanager
def open_inside(folder: Path, path: str) -> Iterator[io.BufferedReader]:
    """The file `path` of a package, opened only if it is an ordinary file; raises OSError otherwise."""
    handle = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "not an ordinary file")
        yield file


def hash_file(folder: Path, path: str, limit: int) -> tuple[int, str]:
    """Bytes and SHA-256 (hex) of a file, reading at most one byte beyond `limit`; raises OSError."""
    digest, count = hashlib.sha256(), 0
    block = memoryview(bytearray(min(_BLOCK, limit + 1)))
    with open_inside(folder, path) as file:
        while count <= limit:
            got = file.readinto(block[: limit + 1 - count])
            if not got:
                break
            digest.update(block[:got])
            count += got
    return count, digest.hexdigest()


def _list_folder(listing: Listing, check: Check, max_files: int) -> None:
    count = 0
    for folder in ("", *bag.FOLDERS):
        place = listing.folder / folder
        if folder and (place.is_symlink() or not place.is_dir()):
            continue
        with os.scandir(place) as entries:
            for entry in entries:
                count += 1
                if count > max_files:
                    check.fail(f"There are more than {max_files} files; this is refused.")
                    return
                _list_entry(listing, check, folder, entry)


def _list_entry(listing: Listing, check: Check, folder: str, entry: os.DirEntry[str]) -> None:
    path = f"{folder}/{entry.name}" if folder else entry.name
    if entry.is_symlink():
        check.fail("This is a link; a package holds none.", path=path)
    elif entry.is_dir(follow_symlinks=False):
        if path not in bag.FOLDERS:
            check.fail("This folder does not belong in a package.", path=path)
    elif not entry.is_file(follow_symlinks=False):
        check.fail("This is a device, pipe or socket; a package holds ordinary files only.", path=path)
    elif not (bag.is_tag_path(path) or bag.is_payload_path(path) or path == bag.TAG_MANIFEST):
        check.fail("This file does not belong in a package; do not open or run it.", path=path)
    else:
        listing.sizes[path] = entry.stat(follow_symlinks=False).st_size


def _read_tag(listing: Listing, check: Check, path: str) -> None:
    size = listing.sizes.get(path)
    if size is None:
        check.fail("The file is missing.", path=path)
    elif size > MAX_TAG_BYTES:
        check.fail(f"The file is larger than {MAX_TAG_BYTES} bytes; this is refused.", path=path, found_bytes=size)
    else:
        try:
            with open_inside(listing.folder, path) as file:
                listing.tags[path] = file.read(MAX_TAG_BYTES + 1)
        except OSError as error:
            check.fail(f"The file cannot be read ({error.strerror}).", path=path)

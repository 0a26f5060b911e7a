"""Writing and reading whole files and folders for backups and exports: all there or not there at all, sizes bounded.

What is made appears under its name only when it is complete and synced; what exists is never overwritten.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from console.domain.errors import InputError
from console.store.blobs import sync_folder
from console.store.faults import disk_fault


@contextmanager
def scratch_folder(beside: Path, so: str) -> Iterator[Path]:
    """A private folder on the same file system as `beside`, gone afterwards.

    Inside, an OSError becomes a sentence; `so` says in it what did not happen.
    """
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    except OSError as error:
        raise disk_fault(error, beside.parent, so) from error
    try:
        yield folder
    except OSError as error:
        raise disk_fault(error, beside.parent, so) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish_file(made: Path, target: Path) -> None:
    """Gives a finished file its name; raises InputError when something has that name already."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(made, target)
    except FileExistsError as error:
        raise InputError(f"{target} exists already; give another name, nothing is overwritten.") from error
    sync_folder(target.parent)


def publish_folder(made: Path, target: Path) -> None:
    """Gives a finished folder its name; raises InputError unless that is free or an empty folder."""
    for folder, _, names in os.walk(made):
        for name in names:
            with Path(folder, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(folder))
    try:
        made.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise InputError(f"{target} exists and is not empty; give another name, nothing is overwritten.") from error
        raise
    sync_folder(target.parent)


def require_free(target: Path) -> None:
    """Raises InputError when `target` is something other than a missing name or an empty folder."""
    if target.is_symlink() or target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InputError(f"{target} exists and is not empty; give another name, nothing is overwritten.")


def open_regular(path: Path, max_bytes: int) -> BinaryIO:
    """Opens a plain file that somebody else made; raises InputError for a link, a device or one beyond `max_bytes`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        why = "a link" if error.errno == errno.ELOOP else error.strerror
        raise InputError(f"{path} cannot be read ({why}); give a plain file.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
        os.close(descriptor)
        why = f"larger than {max_bytes} bytes" if stat.S_ISREG(status.st_mode) else "not a plain file"
        raise InputError(f"{path} is {why}; it is not read.")
    return os.fdopen(descriptor, "rb")

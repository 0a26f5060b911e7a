"""A file of real blocks that is deleted when the disk is full, so that the last events can still be written.

Made when there is room for it and as much again, so that it never takes the space that somebody is about to need. Only
the process that holds the store's lock may touch it.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

FILE = "ballast"
BALLAST_BYTES = 16 * 1024 * 1024
LOOK_AGAIN_S = 10.0
"""So long after a look at the disk the next one is worth its time."""

_log = logging.getLogger(__name__)


class Ballast:
    """The reserve of one store folder; `size` in bytes."""

    def __init__(self, folder: Path, size: int = BALLAST_BYTES) -> None:
        self._path, self._size = folder / FILE, size
        self._looked = -LOOK_AGAIN_S

    @property
    def held(self) -> bool:
        """Whether all of it lies there."""
        try:
            return self._path.stat().st_blocks * 512 >= self._size
        except OSError:
            return False

    @property
    def sentence(self) -> str:
        """What a person is told when it was given up."""
        return (
            f"The disk that holds {self._path.parent} is full. A reserve of {self._size // 2**20} MiB was given up so "
            "that the last changes could be written; free space now, or the next ones cannot be."
        )

    def keep(self, now: float | None = None) -> None:
        """Makes it when it is missing and there is room; looks at the disk at most once in LOOK_AGAIN_S seconds."""
        now = time.monotonic() if now is None else now
        if now - self._looked < LOOK_AGAIN_S:
            return
        self._looked = now
        self.make()

    def make(self) -> bool:
        """Makes it unless it is there; returns whether it is there afterwards. A failure leaves nothing behind."""
        if self.held:
            return True
        try:
            state = os.statvfs(self._path.parent)
            if state.f_bavail * state.f_frsize < 2 * self._size:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _reserve(descriptor, self._size)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.info("no ballast could be made in %s: %s", self._path.parent, error.strerror)
            self._path.unlink(missing_ok=True)
            return False
        return True

    def drop(self) -> bool:
        """Deletes it; returns whether that freed anything."""
        freed = self.held
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.info("the ballast in %s could not be deleted: %s", self._path.parent, error.strerror)
            return False
        self._looked = time.monotonic()
        return freed


def _reserve(descriptor: int, size: int) -> None:
    """Takes the blocks themselves: a file with a hole in it would free nothing."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        for offset in range(0, size, 2**20):
            os.pwrite(descriptor, os.urandom(min(2**20, size - offset)), offset)
        os.fsync(descriptor)  # until then a file system may only have promised the blocks

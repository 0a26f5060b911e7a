"""One process writes a store: an advisory lock on a file in it, held until the process ends, however it ends.

The kernel drops the lock when its holder dies, so a lock file left behind never keeps anybody out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from console.store.faults import StoreHeldFault, disk_fault

FILE = "lock"


class StoreLock:
    """The right to write in one store folder; `release` gives it back."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock; raises StoreHeldFault naming the process that holds it."""
        try:
            self._descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise disk_fault(error, folder) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreHeldFault(
                f"The store {folder} is in use by process {holder or 'unknown'}; close that window first, "
                "or name another folder with --store.",
                holder if holder.isdigit() else "",
            ) from error
        with contextlib.suppress(OSError):  # on a full disk the lock is held all the same, only without a name
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode("ascii"), 0)

    def release(self) -> None:
        """Gives the lock back; calling it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

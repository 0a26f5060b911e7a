"""What can go wrong with a store, as sentences a person can act upon; the class says whose fault it is."""

from __future__ import annotations

import errno
from pathlib import Path

from console.domain.errors import EnvironmentFault, InputError, RefusedError

FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullFault(EnvironmentFault):
    """No space is left where the store lies; the write was undone as a whole."""


class StoreBusyFault(EnvironmentFault):
    """Another process holds the store or a lock in it; `holder` is its number, "" when it is not known."""

    def __init__(self, sentence: str, holder: str = "") -> None:
        super().__init__(sentence)
        self.holder = holder


class StoreHeldFault(StoreBusyFault):
    """Another process holds the lock of the store: it can be read, but not written."""


class BackupTooSlow(EnvironmentFault):
    """A backup was given up because somebody is waiting; the record is untouched."""


class StoreReadOnlyFault(EnvironmentFault):
    """The store cannot be written: permissions, or a read-only file system."""


class StoreDamageFault(EnvironmentFault):
    """What is in the store is not what was written there."""


class StoreMissingError(InputError):
    """There is no store where one was expected."""


class NewerStoreError(InputError):
    """The store was written by a newer version of this program."""


class AppendOnlyError(RefusedError):
    """Something tried to change or remove what is only ever added to."""


def disk_fault(error: OSError, place: Path, so: str = "nothing of this step was written") -> EnvironmentFault:
    """The sentence for an OSError at `place`; `so` says what did not happen because of it."""
    if error.errno in FULL:
        return DiskFullFault(
            f"The disk that holds {place} is full; free space and try again. "
            f"Nothing that was confirmed is lost, and {so}."
        )
    return EnvironmentFault(
        f"{place} cannot be used ({error.strerror}), so {so}; check its owner, its permissions and the disk."
    )

"""What can go wrong with a store, as sentences a person can act upon; the class says whose fault it is."""

from __future__ import annotations

from console.domain.errors import EnvironmentFault, InputError, RefusedError


class DiskFullFault(EnvironmentFault):
    """No space is left where the store lies; the write was undone as a whole."""


class StoreBusyFault(EnvironmentFault):
    """Another process holds the store or a lock in it."""


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

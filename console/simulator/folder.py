"""The range's folder: one process at a time, the switch file provisioned exactly once, secrets for their owner alone.

Without a folder of its own the range uses a temporary one and removes it at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from console.domain.errors import EnvironmentFault
from console.simulator.switches import SwitchBoard
from console.simulator.world import World

SWITCH_FILE, SECRETS_FILE = "switches.json", "secrets.json"
_PROVISIONED, _LOCK = "provisioned", "lock"


@contextlib.contextmanager
def hold_folder(wanted: Path | None, world: World, now: str) -> Iterator[Path]:
    """The folder, locked and provisioned; `now` stamps switches that are set for the very first time.

    A folder that was provisioned before is left as it is: should its switch file be gone, the gateway fails closed.
    Raises EnvironmentFault when the folder cannot be used or another simulator holds it.
    """
    folder = wanted
    try:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="incident-console-range-"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"The range's folder {folder or ''} cannot be used ({error.strerror}); choose another state_dir."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EnvironmentFault(
                f"Another simulator holds the folder {folder}; stop it or choose another state_dir."
            ) from error
        _provision(folder, world, now)
        yield folder
    finally:
        os.close(descriptor)
        if wanted is None:
            shutil.rmtree(folder, ignore_errors=True)


def _provision(folder: Path, world: World, now: str) -> None:
    marker = folder / _PROVISIONED
    if marker.exists():
        return
    SwitchBoard(folder / SWITCH_FILE, world.pairs).provision(now)
    try:
        marker.touch(mode=0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"The range's folder {folder} cannot be written ({error.strerror}); choose another state_dir."
        ) from error

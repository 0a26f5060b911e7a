"""What every real back-end of the range is to those who use it: something that starts, dies, comes back and ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Standing(Protocol):
    """One real program in a folder of its own; make it with the folder, then `start`.

    `settings` fits the plane's settings table of the same `name`, `secrets` the plane's secrets under it; both are
    complete after `start`. All calls block, at most some seconds; each raises EnvironmentFault with one sentence when
    the program does not do what it should.
    """

    name: str
    folder: Path

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plane's secrets for it."""

    def start(self) -> None:
        """Provision it when the folder is new, start it, and return when it answers."""

    def kill(self) -> None:
        """End it as a crash does (SIGKILL), with everything that it started."""

    def restart(self) -> None:
        """Start it again on what the crash left, at the same addresses."""

    def close(self) -> None:
        """End it for good; nothing of it runs afterwards, and its folder may be removed."""

"""One program as a child of the range: a bare environment, a process group of its own, its output in a file.

Secrets never come this way: neither the words of the command nor the environment may hold one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from console.domain.errors import EnvironmentFault

ENDS_WITHIN_S = 5.0
"""Seconds that a program gets to end by itself before it is killed."""
_STEP_S = 0.01


_WITH_US = '("$@" </dev/null; kill -9 0) & cat >/dev/null; kill -9 0'
"""The whole group ends with the program, and with us: our end of its standard input closes however we end."""


class Child:
    """`words` started in `folder`, with its output appended to `log`; as `user` when that names one."""

    def __init__(self, words: Sequence[str], folder: Path, log: Path, user: str = "") -> None:
        self._log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - literal words and our own paths
                ["/bin/sh", "-c", _WITH_US, "sh", *words], cwd=folder, start_new_session=True,
                stdin=subprocess.PIPE, stdout=sink, stderr=sink,
                env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
                user=user or None, group=_group_of(user), extra_groups=[] if user else None,
            )  # fmt: skip

    @property
    def program(self) -> list[int]:
        """The process id of the program itself, none once it has ended."""
        return [pid for between in _children(self._process.pid) for pid in _children(between)]

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until `ready`; raises EnvironmentFault naming `what` and the program's last line when it never is."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EnvironmentFault(f"{what} did not start: {_last_line(self._log)}.")
            time.sleep(_STEP_S)

    def finish(self, seconds: float) -> None:
        """Wait for a program that ends by itself, and kill it when it takes longer; whether it did its work is seen."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def end(self, how: signal.Signals) -> None:
        """Ask it to end with `how`, and kill it when it does not in 5 s."""
        for pid in self.program:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        self.finish(ENDS_WITHIN_S)

    def kill(self) -> None:
        """Kill it and everything that it started, and return when all of that is gone."""
        family = [below for program in self.program for below in (program, *_descendants(program))]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # its shell collects it and ends the group: one that init has not collected yet looks alive to a lock file
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS_WITHIN_S if family else 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        deadline = time.monotonic() + ENDS_WITHIN_S
        while any(_is_alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(_STEP_S)


def _group_of(user: str) -> int | None:
    if not user:
        return None
    import pwd

    return pwd.getpwnam(user).pw_gid


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            found += map(int, listing.read_text(encoding="ascii").split())
    return found


def _descendants(pid: int) -> list[int]:
    """Every process below `pid`: a database's sessions each lead a group of their own."""
    return [below for child in _children(pid) for below in (child, *_descendants(child))]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")

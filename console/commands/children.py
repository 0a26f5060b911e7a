"""Child processes of a command: the real plane and the real simulator, started, watched and always stopped.

Secrets reach a child over standard input, never argv or environment. A child that loses its parent stops by itself,
because its standard input ends.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from console.domain.errors import EnvironmentFault

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0


@dataclass
class Child:
    """One running child: its process, what it said when it was ready, and where its log is."""

    name: str
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    log: Path

    @classmethod
    def start(cls, name: str, arguments: list[str], secrets: dict[str, str], log: Path) -> Self:
        """Starts `incident-console ARGUMENTS` and waits for its ready line.

        Raises EnvironmentFault with the last line of its log when it ends or stays silent for 30 s.
        """
        with log.open("ab") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module, no text from outside
                [sys.executable, "-m", "console.cli", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=_bare_environment(),
                start_new_session=True,
            )
        child = cls(name, process, {}, log)
        assert process.stdin is not None
        process.stdin.write(json.dumps(secrets).encode() + b"\n")
        process.stdin.flush()
        child.ready = child._await_ready()
        return child

    def stop(self) -> None:
        """Asks it to end by closing its standard input, then insists."""
        process = self.process
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        for insist in (process.terminate, process.kill):
            try:
                process.wait(STOP_WITHIN_S)
                break
            except subprocess.TimeoutExpired:
                insist()
        process.wait()
        if process.stdout:
            process.stdout.close()

    def _await_ready(self) -> dict[str, Any]:
        line = self._first_line()
        try:
            ready = json.loads(line)
        except ValueError:
            ready = {}
        if not isinstance(ready, dict) or ready.get("ready") is not True:
            self.stop()
            raise EnvironmentFault(f"The {self.name} did not start: {self._last_words()} Its log is {self.log}.")
        return ready

    def _first_line(self) -> bytes:
        stdout = self.process.stdout
        assert stdout is not None
        deadline, line = time.monotonic() + READY_WITHIN_S, b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
                if selector.select(left):
                    part = os.read(stdout.fileno(), 4096)
                    if not part:
                        break
                    line += part
        return line.partition(b"\n")[0]

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return (lines[-1][:300] + ".").replace("..", ".") if lines else "it said nothing."


def _bare_environment() -> dict[str, str]:
    """What a child needs of our environment and nothing more."""
    keep = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONWARNINGS",
        "XDG_RUNTIME_DIR",
        "TZ",
    )
    return {name: os.environ[name] for name in keep if name in os.environ}

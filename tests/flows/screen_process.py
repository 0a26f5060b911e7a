"""A screen of its own for a test, and the desk on it as a person has it: a child process, worked by real keys.

Nothing here looks into the program: what it did is read from its record, what it shows from its window's name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SIZE = "1366x768x24"
MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
needs_a_screen = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


class Screen:
    """A virtual screen with a keyboard and nothing else, no window manager either; leave it and it is gone."""

    def __enter__(self) -> Self:
        told, tells = os.pipe()
        command = ["Xvfb", "-displayfd", str(tells), "-screen", "0", SIZE, "-nolisten", "tcp"]
        self._process = subprocess.Popen(command, pass_fds=(tells,), stderr=subprocess.DEVNULL)
        os.close(tells)
        with os.fdopen(told, encoding="ascii") as number:  # the server writes its number when it takes clients
            self.display = f":{number.readline().strip()}"
        assert self.display != ":", "Xvfb did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _end(self._process)

    def environment(self) -> dict[str, str]:
        """The environment of a program on this screen."""
        return {**os.environ, "DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb"}

    def press(self, *keys: str) -> None:
        """Presses keys or chords one after the other, each let go again: `press("F8", "ctrl+Return")`.

        In a person's rhythm: what comes within 80 ms of a release is taken for the same key held down, and half of the
        delay is spent with the key down.
        """
        self._tool("key", "--delay", "300", *keys)

    def write(self, text: str) -> None:
        """Types a text letter by letter."""
        self._tool("type", "--delay", "40", text)

    @contextlib.contextmanager
    def held(self, key: str) -> Iterator[None]:
        """Holds a key down meanwhile."""
        self._tool("keydown", key)
        try:
            yield
        finally:
            self._tool("keyup", key)

    def focus(self, name: str, within_s: float) -> None:
        """Gives the keyboard to the window whose name matches, as a window manager would, once it is there."""
        window = wait_until(lambda: self._found(name), within_s, f"a window named {name}")
        self._tool("windowfocus", "--sync", window)

    def shows(self, name: str) -> bool:
        """Whether a window's name matches."""
        return bool(self._found(name))

    def _found(self, name: str) -> str:
        done = self._run("search", "--onlyvisible", "--name", name)
        return done.stdout.split()[0] if done.stdout.split() else ""

    def _tool(self, *arguments: str) -> None:
        done = self._run(*arguments)
        assert done.returncode == 0, done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DISPLAY": self.display}
        return subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )


class DeskProcess:
    """The program with the given arguments on a screen; ended with it if it has not ended by itself."""

    def __init__(self, screen: Screen, log: Path, *arguments: str, more: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "console.cli", *arguments],
                cwd=ROOT, env={**screen.environment(), **(more or {})}, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=sink, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ended(self, within_s: float) -> int:
        """The exit code, once it has ended by itself."""
        return self._process.wait(within_s)

    def said(self) -> str:
        """What it wrote to the terminal."""
        return self.log.read_text("utf-8", "replace")


def twice(play: Callable[[Path], None], folder: Path) -> None:
    """Plays in a folder of its own, and once more in another when that fails: a fault fails both, bad luck does not.

    Keys come from outside at their own pace; on a machine that stalls for seconds a person would look and begin again.
    """
    try:
        play(folder / "first")
    except AssertionError:
        play(folder / "second")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Guards around every test: what it logs unasked and what it leaves behind fails it.

A test that means to provoke a warning says so through the `expected_log` fixture; nothing else can be declared, because
a thread, child, database connection or socket that outlives its test is always a fault. What a wider fixture holds is
looked at when the session ends. Costs about half a millisecond a test.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

try:
    import pysqlite3
except ImportError:  # elsewhere than on Linux the program uses Python's own
    pysqlite3 = None

GRACE_S = 2.0


# --- log records


class LogWatch(logging.Handler):
    """Keeps each record from WARNING on, and the patterns that the test declared."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.expected: dict[str, int] = {}
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record for the end of the test."""
        self.records.append(record)

    def expect(self, pattern: str) -> None:
        """Declare that a record from WARNING on will be, and must be, logged whose message matches (re.search)."""
        self.expected[pattern] = 0

    def faults(self) -> list[str]:
        """Return a sentence for each record nobody expected and each expectation nobody met."""
        found = []
        for record in self.records:
            hits = [pattern for pattern in self.expected if re.search(pattern, record.getMessage())]
            for pattern in hits:
                self.expected[pattern] += 1
            if not hits:
                found.append(f"logged unasked: {record.levelname} {record.name}: {record.getMessage()}")
        return found + [f"expected log never came: {pattern}" for pattern, n in self.expected.items() if not n]


@pytest.fixture(autouse=True)
def expected_log() -> Iterator[Callable[[str], None]]:
    """Fail the test on unexpected log records; call the fixture with a pattern to declare one."""
    watch = LogWatch()
    root = logging.getLogger()
    level = root.level
    root.addHandler(watch)
    yield watch.expect
    root.removeHandler(watch)
    root.setLevel(level)
    if faults := watch.faults():
        pytest.fail("\n".join(faults), pytrace=False)


# --- what outlives a test

_open_connections: dict[int, Any] = {}


@functools.cache
def _watched(factory: type[Any]) -> type[Any]:
    class Watched(factory):  # type: ignore[misc]
        def close(self) -> None:
            super().close()
            _open_connections.pop(id(self), None)

    return Watched


def _watching(connect: Callable[..., Any], default: type[Any]) -> Callable[..., Any]:
    @functools.wraps(connect)
    def watching(*args: Any, **kwargs: Any) -> Any:
        kwargs["factory"] = _watched(kwargs.get("factory", default))
        connection = connect(*args, **kwargs)
        _open_connections[id(connection)] = connection  # held, so that one dropped unclosed is seen as well
        return connection

    return watching


def watch_connections() -> None:
    """Have every SQLite connection of this process counted, whichever of the two libraries opens it."""
    for library in filter(None, (sqlite3, pysqlite3)):
        watching = _watching(library.connect, library.Connection)
        for module in (library, library.dbapi2):
            module.connect = watching


def _children() -> dict[int, str]:
    found = {}
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            for pid in map(int, listing.read_text().split()):
                found[pid] = _command_line(pid)
    # Python's own helper of multiprocessing lives as long as the session, by design.
    return {pid: command for pid, command in found.items() if "multiprocessing.resource_tracker" not in command}


def _command_line(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return words or "ended, not waited for"  # only while it starts or ends has a program no command line


def _sockets() -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # no /proc: ResourceWarning alone must do
        for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 - three times as fast, and this runs twice a test
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115
                if target.startswith("socket:"):
                    found.add(target)
    return found


@dataclass
class Belongings:
    """What this process has open at one moment."""

    threads: set[threading.Thread] = field(default_factory=lambda: set(threading.enumerate()))
    children: dict[int, str] = field(default_factory=_children)
    connections: dict[int, Any] = field(default_factory=lambda: dict(_open_connections))
    sockets: set[str] = field(default_factory=_sockets)

    def left_behind(self, *, sockets_too: bool) -> list[str]:
        """Return a sentence for each thing that is open now and was not then, after 2 s of grace for what is ending."""
        deadline = time.monotonic() + GRACE_S
        if _sockets() - self.sockets:
            gc.collect()  # one dropped unclosed warns here, in the test that dropped it
        faults = [f"thread left running: {thread.name}" for thread in self._threads(deadline)]
        faults += [f"child process left: {pid} ({command})" for pid, command in self._orphans()]
        faults += [f"database connection left open: {name}" for name in self._connections()]
        if sockets_too:
            faults += [f"socket left open: {name}" for name in _sockets() - self.sockets]
        return faults

    def _threads(self, deadline: float) -> list[threading.Thread]:
        new = set(threading.enumerate()) - self.threads
        for thread in new:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread for thread in new if thread.is_alive()]

    def _orphans(self) -> list[tuple[int, str]]:
        left = [(pid, command) for pid, command in _children().items() if pid not in self.children]
        for pid, _ in left:  # ended here, so that one test's fault does not become the next one's
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        return left

    def _connections(self) -> list[str]:
        left = [connection for key, connection in _open_connections.items() if key not in self.connections]
        for connection in left:
            _open_connections.pop(id(connection), None)
            with contextlib.suppress(Exception):  # it may belong to another thread
                connection.close()
        return [repr(connection) for connection in left]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the test that leaves a thread, a child process or a database connection; make a dropped socket warn now."""
    before = Belongings()
    yield
    if faults := before.left_behind(sockets_too=False):
        pytest.fail("\n".join(faults), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def nothing_left_at_the_end() -> Iterator[None]:
    """Fail the session whose wider fixtures leave anything, sockets included."""
    before = Belongings()
    yield
    if faults := before.left_behind(sockets_too=True):
        pytest.fail("\n".join(faults), pytrace=False)

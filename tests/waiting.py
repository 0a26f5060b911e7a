"""The one way a test waits: for a condition, with a limit, never for a fixed time.

`wait_until` is the only place in the tests that sleeps; tests/unit/test_manners.py holds the rule.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_S = 0.005


def wait_until(predicate: Callable[[], T], timeout_s: float = 10.0, what: str = "") -> T:
    """Ask `predicate` every 5 ms until it answers something true, and return that.

    Raises AssertionError after `timeout_s` seconds, naming `what` was awaited.
    """
    deadline = time.monotonic() + timeout_s
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what or predicate}")
        time.sleep(_STEP_S)
    return answer


def free_port() -> int:
    """Return a port on the loopback that was free a moment ago; prefer `--port 0` wherever a server offers it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

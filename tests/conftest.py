"""What every test runs under: the guards, a home of its own, no display, no keyring, one order.

The order is cheap first - unit, then everything else, chaos last - so that a mistake is told in seconds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

from tests.guards import expected_log, nothing_left_at_the_end, nothing_left_behind, watch_connections

__all__ = ["expected_log", "nothing_left_at_the_end", "nothing_left_behind"]

ORDER = ("unit", "data", "histories", "ui", "flows", "chaos")
_HOME = pytest.StashKey[str]()

watch_connections()  # before any test module is imported: whoever takes `connect` by name gets the watched one

# Shared machines stall at will: a deadline an example would only measure the neighbours.
hypothesis.settings.register_profile("dev", deadline=None, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=200, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Move home, settings, caches and data to a throw-away folder; hide desktop and keyring of who runs this."""
    home = tempfile.mkdtemp(prefix="console-tests-")
    config.stash[_HOME] = home
    os.environ["HOME"] = home
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = str(Path(home, name.lower()))
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={home}/no-session-bus"
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"):
        os.environ.pop(name, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the throw-away home."""
    shutil.rmtree(config.stash.get(_HOME, "") or os.devnull, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast folders first; within a folder the order stays."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    folder = path.relative_to(Path(__file__).parent).parts[0] if path.is_relative_to(Path(__file__).parent) else ""
    return ORDER.index(folder) if folder in ORDER else ORDER.index("chaos")

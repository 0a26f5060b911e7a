"""What tests of the window stand on: a frame with a real desk, and guards against what a window leaves behind.

Everything runs offscreen. A Qt message fails the test that caused it (`qt_log_level_fail`), and so does a top-level
widget that outlives it, and a running timer that outlives its file.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("QT_SCALE_FACTOR", "1")

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from console.policy import Policy, default_path, load
from console.runtime.desk import Desk
from console.ui import press
from console.ui.frame import Frame
from console.ui.theme import Theme
from tests.fakes.desk_frame import Outside, make_frame


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The policy that comes with the program."""
    return load(default_path())


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> Theme:
    """The application in its own style, as `console.app` dresses it."""
    theme = Theme("dark", qapp)
    theme.dress()
    press.install(qapp)
    return theme


@dataclass(frozen=True)
class Stand:
    """The frame, and what is behind it: the desk, and the plane that is not there."""

    frame: Frame
    desk: Desk
    outside: Outside


@pytest.fixture
def stand(qapp: QApplication, dressed: Theme, policy: Policy, tmp_path: Path) -> Iterator[Stand]:
    """A frame with its desk and its outside."""
    parent = QObject()
    frame, desk, outside = make_frame(tmp_path / "store", policy, parent, dressed)
    yield Stand(frame, desk, outside)
    frame.bridge.close()
    desk.stop()
    frame.bridge.join()
    parent.deleteLater()


@pytest.fixture
def frame(stand: Stand) -> Frame:
    """A frame with a real desk on a temporary store, no plane, policy loaded, a commander with a key."""
    return stand.frame


@pytest.fixture
def outside(stand: Stand) -> Outside:
    """What the plane would have sent: `outside.open_incident(...)`, `outside.send(events)`; see also `populate`."""
    return stand.outside


@pytest.fixture(autouse=True)
def no_window_left() -> Iterator[None]:
    """Fail the test after which a top-level widget is still shown."""
    yield
    if QApplication.instance() is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if not _shown():
        return
    gc.collect()  # slow, so only where something seems to be left
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = _shown()
    names = [f"{type(widget).__name__} {widget.objectName() or widget.windowTitle()}" for widget in left]
    for widget in left:
        widget.close()
        widget.deleteLater()
    if names:
        pytest.fail(f"left on the screen: {', '.join(names)}", pytrace=False)


@pytest.fixture(autouse=True, scope="module")
def no_timer_left() -> Iterator[None]:
    """Fail the file after which a timer is still running that belongs to nobody."""
    yield
    if QApplication.instance() is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    timers = [one for one in gc.get_objects() if isinstance(one, QTimer) and shiboken6.isValid(one)]
    left = [one for one in timers if one.isActive() and _oldest(one) is not QApplication.instance()]
    assert [f"a timer of {_oldest(one)} runs every {one.interval()} ms" for one in left] == []


def _shown() -> list[QWidget]:
    return [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]


def _oldest(one: QObject) -> QObject:
    parent = one.parent()
    return one if parent is None else _oldest(parent)

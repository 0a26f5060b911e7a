"""A person's hands in tests of the window: presses that are far enough apart, without waiting for it."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.ui.press import PressFilter
from console.ui.switches.hold_button import HoldButton

APART_S = 0.6


def first_press(button: HoldButton) -> None:
    """One click; the button's clock stands still from now on, until `second_press`."""
    at = time.monotonic()
    button._clock = lambda: at
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def second_press(button: HoldButton) -> None:
    """Another one, for the button 0.6 s after the first."""
    at = button._clock() + APART_S
    button._clock = lambda: at
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def press_twice(button: HoldButton) -> None:
    """Two presses on purpose."""
    first_press(button)
    second_press(button)


def keys_at_rest(qtbot: Any) -> None:
    """Waits until the application believes every release."""
    watcher = QApplication.instance().findChild(PressFilter)
    qtbot.waitUntil(lambda: not watcher._released)

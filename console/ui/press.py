"""A key that is held down is one press: the application-wide guard of every button that can do harm.

A held Space or Enter repeats, and X11 under load reports repeats as releases and presses; a gate must not count them.
Mark a widget with `guard(widget)`; then only the first real press reaches it, a key already down when the widget took
the focus is swallowed until it was really let go, and a release that is followed by a press of the same key within
80 ms is taken for the same holding.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

DEBOUNCE_MS = 80
PRESSING = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select)
"""The keys that press a button; Tab held down goes on its way."""
_GUARDED = "press_guarded"


def guard(widget: QWidget) -> None:
    """Has the filter watch over `widget`."""
    widget.setProperty(_GUARDED, True)


def is_guarded(widget: QObject | None) -> bool:
    """Whether the filter watches over it."""
    return isinstance(widget, QWidget) and bool(widget.property(_GUARDED))


class PressFilter(QObject):
    """Installed once on the application; follows every key from its real press to its real release."""

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._owner: dict[int, int] = {}
        """Key -> id of the guarded widget its press went to; 0 when it was pressed elsewhere."""
        self._released: dict[int, tuple[float, QWidget | None, QKeyEvent | None]] = {}
        self._timers: dict[int, QTimer] = {}
        self._replaying = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) or self._replaying:
            return False
        if not isinstance(watched, QWidget) or not isinstance(event, QKeyEvent) or event.key() not in PRESSING:
            return False
        if kind == QEvent.Type.KeyPress:
            return self._on_press(watched, event)
        return self._on_release(watched, event)

    def _on_press(self, widget: QWidget, event: QKeyEvent) -> bool:
        key = event.key()
        held = self._cancel_release(key) or key in self._owner or event.isAutoRepeat()
        if held:
            return is_guarded(widget)
        self._owner[key] = id(widget) if is_guarded(widget) else 0
        return False

    def _on_release(self, widget: QWidget, event: QKeyEvent) -> bool:
        key = event.key()
        if event.isAutoRepeat():
            return is_guarded(widget)
        if key not in self._owner:
            return is_guarded(widget)
        mine = self._owner[key] == id(widget) and is_guarded(widget)
        self._await_release(key, widget if mine else None, event.clone() if mine else None)
        return is_guarded(widget)

    def _await_release(self, key: int, widget: QWidget | None, event: QKeyEvent | None) -> None:
        self._released[key] = (self._clock(), widget, event)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
            timer.setProperty("key", key)
            timer.timeout.connect(self._on_quiet)
        timer.start()

    def _cancel_release(self, key: int) -> bool:
        """Whether a release of `key` was waiting to be believed; it was none."""
        if self._released.pop(key, None) is None:
            return False
        self._timers[key].stop()
        return True

    def _on_quiet(self) -> None:
        timer = self.sender()
        key = int(timer.property("key"))
        self._owner.pop(key, None)
        _, widget, event = self._released.pop(key, (0.0, None, None))
        if widget is None or event is None or not shiboken6.isValid(widget):
            return
        self._replaying = True
        try:
            QApplication.sendEvent(widget, event)
        finally:
            self._replaying = False


def install(app: QApplication) -> PressFilter:
    """Installs the filter on the application, once."""
    found = app.findChild(PressFilter)
    if found is None:
        found = PressFilter(app)
        app.installEventFilter(found)
    return found

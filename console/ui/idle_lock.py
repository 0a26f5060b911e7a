"""Puts the person's key away when nobody touches the desk, when they say so, and when the machine has slept.

The incident stays readable; only what needs a person stops. One timer, and only of a desk on which somebody can sign
in again: a key that is kept nowhere would be lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from console.ui.frame import Frame

TICK_MS = 1_000
WARN_S = 60
LEAST_S = 30
"""A shorter wish is taken for this one, so that a setting can never shut a commander out."""
SLEPT_S = 60
"""A gap between two ticks that long is taken for a machine that slept."""
HOW = "Sign in (Ctrl+Shift+I) to command."
IDLE = f"Locked: nobody touched this desk for {{}} minutes. {HOW}"
SLEPT = f"Locked: this machine slept or stood still. {HOW}"
ASKED = f"Locked by hand. {HOW}"
SOON = "This desk locks in one minute unless a key or the mouse is used; nothing you typed is lost."
CANNOT = "Nobody could sign in here again, so it is not locked: no key is kept on this desk. Quit instead."
NOBODY = "Nobody is signed in here, so there is nothing to lock."
_TOUCHES = (
    QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.Wheel,
    QEvent.Type.TouchBegin, QEvent.Type.TabletPress,
)  # fmt: skip


def since_boot() -> float:
    """Seconds that go on while the machine sleeps and that setting the clock does not move, where there are such."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.time()


class IdleLock(QObject):
    """Watches the whole application from `start` to `stop`."""

    def __init__(self, frame: Frame, parent: QObject, clock: Callable[[], float] = since_boot) -> None:
        super().__init__(parent)
        self._frame, self._clock = frame, clock
        self._touched = self._ticked = clock()
        self._warned = False
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def idle_s(self) -> int:
        """After so many seconds without a touch it locks: the policy's, or the person's own when that is shorter."""
        most = self._frame.policy.switches.limits.idle_lock_s
        wanted = self._frame.session.idle_lock_s
        return min(most, max(wanted, LEAST_S)) if wanted else most

    def start(self) -> None:
        """Begins to watch."""
        self._touched = self._ticked = self._clock()
        application = QApplication.instance()
        assert application is not None  # a window is there
        application.installEventFilter(self)
        self._timer.start()

    def stop(self) -> None:
        """Watches no longer; again does nothing."""
        self._timer.stop()
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)

    def lock_now(self) -> None:
        """Locks because the person wants it, or says why not."""
        if not self._frame.session.signed_in:
            self._frame.notices.say(NOBODY)
        elif not self._can_return():
            self._frame.notices.say(CANNOT, "warning")
        else:
            self._lock(ASKED)

    def tick(self) -> None:
        """Locks or warns when it is time."""
        now = self._clock()
        gap, self._ticked = now - self._ticked, now
        if not self._frame.session.signed_in or not self._can_return():
            return
        idle = now - self._touched
        if gap > SLEPT_S:
            self._lock(SLEPT)
        elif idle >= self.idle_s:
            self._lock(IDLE.format(max(self.idle_s // 60, 1)))
        elif idle >= self.idle_s - WARN_S and not self._warned and self.idle_s > WARN_S:
            self._warned = True
            self._frame.notices.say(SOON, "warning")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if event.type() in _TOUCHES and not (isinstance(event, QKeyEvent) and event.isAutoRepeat()):
            now = self._clock()
            if now - self._ticked <= SLEPT_S:  # the first touch after a sleep must not hide that it slept
                self._touched, self._warned = now, False
        return False

    def _can_return(self) -> bool:
        door = self._frame.session.door
        return door is not None and door.can_unlock

    def _lock(self, why: str) -> None:
        self._warned = False
        self._touched = self._clock()
        self._frame.session.lock(why)
        self._frame.bridge.seat(self._frame.session.person, why)

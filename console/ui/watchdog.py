"""The heartbeat of the window: how long it was ever deaf to its user, measured in the program itself.

A timer that should beat every 20 ms tells by its lateness how long the main thread did something else. Gaps over 250 ms
are logged; the longest one is kept for figures and tests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer

BEAT_MS = 20
LOGGED_MS = 250.0

_log = logging.getLogger(__name__)


class Watchdog(QObject):
    """Attributes: `longest_gap_ms` since `start` or `reset`, `gaps` (count over 250 ms)."""

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)
        self._last = 0.0
        self.longest_gap_ms = 0.0
        self.gaps = 0

    def start(self) -> None:
        """Begins to listen."""
        self.reset()
        self._timer.start()

    def stop(self) -> None:
        """Ends it; what was measured stays."""
        self._timer.stop()

    def reset(self) -> None:
        """Forgets what was measured."""
        self._last, self.longest_gap_ms, self.gaps = self._clock(), 0.0, 0

    def _on_beat(self) -> None:
        now = self._clock()
        gap, self._last = (now - self._last) * 1000 - BEAT_MS, now
        self.longest_gap_ms = max(self.longest_gap_ms, gap)
        if gap > LOGGED_MS:
            self.gaps += 1
            _log.info("the window did not answer for %.0f ms", gap)

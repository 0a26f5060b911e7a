"""The longest time the window did not answer while twelve live plots follow a replay, against the same window at rest.

The stream is what the range emits at sixty times real time: a block of every series each 250 ms, put into the rings by
another thread. A heartbeat of 2 ms on the main thread measures the gaps.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from console.policy import default_path, load
from console.ui.telemetry import TelemetryPanel
from console.ui.theme import Theme
from tests.bench.graphs import application
from tests.bench.pairs import percentile, row
from tests.fakes.desk_frame import make_frame
from tests.fakes.metric_stream import Stream, streamed

PAIRS, SECONDS, REQUESTS = 5, 4.0, 60
BEAT_MS = 2


class Heartbeat(QObject):
    """Milliseconds between beats of the main thread."""

    def __init__(self, beat_ms: int = BEAT_MS) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=beat_ms)
        self._timer.timeout.connect(self._on_beat)
        self._timer.start()

    def _on_beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1000)
        self._last = now

    def take(self) -> list[float]:
        """The gaps so far; begins anew."""
        found, self.gaps = self.gaps, []
        return found


def measure(work: Path) -> dict[str, object]:
    """Milliseconds of the longest gap in each of several spans of time."""
    app = application()
    theme = Theme("dark")
    theme.dress()
    parent = QObject()
    with tempfile.TemporaryDirectory(dir=work) as folder:
        plain, desk, outside = make_frame(Path(folder) / "store", load(default_path()), parent, theme)
        stream = Stream()
        stream.run(1200)
        frame, _ = streamed(plain, outside, stream)
        panel = TelemetryPanel(frame)
        panel.resize(1366, 700)
        panel.show()
        frame.selection.choose_incident(outside.open_incident(), "tenant.borealis")
        try:
            return _compare(app, stream)
        finally:
            panel.close()
            panel.deleteLater()
            frame.bridge.close()
            plain.bridge.close()
            desk.stop()


def _compare(app: QApplication, stream: Stream) -> dict[str, object]:
    heart, mine, theirs, all_gaps = Heartbeat(), [], [], []
    _spin(app, 6.0)  # history comes in
    for _ in range(PAIRS):
        heart.take()
        _spin(app, SECONDS)
        theirs.append(max(heart.take()))
        stop = threading.Event()
        feeder = threading.Thread(target=_feed, args=(stream, stop))
        feeder.start()
        heart.take()
        _spin(app, SECONDS)
        gaps = heart.take()
        stop.set()
        feeder.join()
        mine.append(max(gaps))
        all_gaps += gaps
    longest = f"longest gap {max(all_gaps):.1f} ms, p99 {percentile(all_gaps, 0.99):.1f} ms in {len(all_gaps)} beats"
    return row(mine, theirs, "ms, longest gap", [longest, f"twelve live plots, {SECONDS:.0f} s a span, aim 50 ms"])


def _feed(stream: Stream, stop: threading.Event) -> None:
    while not stop.wait(0.25):
        stream.block(REQUESTS)


def _spin(app: QApplication, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

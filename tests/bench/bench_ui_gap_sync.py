"""The longest time the window did not answer while 100,000 events sync into its process, against the same at rest.

The window shows twelve live plots that are fed as in `ui_gap_replay` in both spans; a new desk in the same process
pulls the whole journal of a real plane in one of them. A timer of 60 Hz on the main thread measures the gaps.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QObject
from PySide6.QtWidgets import QApplication

from console.policy import default_path, load
from console.runtime.desk import Desk
from console.ui.telemetry import TelemetryPanel
from console.ui.theme import Theme
from tests.bench.bench_ui_gap_replay import Heartbeat, _feed
from tests.bench.graphs import application
from tests.bench.long_journal import new_desk, prepared, served
from tests.bench.pairs import percentile, row
from tests.fakes.desk_frame import make_frame
from tests.fakes.metric_stream import Stream, streamed

EVENTS, PAIRS, REST_S, PATIENCE_S, BEAT_MS = 100_000, 5, 8.0, 300.0, 16


def measure(work: Path) -> dict[str, object]:
    """Milliseconds of the longest gap between two beats, in each of several spans of time."""
    app = application()
    theme = Theme("dark")
    theme.dress()
    parent = QObject()
    with tempfile.TemporaryDirectory(dir=work) as folder, served(prepared(EVENTS)) as url:
        plain, desk, outside = make_frame(Path(folder) / "store", load(default_path()), parent, theme)
        stream, stop = Stream(), threading.Event()
        stream.run(1200)
        frame, _ = streamed(plain, outside, stream)
        panel = TelemetryPanel(frame)
        panel.resize(1366, 700)
        panel.show()
        frame.selection.choose_incident(outside.open_incident(), "tenant.borealis")
        feeder = threading.Thread(target=_feed, args=(stream, stop))
        feeder.start()
        try:
            return _compare(app, Path(folder), url)
        finally:
            stop.set()
            feeder.join()
            panel.close()
            panel.deleteLater()
            frame.bridge.close()
            plain.bridge.close()
            desk.stop()


def _compare(app: QApplication, folder: Path, url: str) -> dict[str, object]:
    heart, mine, theirs, everything = Heartbeat(BEAT_MS), list[float](), list[float](), list[float]()
    _turn(app, _after(6.0))  # history comes in
    for number in range(PAIRS):
        heart.take()
        _turn(app, _after(REST_S))
        theirs.append(max(heart.take()))
        with new_desk(folder / f"synced-{number}", url) as desk:
            _turn(app, _after(BEAT_MS / 1000))  # opening the store on this thread is another figure
            heart.take()
            _turn(app, _synced(desk))
            gaps = heart.take()
        mine.append(max(gaps))
        everything += gaps
    p99 = percentile(everything, 0.99)
    longest = f"longest gap {max(everything):.1f} ms, p99 {p99:.1f} ms in {len(everything)} beats"
    return row(mine, theirs, "ms, longest gap", [longest, f"twelve live plots, {EVENTS:,} events a span, aim 50 ms"])


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def _synced(desk: Desk) -> Callable[[], bool]:
    """Whether the desk reached the end, looked at rarely and without the window's thread reading a record."""
    late, looks = _after(PATIENCE_S), itertools.count()

    def reached() -> bool:
        assert not late(), f"not synced: {desk.connection.sentence}"
        return next(looks) % 8 == 0 and desk.connection.last_synced_us > 0

    return reached


def _turn(app: QApplication, met: Callable[[], bool]) -> None:
    while not met():
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

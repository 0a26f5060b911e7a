"""The heartbeat measures how long the window was deaf; the crash handler tells a fault once and goes on."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from console.ui.crash import SENTENCE, CrashHandler
from console.ui.watchdog import BEAT_MS, Watchdog


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_gap_is_measured_and_a_long_one_logged(qapp: Any, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watchdog = Watchdog(clock=clock)
    watchdog.reset()
    with caplog.at_level("INFO"):
        for seconds in (0.02, 0.06, 0.02, 0.40, 0.02):
            clock.now += seconds
            watchdog._on_beat()
    assert watchdog.longest_gap_ms == pytest.approx(400 - BEAT_MS)
    assert watchdog.gaps == 1
    assert caplog.messages == ["the window did not answer for 380 ms"]
    watchdog.reset()
    assert watchdog.longest_gap_ms == 0


def test_it_beats_in_a_real_loop_and_stops(qapp: Any, qtbot: Any) -> None:
    watchdog = Watchdog()
    watchdog.start()
    begun = watchdog._last
    qtbot.waitUntil(lambda: watchdog._last > begun)
    watchdog.stop()
    assert not watchdog._timer.isActive()


def stumble(handler: CrashHandler, text: str = "boom") -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        handler.handle(type(error), error, error.__traceback__)


def test_the_same_fault_is_told_once_and_logged_once_a_minute(expected_log: Any) -> None:
    expected_log("an exception reached nobody")
    told: list[str] = []
    clock = Clock()
    handler = CrashHandler(told.append, clock)
    for _ in range(1_000):  # as one that comes at every paint
        stumble(handler)
    assert told == [SENTENCE]
    clock.now += 61
    stumble(handler)
    assert told == [SENTENCE]


def test_another_fault_is_told_again(expected_log: Any) -> None:
    expected_log("an exception reached nobody")
    told: list[str] = []
    handler = CrashHandler(told.append)
    stumble(handler)
    try:
        _ = dict[str, int]()["x"]
    except KeyError as error:
        handler.handle(type(error), error, error.__traceback__)
    assert len(told) == 2


def test_it_takes_both_hooks_over_and_gives_them_back(tmp_path: Path, expected_log: Any) -> None:
    expected_log("an exception reached nobody")
    before = sys.excepthook, threading.excepthook
    told: list[str] = []
    handler = CrashHandler(told.append)
    handler.install(tmp_path / "logs" / "crash.log")
    thread = threading.Thread(target=_stumble_in_a_thread)
    thread.start()
    thread.join()
    handler.remove()
    assert (sys.excepthook, threading.excepthook) == before
    assert told == [SENTENCE]
    assert (tmp_path / "logs" / "crash.log").exists()


def test_a_dump_that_cannot_be_written_is_no_reason_to_stay(tmp_path: Path, expected_log: Any) -> None:
    expected_log("crashes cannot be written")
    (tmp_path / "file").write_text("")
    handler = CrashHandler(lambda sentence: None)
    handler.install(tmp_path / "file" / "crash.log")
    handler.remove()


def _stumble_in_a_thread() -> None:
    raise RuntimeError("in a thread")

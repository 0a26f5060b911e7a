"""A second window on a store that another process writes opens, says so where it is seen, and lets nobody write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from console import app
from console.policy import Policy
from console.runtime.desk import Desk, DeskSettings
from console.ui import qt_messages
from console.ui.main_window import MainWindow
from tests.fakes.desk_frame import DESK_KEY, make_session
from tests.fakes.record_kit import new_incident, note

ROOT = Path(__file__).parents[3]
HOLDING = """
import sys
from pathlib import Path
from tests.fakes.record_kit import desk
with desk(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def qt_as_it_was(qapp: QApplication) -> Iterator[None]:
    """The tests' own handler of Qt's messages comes back, and so does the application's look."""
    yield
    qt_messages.remove()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """The number of another process that holds the store."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.stdin.close()
            process.wait(20)


def _when(look: Callable[[], Any], then: Callable[[], Any]) -> None:
    if look():
        then()
    else:
        QTimer.singleShot(10, lambda: _when(look, then))


def test_a_second_window_says_that_it_only_reads(tmp_path: Path, policy: Policy, held: int) -> None:
    seen: dict[str, Any] = {}

    def desk(prepare: app.Prepare) -> Desk:
        settings = DeskSettings(folder=tmp_path / "store", device_key=DESK_KEY, exercise=True, second_window=True)
        made = Desk(settings)
        prepare(made)
        made.start()
        return made

    def guide(frame: Any) -> None:
        windows = [one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible()]
        window = windows[0]
        frame.bridge.act(note, new_incident(1), owner=window)

        def said() -> bool:
            seen["notices"] = [bar.notice.sentence for bar in window.notice_bars.bars]
            seen["state"], seen["synced"] = window.status.state.word, window.status.synced.text()
            ready = all(dock.panel is not None for dock in window.docks.values())
            return ready and seen["state"] == "READ ONLY"

        _when(said, window.close)

    opening = app.Opening(
        desk=desk, session=lambda _: make_session(), policy=lambda: policy, exercise=True, guide=guide
    )
    assert app.run(opening) == 0
    assert seen["state"] == "READ ONLY"
    assert "nothing can be changed here" in seen["synced"]
    assert any(f"Process {held} writes the store" in sentence for sentence in seen["notices"])

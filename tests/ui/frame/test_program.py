"""The whole program: painted before anything heavy, opened on a worker, put away in order, also when opening fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from console import app, paths
from console.domain.errors import EnvironmentFault, RefusedError
from console.policy import Policy
from console.runtime.desk import Desk, DeskSettings
from console.ui import qt_messages
from console.ui.first_run import FirstRun
from console.ui.main_window import MainWindow
from console.ui.program import Program
from tests.fakes.desk_frame import DESK_KEY, make_session

ROOT = Path(__file__).parents[3]
HEAVY = ("numpy", "pyqtgraph", "sqlite_utils", "requests", "keyring")


@pytest.fixture(autouse=True)
def qt_as_it_was(qapp: QApplication) -> Iterator[None]:
    """The tests' own handler of Qt's messages comes back, and so does the application's look."""
    yield
    qt_messages.remove()


def opening(folder: Path, policy: Policy, trace: list[str], **more: Any) -> app.Opening:
    def desk(prepare: app.Prepare) -> Desk:
        assert threading.current_thread() is not threading.main_thread()
        made = Desk(DeskSettings(folder=folder, device_key=DESK_KEY, exercise=True, policy_hash=policy.hash))
        prepare(made)
        made.start()
        trace.append("opened")
        stop = made.stop
        made.stop = lambda: (trace.append("desk stopped"), stop())[1]  # type: ignore[method-assign]
        return made

    return app.Opening(
        desk=desk,
        session=lambda _: make_session(),
        policy=lambda: policy,
        close=lambda: trace.append("closed"),
        exercise=True,
        **more,
    )


def main_window() -> MainWindow:
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible())


def when(look: Callable[[], Any], then: Callable[[], Any]) -> None:
    """Calls `then` from the event loop as soon as `look` is true."""
    if look():
        then()
    else:
        QTimer.singleShot(10, lambda: when(look, then))


def test_it_opens_guides_and_puts_everything_away_in_order(tmp_path: Path, policy: Policy) -> None:
    trace: list[str] = []
    seen: dict[str, Any] = {}

    def guide(frame: Any) -> None:
        window = main_window()
        trace.append("guided")
        seen["title"] = window.windowTitle()
        when(lambda: all(dock.panel is not None for dock in window.docks.values()), window.close)

    assert app.run(opening(tmp_path / "store", policy, trace, guide=guide)) == 0
    assert trace == ["opened", "guided", "desk stopped", "closed"]
    assert seen["title"].startswith("EXERCISE")


def test_closing_while_it_opens_waits_and_leaves_nothing(tmp_path: Path, policy: Policy) -> None:
    trace: list[str] = []
    gate = threading.Event()
    made = opening(tmp_path / "store", policy, trace)

    def slow(prepare: app.Prepare) -> Desk:
        QTimer.singleShot(0, main_window(), lambda: None)
        gate.wait(10)
        return made.desk(prepare)

    def close_now() -> None:
        main_window().close()
        gate.set()

    QTimer.singleShot(300, close_now)
    app.run(app.Opening(desk=slow, session=made.session, policy=made.policy, close=made.close, exercise=True))
    assert trace[-1] == "closed"
    assert "desk stopped" in trace


def test_an_opening_that_fails_is_said_and_raised(tmp_path: Path, policy: Policy) -> None:
    trace: list[str] = []

    def refuse(prepare: app.Prepare) -> Desk:
        raise RefusedError("The store is held by another process.")

    panels: set[str] = set()

    def look() -> bool:
        shown = main_window().notice_bars.bars
        if shown:
            trace.append(shown[0].notice.sentence)
            panels.update(dock._placeholder.label.text() for dock in main_window().docks.values())
        return bool(shown)

    QTimer.singleShot(50, lambda: when(look, lambda: main_window().close()))
    made = opening(tmp_path / "store", policy, trace)
    with pytest.raises(RefusedError):
        app.run(app.Opening(desk=refuse, session=made.session, policy=made.policy, close=made.close))
    assert trace == ["The store is held by another process.", "closed"]
    assert panels == {app.NOT_OPENED}


def test_logs_and_crashes_go_to_the_folder(tmp_path: Path, policy: Policy) -> None:
    def guide(frame: Any) -> None:
        main_window().close()

    app.run(opening(tmp_path / "store", policy, [], guide=guide, log_folder=tmp_path / "log"))
    assert {path.name for path in (tmp_path / "log").iterdir()} == {"desk.log", "crash.log"}


def test_without_a_display_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM")
    with pytest.raises(EnvironmentFault, match="There is no display here"):
        app.run_desk()


def test_without_qt_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "console.ui.program", None)
    with pytest.raises(EnvironmentFault, match="run `incident-console doctor`"):
        app.run_desk()


# --- the desk of this machine


def test_the_first_start_asks_for_a_name_and_the_next_does_not(tmp_path: Path) -> None:
    store = tmp_path / "store"
    seen: list[str] = []

    def page() -> FirstRun | None:
        return main_window().findChild(FirstRun)

    def answer() -> None:
        found = page()
        assert found is not None
        found.name.setText("Ada")
        found.sealed.setChecked(True)
        found.passphrase.setText("correct horse")
        found.again.setText("correct horse")
        found.start.click()
        when(lambda: main_window().frame is not None, leave)

    def leave() -> None:
        window = main_window()
        assert window.frame is not None
        seen.extend((window.frame.session.person, window.frame.session.kept, window.windowTitle()))
        window.close()

    QTimer.singleShot(0, lambda: when(page, answer))
    assert app.run_desk(store) == 0
    assert seen[0] == "local:Ada"
    assert seen[1] == "in a file under your passphrase"
    assert seen[2].startswith("LIVE")
    assert 'name = "Ada"' in paths.settings_file().read_text()

    def unlock() -> None:
        found = page()
        assert found is not None
        found.passphrase.setText("wrong horse")
        found.start.click()
        when(lambda: found.fault.isVisible() and found.isEnabled(), again)

    def again() -> None:
        found = page()
        assert found is not None
        seen.append(found.fault.text())
        found.passphrase.setText("correct horse")
        found.start.click()
        when(lambda: main_window().frame is not None, leave)

    try:
        QTimer.singleShot(0, lambda: when(page, unlock))
        assert app.run_desk(store) == 0
    finally:
        paths.settings_file().unlink()
    assert "passphrase" in seen[3]
    assert seen[4] == "local:Ada"


def test_a_plane_that_does_not_answer_is_said_on_the_page(tmp_path: Path) -> None:
    seen: list[str] = []

    def page() -> FirstRun | None:
        return main_window().findChild(FirstRun)

    def answer() -> None:
        found = page()
        assert found is not None
        found.name.setText("Ada")
        found.join.setChecked(True)
        found.plane.setText("http://plane.example.org")
        found.code.setText("abcd-efgh-jkmn-pqrs")
        found.passphrase.setText("correct horse")
        found.again.setText("correct horse")
        found.start.click()
        when(lambda: found.fault.isVisible() and found.isEnabled(), lambda: (seen.append(found.fault.text()), leave()))

    def leave() -> None:
        main_window().close()

    QTimer.singleShot(0, lambda: when(page, answer))
    assert app.run_desk(tmp_path / "store") == 0
    assert "https" in seen[0]
    assert not paths.settings_file().exists()


# --- the first paint


def test_nothing_heavy_is_loaded_before_the_first_paint(tmp_path: Path) -> None:
    script = (
        "import json, os, sys\n"
        "from console.ui.program import Program\n"
        "def painted(self):\n"
        "    print(json.dumps(sorted(sys.modules)), flush=True)\n"
        "    os._exit(0)\n"
        "Program._on_painted = painted\n"
        "from console.cli import main\n"
        "main(['--store', sys.argv[1]])\n"
    )
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & set(HEAVY) == set()
    assert loaded & {"console.runtime.desk", "console.policy", "cryptography", "typer", "console.ui.board"} == set()
    assert Program.__name__ == "Program"


def test_what_would_kill_qt_without_a_word_is_one_sentence(tmp_path: Path) -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "no_such_platform", "QT_QPA_FONTDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "--store", str(tmp_path / "store")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == EnvironmentFault.exit_code
    assert "Qt cannot open a window here" in done.stderr
    assert "Traceback" not in done.stderr

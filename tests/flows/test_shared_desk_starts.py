"""The program as it starts at a desk that two people share: it asks who it is, and takes the settings' idle time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from console import app, paths
from console.remote import sealed_file
from console.remote.identity_store import SEALED_FILE
from console.runtime.joining import meeting_of
from console.ui import qt_messages
from console.ui.first_run import Answers
from console.ui.main_window import MainWindow
from console.ui.people.sign_in import SignInSheet
from tests.fakes.planes import World
from tests.flows.test_shared_desk import ADA, ADAS, BOB, BOBS, LENT, invite, opened


@pytest.fixture(autouse=True)
def as_it_was(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' own handler of Qt's messages comes back, and guessing costs little."""
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})
    yield
    qt_messages.remove()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A desk of ada and bob whose plane is gone; its own key is not under a passphrase, so that the window comes up."""
    (tmp_path / "plane").mkdir()
    folder = tmp_path / "store"
    with World(tmp_path / "plane").running() as (plane, _):
        met = meeting_of(plane.url)
        answers = Answers("Ada", plane.url, ADAS, sealed=True, code=invite(tmp_path, ADA, "sre_on_call"), met=met)
        desk, _, door = opened(folder, answers)
        door.add(met, invite(tmp_path, BOB, LENT), BOBS)
        desk.stop()
    (folder / SEALED_FILE).unlink()
    return folder


def window() -> MainWindow:
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible())


def when(look: Callable[[], Any], then: Callable[[], Any]) -> None:
    """Calls `then` from the event loop as soon as `look` is true."""
    if look():
        then()
    else:
        QTimer.singleShot(10, lambda: when(look, then))


def test_a_shared_desk_asks_who_sits_here_and_writes_for_nobody_before(store: Path) -> None:
    seen: dict[str, Any] = {}
    paths.settings_file().parent.mkdir(parents=True, exist_ok=True)
    paths.settings_file().write_text('name = "Ada"\nidle_lock_s = 120\n')

    def sheet() -> SignInSheet | None:
        return window().findChild(SignInSheet)

    def choose_bob() -> None:
        found, frame = sheet(), window().frame
        assert found is not None
        assert frame is not None
        seen["people"] = [sitter.person for sitter in found._sitters]
        seen["before"] = (frame.session.signed_in, frame.session.locked[:14])
        seen["idle"] = window()._idle.idle_s  # type: ignore[union-attr]
        found.people.setCurrentRow(1)
        found.passphrase.setText(BOBS)
        found.button.click()
        when(lambda: frame.session.signed_in, leave)

    def leave() -> None:
        frame = window().frame
        assert frame is not None
        seen["after"] = (frame.session.person, frame.session.locked)
        window().close()

    try:
        QTimer.singleShot(0, lambda: when(lambda: sheet() is not None and sheet()._sitters, choose_bob))  # type: ignore[union-attr]
        assert app.run_desk(store) == 0
    finally:
        paths.settings_file().unlink()
    assert seen["people"] == [ADA, BOB]
    assert seen["before"] == (False, "Several people")
    assert seen["idle"] == 120
    assert seen["after"] == (BOB, "")

"""Held keys: one press is one press, whatever repeats, whoever has the focus when the key comes up."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from console.ui import press
from console.ui.theme import Theme

PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
SPACE = Qt.Key.Key_Space


class Pair(QWidget):
    """A guarded button and a plain one, which counts as well."""

    def __init__(self) -> None:
        super().__init__()
        self.clicks: list[str] = []
        self.stop, self.plain = QPushButton("Stop", self), QPushButton("Plain", self)
        press.guard(self.stop)
        self.stop.clicked.connect(self._on_stop)
        self.plain.clicked.connect(self._on_plain)
        layout = QVBoxLayout(self)
        layout.addWidget(self.stop)
        layout.addWidget(self.plain)

    def _on_stop(self) -> None:
        self.clicks.append("stop")

    def _on_plain(self) -> None:
        self.clicks.append("plain")


@pytest.fixture
def pair(dressed: Theme, qtbot: Any) -> Pair:
    shown = Pair()
    qtbot.addWidget(shown)
    with qtbot.waitActive(shown):
        shown.show()
        shown.activateWindow()
    shown.stop.setFocus()
    return shown


def key(widget: QWidget, kind: QEvent.Type, repeat: bool = False, code: Qt.Key = SPACE) -> None:
    QApplication.sendEvent(widget, QKeyEvent(kind, code, Qt.KeyboardModifier.NoModifier, " ", repeat))


def settle(qtbot: Any) -> None:
    """Waits until no release is held back any more."""
    found = QApplication.instance().findChild(press.PressFilter)
    qtbot.waitUntil(lambda: not found._released)


def test_a_press_is_one_click(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)
    assert pair.stop.isDown()
    key(pair.stop, RELEASE)
    qtbot.waitUntil(lambda: pair.clicks == ["stop"])
    key(pair.stop, PRESS)
    key(pair.stop, RELEASE)
    qtbot.waitUntil(lambda: pair.clicks == ["stop", "stop"])


def test_a_held_key_is_one_press_however_often_it_repeats(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)
    for _ in range(20):
        key(pair.stop, RELEASE, repeat=True)
        key(pair.stop, PRESS, repeat=True)
    assert pair.clicks == []
    key(pair.stop, RELEASE)
    qtbot.waitUntil(lambda: pair.clicks == ["stop"])


def test_repeats_that_pretend_to_be_real_within_80_ms_are_the_same_holding(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)
    for _ in range(20):
        key(pair.stop, RELEASE)  # X11 under load: without the mark of a repeat
        key(pair.stop, PRESS)
    assert pair.clicks == []
    assert pair.stop.isDown()
    key(pair.stop, RELEASE)
    qtbot.waitUntil(lambda: pair.clicks == ["stop"])
    settle(qtbot)
    assert pair.clicks == ["stop"]


def test_a_key_held_from_elsewhere_does_not_press_what_takes_the_focus(pair: Pair, qtbot: Any) -> None:
    pair.plain.setFocus()
    key(pair.plain, PRESS)
    pair.stop.setFocus()
    for _ in range(5):
        key(pair.stop, PRESS, repeat=True)
    key(pair.stop, PRESS)  # mislabelled
    key(pair.stop, RELEASE)
    settle(qtbot)
    assert pair.clicks == []
    key(pair.stop, PRESS)
    key(pair.stop, RELEASE)
    qtbot.waitUntil(lambda: pair.clicks == ["stop"])


def test_a_release_alone_does_nothing(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, RELEASE)
    settle(qtbot)
    assert pair.clicks == []


def test_a_key_pressed_on_the_guarded_button_and_let_go_elsewhere_does_nothing(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)
    pair.plain.setFocus()
    key(pair.plain, RELEASE)
    settle(qtbot)
    assert "stop" not in pair.clicks


def test_after_a_lost_release_one_press_is_swallowed_and_the_next_counts(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)  # and the window loses the release, as on a switch of desktops
    for _ in range(2):
        key(pair.stop, PRESS)
        key(pair.stop, RELEASE)
        settle(qtbot)
    assert pair.clicks


def test_plain_buttons_are_left_alone(pair: Pair, qtbot: Any) -> None:
    pair.plain.setFocus()
    key(pair.plain, PRESS)
    key(pair.plain, RELEASE)
    assert pair.clicks == ["plain"]
    settle(qtbot)


def test_the_mouse_is_left_alone(pair: Pair, qtbot: Any) -> None:
    qtbot.mouseClick(pair.stop, Qt.MouseButton.LeftButton)
    assert pair.clicks == ["stop"]


def test_it_is_installed_once(qapp: QApplication) -> None:
    assert press.install(qapp) is press.install(qapp)


def test_a_widget_that_dies_while_its_release_waits_is_left_in_peace(pair: Pair, qtbot: Any) -> None:
    key(pair.stop, PRESS)
    key(pair.stop, RELEASE)
    with qtbot.waitSignal(pair.stop.destroyed):
        pair.stop.deleteLater()
    settle(qtbot)
    assert pair.clicks == []

"""The button that fires: what counts as a press, and everything that does not."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from console.policy import Policy
from console.ui.switches.hold_button import HoldButton
from console.ui.theme import Theme
from tests.fakes.hands import keys_at_rest

SPACE = Qt.Key.Key_Space


class Table(QWidget):
    def __init__(self, theme: Theme, policy: Policy) -> None:
        super().__init__()
        self.at = 100.0
        self.button = HoldButton(theme, policy.switches.times, clock=self.clock)
        self.button.set_verb("STOP borealis")
        self.other = QLineEdit()
        self.fired: list[str] = []
        self.said: list[str] = []
        self.button.confirmed.connect(self.fired.append)
        self.button.said.connect(self.said.append)
        box = QVBoxLayout(self)
        box.addWidget(self.button)
        box.addWidget(self.other)

    def clock(self) -> float:
        return self.at


@pytest.fixture
def table(dressed: Theme, policy: Policy, qtbot: Any) -> Table:
    made = Table(dressed, policy)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    made.button.setFocus()
    return made


def auto_repeat(widget: QWidget, times: int) -> None:
    for _ in range(times):
        for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress):
            QApplication.sendEvent(widget, QKeyEvent(kind, SPACE, Qt.KeyboardModifier.NoModifier, " ", autorep=True))


def click(table: Table, after_s: float = 0.0) -> None:
    table.at += after_s
    QTest.mouseClick(table.button, Qt.MouseButton.LeftButton)


def test_two_presses_on_purpose_confirm(table: Table) -> None:
    click(table)
    assert table.fired == []
    assert table.button.text() == "Press again: STOP borealis"
    click(table, 0.6)
    assert table.fired == ["second_press"]
    click(table, 0.6)
    click(table, 0.6)
    assert table.fired == ["second_press"]


def test_a_screen_reader_s_press_works_it_by_the_same_way(table: Table) -> None:
    for _ in range(2):
        table.button.click()
        table.at += 1
    assert table.fired == ["second_press"]


def test_holding_the_mouse_or_space_for_a_second_confirms(table: Table, qtbot: Any) -> None:
    QTest.mousePress(table.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: table.fired == ["hold"], timeout=3_000)
    QTest.mouseRelease(table.button, Qt.MouseButton.LeftButton)
    table.button.set_verb("STOP borealis")
    QTest.keyPress(table.button, SPACE)
    auto_repeat(table.button, 3)
    qtbot.waitUntil(lambda: table.fired == ["hold", "hold"], timeout=3_000)
    QTest.keyRelease(table.button, SPACE)


def test_a_hold_that_is_let_go_early_is_one_press(table: Table, qtbot: Any) -> None:
    QTest.mousePress(table.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: 0 < table.button._hold.remainingTime() < 900)
    QTest.mouseRelease(table.button, Qt.MouseButton.LeftButton)
    assert not table.button._hold.isActive()
    assert table.fired == []
    assert table.button.is_half_done


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select, Qt.Key.Key_Y])
def test_enter_never_confirms(table: Table, qtbot: Any, key: Qt.Key) -> None:
    for _ in range(4):
        QTest.keyClick(table.button, key)
        table.at += 0.5
    QTest.keyPress(table.button, key)
    assert not table.button._hold.isActive()
    QTest.keyRelease(table.button, key)
    keys_at_rest(qtbot)
    assert table.fired == []
    assert not table.button.is_half_done


def test_a_reflex_does_not_count_and_a_quick_one_is_said(table: Table) -> None:
    click(table)
    click(table, 0.2)
    assert table.fired == []
    assert "reflex" in table.said[-1]
    click(table, 0.3)
    assert table.fired == ["second_press"]
    assert "quick" in table.said[-1]


def test_a_first_press_is_taken_back_by_anything_else(table: Table, qtbot: Any) -> None:
    takes_back = {
        "another key": lambda: QTest.keyClick(table.button, Qt.Key.Key_A),
        "a click elsewhere": lambda: QTest.mouseClick(table.other, Qt.MouseButton.LeftButton),
        "losing the focus": table.other.setFocus,
        "a gate that closes": lambda: (table.button.setEnabled(False), table.button.setEnabled(True)),
        "being hidden": lambda: (table.button.hide(), table.button.show()),
    }
    for word, act in takes_back.items():
        table.button.setFocus()
        click(table, 10)
        assert table.button.is_half_done, word
        act()
        assert not table.button.is_half_done, word
        click(table, 1)
        assert table.fired == [], word
        table.button.take_back()
    click(table, 10)
    qtbot.waitUntil(lambda: not table.button.is_half_done, timeout=6_000)


def test_space_held_through_a_closing_gate_does_not_press_the_next(table: Table, qtbot: Any) -> None:
    table.button.setEnabled(False)
    table.other.setFocus()
    QTest.keyPress(table.other, SPACE)
    table.button.setEnabled(True)
    table.button.setFocus()
    auto_repeat(table.button, 40)
    assert not table.button._hold.isActive()
    auto_repeat(table.button, 5)
    QTest.keyRelease(table.button, SPACE)
    keys_at_rest(qtbot)
    assert table.fired == []
    assert not table.button.is_half_done


def test_repeats_that_x11_takes_for_presses_are_one_holding(table: Table, qtbot: Any) -> None:
    """Under load the server reports repeats as plain releases and presses; each pair is still the same finger."""
    table.other.setFocus()
    QTest.keyPress(table.other, SPACE)
    table.button.setFocus()
    for _ in range(30):
        QTest.keyRelease(table.button, SPACE)
        QTest.keyPress(table.button, SPACE)
        table.at += 0.4
        assert not table.button._hold.isActive()
    QTest.keyRelease(table.button, SPACE)
    keys_at_rest(qtbot)
    assert table.fired == []


def test_dragging_off_the_button_is_no_press(table: Table) -> None:
    QTest.mousePress(table.button, Qt.MouseButton.LeftButton)
    QTest.mouseMove(table.other)
    QTest.mouseRelease(table.other, Qt.MouseButton.LeftButton)
    assert not table.button.isDown() or table.fired == []
    assert table.fired == []

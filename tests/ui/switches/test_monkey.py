"""No random input ever fires a kill switch: 9,000 keys and clicks over the panel and its sheets."""

from __future__ import annotations

import random
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from console.ui.switches import SwitchesPanel
from tests.fakes.hands import keys_at_rest
from tests.fakes.switch_stand import SwitchStand

INPUTS = 9_000
KEYS = (
    Qt.Key.Key_Space, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_A, Qt.Key.Key_Y, Qt.Key.Key_1, Qt.Key.Key_Delete,
    Qt.Key.Key_F9, Qt.Key.Key_Escape,
)  # fmt: skip
ACTIONS = ("switches.hold", "switches.throw", "switches.restore", "switches.look", "switches.approve")
NONE = Qt.KeyboardModifier.NoModifier


class Monkey:
    def __init__(self, panel: SwitchesPanel, seed: int) -> None:
        self.panel, self.dice = panel, random.Random(seed)
        self.sheets = 0

    def act(self) -> None:
        chance = self.dice.random()
        if self.panel.sheet is None and chance < 0.2:
            self.panel.on_action(self.dice.choice(ACTIONS))
            self.sheets += self.panel.sheet is not None
        elif chance < 0.6:
            self.press(self.dice.choice(KEYS))
        else:
            self.click()

    def press(self, key: Qt.Key) -> None:
        if key == Qt.Key.Key_Escape and self.dice.random() < 0.9:
            return  # a sheet that is always closed would prove nothing
        widget = self.panel.window().focusWidget() or self.panel
        repeat = self.dice.random() < 0.3
        text = chr(key) if key < 128 else ""
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            if self.dice.random() < 0.9:
                QApplication.sendEvent(widget, QKeyEvent(kind, key, NONE, text, autorep=repeat))

    def click(self) -> None:
        point = QPoint(self.dice.randrange(self.panel.width()), self.dice.randrange(self.panel.height()))
        button = getattr(getattr(self.panel.sheet, "form", None), "button", None)
        if button is not None and self.dice.random() < 0.3:  # aims better than chance would
            point = button.mapTo(self.panel, button.rect().center())
        widget: QWidget = self.panel.childAt(point) or self.panel
        at = QPointF(widget.mapFrom(self.panel, point))
        left = Qt.MouseButton.LeftButton
        for kind, held in (
            (QEvent.Type.MouseButtonPress, left),
            (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton),
        ):
            if self.dice.random() < 0.9:
                event = QMouseEvent(kind, at, QPointF(widget.mapToGlobal(at.toPoint())), left, held, NONE)
                QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("seed", [1])
def test_no_random_input_ever_fires_a_kill_switch(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any, seed: int
) -> None:
    stand.stopped()
    monkey = Monkey(panel, seed)
    for n in range(INPUTS):
        monkey.act()
        if n % 30 == 0:
            QApplication.processEvents()
    for key in set(KEYS):  # let go of whatever is still down
        QApplication.sendEvent(panel, QKeyEvent(QEvent.Type.KeyRelease, key, NONE))
    keys_at_rest(qtbot)
    assert monkey.sheets > 5
    assert stand.fired == 0

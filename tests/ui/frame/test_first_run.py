"""The first page: a name and a choice, no account; what is missing is said on the page, by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QRadioButton

from console.ui.first_run import Answers, FirstRun
from console.ui.theme import Theme
from tests.ui.accessible import unnamed, unreachable

pytestmark = pytest.mark.qt_log_ignore("Keyboard event not accepted", extend=True)
"""QTest says so when the key that opens the desk disables the page."""


@pytest.fixture
def page(dressed: Theme, qtbot: Any) -> FirstRun:
    return shown(FirstRun(dressed), qtbot)


def shown(page: FirstRun, qtbot: Any) -> FirstRun:
    qtbot.addWidget(page)
    page.resize(1000, 600)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    page.first_focus()
    return page


def test_a_name_and_enter_are_enough(page: FirstRun, qtbot: Any) -> None:
    assert page.name.hasFocus()
    qtbot.keyClicks(page.name, "  Ada   Lovelace ")
    with qtbot.waitSignal(page.answered) as answered:
        qtbot.keyClick(page.name, Qt.Key.Key_Return)
    assert answered.args == [Answers("Ada Lovelace", "", "")]
    assert not page.isEnabled()
    page.say("The disk is full.")
    assert page.isEnabled()
    assert page.fault.text() == "The disk is full."


def test_joining_asks_for_an_address(page: FirstRun, qtbot: Any) -> None:
    assert not page.plane.isEnabled()
    qtbot.keyClicks(page.name, "Ada")
    page.join.setChecked(True)
    page.start.click()
    assert "address of the plane" in page.fault.text()
    page.plane.setText(" https://plane.example.org ")
    with qtbot.waitSignal(page.answered) as answered:
        page.start.click()
    assert answered.args[0].plane == "https://plane.example.org"


@pytest.mark.parametrize(
    ("name", "one", "two", "fault"),
    [
        ("   ", "", "", "Write your name"),
        ("Ada", "short", "short", "at least 8 characters"),
        ("Ada", "long enough", "long enoogh", "differ"),
    ],
)
def test_what_is_missing_is_said(page: FirstRun, name: str, one: str, two: str, fault: str) -> None:
    page.name.setText(name)
    page.sealed.setChecked(True)
    page.passphrase.setText(one)
    page.again.setText(two)
    page.start.click()
    assert page.fault.isVisible()
    assert fault in page.fault.text()
    assert fault in page.fault.accessibleName()


def test_a_passphrase_is_asked_twice_and_never_shown(page: FirstRun, qtbot: Any) -> None:
    page.name.setText("Ada")
    page.sealed.setChecked(True)
    page.passphrase.setText("correct horse")
    page.again.setText("correct horse")
    assert page.passphrase.displayText() != "correct horse"
    with qtbot.waitSignal(page.answered) as answered:
        page.start.click()
    assert answered.args[0].passphrase == "correct horse"
    assert "correct horse" not in repr(answered.args[0])


def test_a_locked_desk_asks_for_the_passphrase_alone(dressed: Theme, qtbot: Any) -> None:
    page = shown(FirstRun(dressed, "Ada", "", locked=True), qtbot)
    assert page.passphrase.hasFocus()
    assert not page.name.isVisible()
    page.start.click()
    assert "passphrase" in page.fault.text()
    qtbot.keyClicks(page.passphrase, "correct horse")
    with qtbot.waitSignal(page.answered) as answered:
        qtbot.keyClick(page.passphrase, Qt.Key.Key_Return)
    assert answered.args == [Answers("Ada", "", "correct horse")]


def test_everything_has_a_name_and_a_key_in_the_order_that_is_read(page: FirstRun, qtbot: Any) -> None:
    assert unnamed(page) == []
    assert unreachable(page) == []
    page.name.setFocus()
    wanted = [page.name, page.join, page.plane, page.sealed, page.passphrase, page.again, page.start]
    seen = []
    for _ in wanted:
        if isinstance(page.focusWidget(), QRadioButton):  # from "alone" to "join", from "keyring" to "passphrase"
            qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Down)
        seen.append(page.focusWidget())
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
    assert seen == wanted
    assert page.join.isChecked()
    assert page.sealed.isChecked()

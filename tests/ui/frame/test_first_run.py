"""The first page: a name and a choice, no account; what is missing is said on the page, by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QRadioButton

from console.runtime.joining import Meeting
from console.ui.first_run import OWN_KEY, Answers, FirstRun
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


def met_plane() -> Meeting:
    return Meeting("https://plane.example.org", "org.example", False, "ab" * 32, "cd" * 32, "ef" * 32, "epoch")


def filled_to_join(page: FirstRun) -> None:
    page.name.setText("Ada")
    page.join.setChecked(True)
    page.plane.setText(" https://plane.example.org ")
    page.code.setText(" abcd-efgh-jkmn-pqrs ")
    page.passphrase.setText("correct horse")
    page.again.setText("correct horse")


def test_joining_asks_for_address_code_and_passphrase(page: FirstRun) -> None:
    assert not page.plane.isEnabled()
    assert not page.code.isEnabled()
    filled_to_join(page)
    for line, says in ((page.passphrase, "at least 12"), (page.code, "one-time code"), (page.plane, "address of the")):
        line.clear()
        page.start.click()
        assert says in page.fault.text()
        assert page.isEnabled()


def test_the_code_is_sent_only_after_the_words_were_compared(page: FirstRun, qtbot: Any) -> None:
    filled_to_join(page)
    with qtbot.assertNotEmitted(page.answered), qtbot.waitSignal(page.meeting_wanted) as asked:
        page.start.click()
    assert asked.args[0].plane == "https://plane.example.org"
    page.compare(met_plane())
    assert page.root_words.isVisible()
    assert not page.name.isVisible()
    assert page.root_words.same.hasFocus()
    assert all(word in page.root_words.words.text() for word in met_plane().words)
    assert unnamed(page) == []
    with qtbot.assertNotEmitted(page.answered):
        qtbot.keyClick(page.root_words.same, Qt.Key.Key_Return)
        page.start.click()
    assert "Compare the eight words" in page.fault.text()
    qtbot.keyClick(page.root_words.same, Qt.Key.Key_Space)
    with qtbot.waitSignal(page.answered) as answered:
        page.start.click()
    found = answered.args[0]
    assert (found.code, found.met, found.sealed) == ("abcd-efgh-jkmn-pqrs", met_plane(), False)
    assert "abcd" not in repr(found)
    page.say("The plane refused.")
    assert page.other.isVisible()
    page.other.click()
    assert page.code.isVisible()
    assert page.code.hasFocus()


def test_a_locked_own_key_can_be_left_locked(dressed: Theme, qtbot: Any) -> None:
    page = shown(FirstRun(dressed, "Ada", "", locked=OWN_KEY), qtbot)
    with qtbot.waitSignal(page.answered) as answered:
        page.other.click()
    assert (answered.args[0].name, answered.args[0].passphrase) == ("Ada", "")


@pytest.mark.parametrize(
    ("name", "one", "two", "fault"),
    [
        ("   ", "", "", "Write your name"),
        ("Ada", "elevenlong!", "elevenlong!", "at least 12 characters"),
        ("Ada", "long enough a", "long enoogh a", "differ"),
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
    page = shown(FirstRun(dressed, "Ada", "", locked="locked"), qtbot)
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
    wanted = [page.name, page.join, page.plane, page.code, page.sealed, page.passphrase, page.again, page.start]
    seen = []
    for _ in wanted:
        if isinstance(page.focusWidget(), QRadioButton):  # from "alone" to "join", from "keyring" to "passphrase"
            qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Down)
        seen.append(page.focusWidget())
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
    assert seen == wanted
    assert page.join.isChecked()
    assert page.sealed.isChecked()

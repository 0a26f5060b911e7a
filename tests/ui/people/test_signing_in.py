"""Signing in and changing seats at a shared desk, by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.page_parts import field
from console.ui.people import PeoplePanel
from console.ui.people.lend import LendSheet
from console.ui.people.newcomer import NewcomerSheet
from console.ui.people.sign_in import LONGEST_PAUSE_S, Pauses, SignInSheet
from tests.fakes.record_kit import PERSON
from tests.fakes.seats import ADA, BEN, CODE, OTHER_KEY, PASSPHRASE, Seat, SharedDoor
from tests.ui.accessible import unnamed, unreachable


@pytest.fixture
def sheet(panel: PeoplePanel, qtbot: Any) -> SignInSheet:
    panel.on_action("people.sign_in")
    made = panel.stack.currentWidget()
    assert isinstance(made, SignInSheet)
    qtbot.waitUntil(lambda: made.people.count() == 2 and made.people.hasFocus())
    return made


def test_the_seat_is_changed_by_keys_alone(sheet: SignInSheet, panel: PeoplePanel, frame: Frame, qtbot: Any) -> None:
    assert unnamed(sheet) == []
    assert unreachable(sheet) == []
    assert sheet.chosen == ADA  # who sits here is chosen first
    frame.selection.choose_incident("i-1", "tenant.borealis")
    qtbot.keyClick(sheet.people, Qt.Key.Key_Down)
    qtbot.keyClick(sheet.people, Qt.Key.Key_Return)
    qtbot.waitUntil(sheet.passphrase.hasFocus)
    qtbot.keyClicks(sheet.passphrase, PASSPHRASE)
    with qtbot.waitSignal(frame.bridge.person_changed):
        qtbot.keyClick(sheet.passphrase, Qt.Key.Key_Return)
    session = frame.session
    assert (session.person, session.name, session.roles, session.key) == (*_seat(BEN), OTHER_KEY)
    assert frame.selection.incident == "i-1"
    assert "Ben Other sits here" in panel.here.text()
    assert panel.stack.currentWidget() is panel.area


def _seat(seat: Seat) -> tuple[str, str, tuple[str, ...]]:
    return seat.person, seat.display_name, seat.roles


def test_a_wrong_passphrase_slows_down_with_a_countdown(
    sheet: SignInSheet, panel: PeoplePanel, frame: Frame, qtbot: Any
) -> None:
    now = [100.0]
    sheet._pauses._clock = lambda: now[0]
    sheet.passphrase.setText("wrong")
    sheet.button.click()
    qtbot.waitUntil(lambda: "does not open" in sheet.trouble.text() and sheet.isEnabled())
    assert "Wait 2 s" in sheet.trouble.text() or "Wait 1 s" in sheet.trouble.text()
    sheet.passphrase.setText(PASSPHRASE)
    sheet.button.click()
    assert frame.session.key is PERSON  # not asked before the pause is over
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    panel.on_action("people.sign_in")  # closing and opening does not end the pause
    again = panel.stack.currentWidget()
    assert isinstance(again, SignInSheet)
    qtbot.waitUntil(lambda: again.people.count() == 2)
    again.passphrase.setText(PASSPHRASE)
    again.button.click()
    assert "Wait" in again.trouble.text()
    now[0] += LONGEST_PAUSE_S
    frame.session.lock("Locked by hand.")
    again.button.click()
    qtbot.waitUntil(lambda: frame.session.signed_in)
    assert frame.session.locked == ""


def test_the_pause_grows_to_five_seconds_and_never_beyond() -> None:
    now = [0.0]
    pauses = Pauses(lambda: now[0])
    waits = []
    for _ in range(8):
        pauses.wrong("a")
        waits.append(pauses.left_s("a"))
        now[0] += 10
    assert waits == [1, 2, 3, 4, 5, 5, 5, 5]
    assert pauses.left_s("b") == 0
    pauses.right("a")
    pauses.wrong("a")
    assert pauses.left_s("a") == 1


def test_somebody_new_compares_the_plane_and_uses_their_code(
    panel: PeoplePanel, frame: Frame, door: SharedDoor, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no plane" in panel.action_state("people.newcomer")
    panel._let_in()
    sheet = panel.stack.currentWidget()
    assert isinstance(sheet, NewcomerSheet)
    sheet.plane.setText("https://plane.example.org")
    sheet.code.setText(CODE)
    sheet.passphrase.setText("another good horse")
    sheet.again.setText("another good horse")
    sheet.button.click()
    qtbot.waitUntil(lambda: sheet.met is not None and sheet.isEnabled())
    sheet.button.click()
    assert "Compare the eight words" in sheet.trouble.text()
    sheet.root_words.same.setChecked(True)
    with qtbot.waitSignal(frame.bridge.person_changed):
        sheet.button.click()
    assert (frame.session.person, frame.session.name) == ("cy@example.org", "cy@example.org")


def test_what_one_began_is_not_shown_to_the_next(panel: PeoplePanel, frame: Frame, qtbot: Any) -> None:
    line = field("Note", "", 200)
    qtbot.addWidget(line)
    draft = Draft(frame.bridge, line, "note")
    draft.open("i-1")
    line.setText("Ada's half thought")
    panel.on_action("people.lend")
    assert isinstance(panel.stack.currentWidget(), LendSheet)
    panel._on_signed_in(BEN, OTHER_KEY)
    assert panel.stack.currentWidget() is panel.area
    assert line.text() == ""
    line.setText("Ben's")
    panel._on_signed_in(ADA, PERSON)
    qtbot.waitUntil(lambda: line.text() == "Ada's half thought")
    panel._on_signed_in(BEN, OTHER_KEY)
    qtbot.waitUntil(lambda: line.text() == "Ben's")


def test_without_a_kept_key_nobody_can_change_seats(panel: PeoplePanel, frame: Frame) -> None:
    frame.session.door = None
    assert "no key of a person" in panel.action_state("people.sign_in")
    frame.session.lock("Locked by hand. Sign in.")
    assert panel.action_state("people.lend") == "Locked by hand. Sign in."

"""What stays in view when nobody can command, nobody is paged, or the owner is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from console.ui.desk_bands import DeskBands
from console.ui.frame import Frame
from console.ui.main_window import MainWindow
from console.ui.people.phone_list import PhoneList
from console.ui.people.sign_in import SignInSheet
from console.ui.switches.sheet import ConfirmSheet
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import body_of
from tests.fakes.seats import BEN, OTHER_KEY, SharedDoor
from tests.ui.accessible import unnamed


@pytest.fixture
def window(frame: Frame, door: SharedDoor, qtbot: Any) -> Iterator[MainWindow]:
    made = MainWindow(frame.theme, frame.notices, True, None)
    qtbot.addWidget(made)
    made.resize(1366, 768)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    with qtbot.waitSignal(made.panels_ready, timeout=20_000):
        made.attach(frame)
    yield made
    made.close()


@pytest.fixture
def bands(window: MainWindow) -> DeskBands:
    found = window._bands
    assert found is not None
    return found


def test_a_lock_disarms_the_open_sheet_is_loud_and_f9_says_what_to_do(
    window: MainWindow, bands: DeskBands, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    assert not bands.seat.isVisible()
    incident = outside.open_incident()
    frame.selection.choose_incident(incident, "tenant.borealis")
    switches = window.panel("switches")
    window.go_to("switches")
    qtbot.waitUntil(lambda: switches._board is not None and bool(switches._cards))
    reach = next(card.reach for card in switches._cards if card.reach.adapter)
    switches.open_sheet(reach, "stopped")
    assert isinstance(switches.sheet, ConfirmSheet)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert switches.sheet is None
    assert frame.session.key is None
    assert frame.selection.incident == incident
    assert bands.seat.text.text().startswith("LOCKED: SIGN IN TO COMMAND. Locked by hand.")
    assert bands.seat.isVisible()
    assert window.status.person.word == "LOCKED: SIGN IN"
    qtbot.keyClick(window, Qt.Key.Key_F9)
    assert switches.sheet is None
    assert any("Sign in (Ctrl+Shift+I)" in bar.notice.sentence for bar in window.notice_bars.bars)
    assert unnamed(window) == []
    assert window.minimumSizeHint().height() <= 768
    qtbot.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert isinstance(window.panel("people").stack.currentWidget(), SignInSheet)


def test_a_change_of_seats_disarms_and_keeps_the_incident(
    window: MainWindow, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    incident = outside.open_incident()
    frame.selection.choose_incident(incident, "tenant.borealis")
    switches = window.panel("switches")
    window.go_to("switches")
    qtbot.waitUntil(lambda: bool(switches._cards))
    switches.open_sheet(next(card.reach for card in switches._cards if card.reach.adapter), "stopped")
    window.panel("people")._on_signed_in(BEN, OTHER_KEY)
    assert switches.sheet is None
    assert frame.selection.incident == incident
    assert window.status.person.word.startswith("Ben Other: ")


def test_nobody_being_paged_stays_in_view_with_the_way_to_the_phone_list(
    window: MainWindow, bands: DeskBands, frame: Frame, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not bands.paging.isVisible()
    monkeypatch.setattr(type(frame.bridge), "has_plane", True)
    bands._show_paging(SimpleNamespace(state="offline"))
    assert bands.paging.isVisible()
    assert "NOBODY IS BEING PAGED" in bands.paging.accessibleName()
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_P, modifiers)
    qtbot.waitUntil(lambda: isinstance(window.panel("people").stack.currentWidget(), PhoneList))
    bands._show_paging(SimpleNamespace(state="online"))
    assert not bands.paging.isVisible()


def test_a_page_for_my_role_is_said_once_with_the_way_there(
    window: MainWindow, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    incident = outside.open_incident()
    body = body_of("owner.paged", command_id="c", role="incident_commander", persons=[], reason="A breaker tripped.")
    other = body_of("owner.paged", command_id="d", role="legal_liaison", persons=[], reason="Not yours.")
    outside.send(
        outside.plane.write("owner.paged", incident, body), outside.plane.write("owner.paged", incident, other)
    )
    qtbot.waitUntil(lambda: any("YOU ARE PAGED" in bar.notice.sentence for bar in window.notice_bars.bars))
    paged = [bar.notice for bar in window.notice_bars.bars if "YOU ARE PAGED" in bar.notice.sentence]
    assert [(one.level, "A breaker tripped." in one.sentence) for one in paged] == [("error", True)]
    outside.open_incident()
    window.dispatcher.run("desk.paged")
    assert frame.selection.incident == incident

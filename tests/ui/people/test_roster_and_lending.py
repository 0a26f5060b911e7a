"""The list of people, lending a role and taking it back, and the phone list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt

from console.domain.callout import roles_to_call
from console.domain.times import format_utc
from console.policy import Policy
from console.ui.chips import StateChip
from console.ui.frame import Frame
from console.ui.people import PeoplePanel
from console.ui.people.lend import LendSheet, TakeBackSheet, end_of_shift
from console.ui.people.phone_list import PhoneList
from console.ui.words import Words
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import key_of
from tests.fakes.seats import BEN
from tests.ui.accessible import unnamed, unreachable


def texts(panel: PeoplePanel) -> str:
    return "\n".join(label.text() for label in panel.roster.findChildren(Words))


def taken(outside: Outside, event_type: str) -> None:
    """The plane takes what was written here: a loan counts from then on."""
    written = outside.desk.query(lambda reader: reader.events("system", event_type))
    outside.send(*written[-1:])


def test_certified_people_and_those_who_can_only_be_phoned_are_told_apart(panel: PeoplePanel) -> None:
    assert unnamed(panel) == []
    assert unreachable(panel) == []
    words = [chip.word for chip in panel.roster.findChildren(StateChip)]
    assert "certified" in words
    assert "not certified: can only be phoned" in words
    assert "SITS HERE" in words
    assert "Ben Other" in texts(panel)


def test_a_role_is_lent_with_a_countdown_and_taken_back(
    panel: PeoplePanel, frame: Frame, outside: Outside, said: list[Any], qtbot: Any
) -> None:
    assert panel.action_state("people.take_back") != ""
    panel.on_action("people.lend")
    sheet = panel.stack.currentWidget()
    assert isinstance(sheet, LendSheet)
    assert unnamed(sheet) == []
    assert unreachable(sheet) == []
    sheet.button.click()
    assert "Write why" in sheet.trouble.text()
    assert [sheet.person.itemData(n) for n in range(sheet.person.count())] == [BEN.person]
    qtbot.keyClicks(sheet.reason, "I sleep from ten")
    qtbot.keyClick(sheet.reason, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(said))
    assert "is lent to Ben Other" in said[0].sentence
    taken(outside, "role.delegated")
    qtbot.waitUntil(lambda: panel.board is not None and bool(panel.board.delegations))
    qtbot.waitUntil(lambda: bool(panel.roster.loans))
    assert "left" in panel.roster.loans[0][0].text()
    assert "I sleep from ten" in panel.roster.loans[0][0].text()
    panel.roster.tick(frame.bridge.now() + timedelta(hours=2))
    assert "ended at" in panel.roster.loans[0][0].text()
    panel.on_action("people.take_back")
    back = panel.stack.currentWidget()
    assert isinstance(back, TakeBackSheet)
    back.reason.setText("I am awake")
    back.button.click()
    qtbot.waitUntil(lambda: len(said) == 2)
    taken(outside, "role.recalled")
    qtbot.waitUntil(lambda: panel.board is not None and not panel.board.delegations)


def test_a_loan_that_ended_by_itself_has_the_list_read_again(panel: PeoplePanel, frame: Frame, qtbot: Any) -> None:
    before = panel.board
    panel._ends = format_utc(frame.bridge.now() - timedelta(seconds=1))
    panel._on_tick()
    qtbot.waitUntil(lambda: panel.board is not before)
    assert panel._ends == ""


@pytest.mark.parametrize(
    ("now", "end"), [((5, 58), (6, 0)), ((5, 59), (6, 0)), ((6, 0), (14, 0)), ((13, 30), (14, 0)), ((23, 0), (6, 0))]
)
def test_the_end_of_a_shift_is_never_now(now: tuple[int, int], end: tuple[int, int]) -> None:
    at = datetime(2026, 3, 1, now[0], now[1], tzinfo=UTC)
    found = end_of_shift(at)
    assert (found.hour, found.minute) == end
    assert timedelta(0) < found - at <= timedelta(hours=8)


def test_the_phone_list_is_made_of_data_and_its_numbers_are_text(
    panel: PeoplePanel, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    incident = outside.open_incident(severity="SEV-0")
    frame.selection.choose_incident(incident, "tenant.borealis")
    panel.on_action("people.phone_list")
    qtbot.waitUntil(lambda: isinstance(panel.stack.currentWidget(), PhoneList))
    sheet = panel.stack.currentWidget()
    assert isinstance(sheet, PhoneList)
    qtbot.waitUntil(lambda: bool(sheet.phones) and sheet.phones[0].hasFocus())
    assert unnamed(sheet) == []
    assert unreachable(sheet) == []
    assert sheet.phones[0].text().startswith("+44")
    assert not any(phone.openExternalLinks() for phone in sheet.phones)
    qtbot.keyClick(sheet.phones[0], Qt.Key.Key_Escape)
    assert panel.stack.currentWidget() is panel.area


def test_whom_to_call_is_the_owner_then_the_target_s_then_whom_the_severity_pages(policy: Policy) -> None:
    roles = roles_to_call(policy.severity, policy.inventory, "SEV-1", "tenant.borealis")
    assert roles[0] == policy.severity.level("SEV-1").owner_role
    assert set(policy.severity.level("SEV-1").pages) <= set(roles)
    assert len(set(roles)) == len(roles)
    unmapped = roles_to_call(policy.severity, policy.inventory, "", "nobody knows")
    assert set(policy.severity.level("SEV-0").pages) <= set(unmapped)


def test_hostile_names_are_shown_as_text(panel: PeoplePanel, certify: Callable[..., None], qtbot: Any) -> None:
    certify("x@example.org", key_of(77), "\u202egro.live<b>x</b>\u0007" + "W" * 150, "incident_commander")
    qtbot.waitUntil(lambda: "x@example.org" in str(panel.board))
    shown = texts(panel)
    assert "\u202e" not in shown
    assert "\u0007" not in shown
    assert panel.minimumSizeHint().width() <= 900

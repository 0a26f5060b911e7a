"""What waits for a person: requests on both sides, looks that are owed, automatic stops; and finding a switch."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from console.ui.switches import SwitchesPanel
from console.ui.switches.approve import ApproveSheet
from console.ui.switches.capability_page import CapabilityPage
from console.ui.switches.second import SecondBox
from console.ui.switches.settle import SettleSheet, WithdrawSheet
from console.ui.switches.waiting_page import WaitingPage
from console.ui.theme import Theme
from tests.fakes.switch_stand import SECOND, SWITCH, SwitchStand
from tests.ui.accessible import unnamed, unreachable
from tests.ui.switches.test_sheet import Open, gates

WIDE = "FF_GLOBAL_AI"


def shown(widget: QWidget) -> str:
    return "\n".join(label.text().replace("\u200b", "") for label in widget.findChildren(QLabel))


def press(widget: QWidget, words: str) -> None:
    next(one for one in widget.findChildren(QPushButton) if words in one.text() and one.isEnabled()).click()


def open_waiting(panel: SwitchesPanel, qtbot: Any) -> WaitingPage:
    panel.on_action("switches.waiting")
    qtbot.waitUntil(lambda: isinstance(panel._overlay.page, WaitingPage))
    page: WaitingPage = panel._overlay.page
    return page


def count(stand: SwitchStand, event_type: str) -> int:
    return stand.counted("timeline", f"type = '{event_type}'")


def test_a_request_waits_over_all_incidents_and_is_declined_with_a_reason(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    stand.ask(friend, "<b>All</b> of it is wrong.")
    stand.frame.selection.choose_incident(stand.outside.open_incident(target="tenant.cascade"), "tenant.cascade")
    page = open_waiting(panel, qtbot)
    qtbot.waitUntil(lambda: "<b>All</b> of it" in shown(page))
    assert "SAME DESK" in shown(page)
    press(page, "Look and decide")
    sheet = panel.sheet
    assert isinstance(sheet, ApproveSheet)
    qtbot.waitUntil(sheet.button.isEnabled, timeout=5_000)
    assert "Scope: global, and you see the same" in sheet.fields.text()
    assert not sheet.no.isEnabled()
    sheet.why_not.setText("One tenant is enough.")
    sheet.no.click()
    qtbot.waitUntil(lambda: count(stand, "approval.declined") == 1)
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert count(stand, "approval.given") == 0


def test_what_differs_is_named_field_by_field_and_cannot_be_approved(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    stand.ask(friend, "All of it is wrong.")
    stand.plane.generation, stand.plane.policy_hash = 4, "f" * 64
    qtbot.waitUntil(panel.alarms.isVisible)
    panel.on_action("switches.approve")
    qtbot.waitUntil(lambda: isinstance(panel.sheet, ApproveSheet))
    sheet: Any = panel.sheet
    qtbot.waitUntil(lambda: "asked for 1; you see 4" in sheet.differs.text())
    assert "DIFFERS, Rules" in sheet.differs.text()
    assert "(generation, rules)" in sheet.unmet
    assert not sheet.button.isEnabled()


def test_my_own_request_counts_down_and_is_withdrawn(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.second.button.click()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: count(stand, "approval.requested") == 1)
    made.disarm()
    page = open_waiting(panel, qtbot)
    qtbot.waitUntil(lambda: "ASKED FOR BY YOU" in shown(page))
    press(page, "Withdraw")
    form = panel._overlay.page
    assert isinstance(form, WithdrawSheet)
    form.button.click()
    assert "Write why" in form.trouble.text()
    form.text.setText("It stopped by itself.")
    form.button.click()
    qtbot.waitUntil(lambda: count(stand, "approval.withdrawn") == 1)
    qtbot.waitUntil(lambda: "Nothing waits for you" in shown(panel._overlay.page))


def test_a_declined_request_is_said_on_the_sheet_that_asked(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    from console.actions.approvals import decline_approval

    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    second = made.form.second
    assert second is not None
    second.button.click()
    qtbot.waitUntil(lambda: second.state.startswith("asked, 9:5"))
    request = stand.desk.query(lambda r: r.value("SELECT event_id FROM timeline WHERE type = 'approval.requested'"))
    now = stand.desk.settings.clock()
    stand.desk.act(decline_approval, stand.incident, request, "Too wide.", actor=friend, now=now).result(5)
    qtbot.waitUntil(lambda: second.state == "DECLINED")
    assert second.button.isEnabled()
    assert "second_person" in gates(made)


def test_an_automatic_stop_is_drawn_as_such_and_taken_over(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    stand.stopped()
    stand.tripped(stand.incident)
    first = panel._cards[0]
    qtbot.waitUntil(lambda: "AUTOMATIC" in first.accessibleName())
    assert "cost_runaway, owner incident commander, taken over within 24:5" in first.accessibleName()
    first.take_button.click()
    form = panel._overlay.page
    assert isinstance(form, SettleSheet)
    form.text.setText("The budget was spent by a loop.")
    form.button.click()
    qtbot.waitUntil(lambda: count(stand, "breaker.taken_over") == 1)
    qtbot.waitUntil(lambda: panel._overlay.page is None)
    qtbot.waitUntil(lambda: "taken over by a person" in first.accessibleName())
    assert first.take_button.isHidden()
    assert stand.fired == 0


def test_a_stop_without_a_reason_is_owed_one(panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    from tests.fakes import hands

    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled, timeout=5_000)
    hands.press_twice(made.form.button)
    qtbot.waitUntil(lambda: stand.counted("command") == 1)
    command_id = stand.command_id()
    stand.tell(
        "switch.acknowledged", switch=SWITCH, target="tenant.borealis", want="stopped", command_id=command_id,
        generation=1, acknowledged_at=stand.now_text(),
    )  # fmt: skip
    qtbot.waitUntil(lambda: not made._locked, timeout=3_000)
    made.disarm()
    page = open_waiting(panel, qtbot)
    qtbot.waitUntil(lambda: "no reason yet" in page._rows[-1].accessibleName())
    press(page, "Give the reason of a stop")
    form = panel._overlay.page
    assert isinstance(form, SettleSheet)
    form.text.setText("Grounding fell.")
    form.button.click()
    qtbot.waitUntil(lambda: count(stand, "switch.reasoned") == 1)


def test_the_glass_may_be_broken_only_while_some_are_left(dressed: Theme, qtbot: Any) -> None:
    box = SecondBox(dressed, may_break=True)
    qtbot.addWidget(box)
    box.glass.setText("Nobody else is here.")
    for left, visible, reason in ((None, False, ""), (0, True, ""), (2, True, "Nobody else is here.")):
        box.show_glass(left, 3)
        assert (not box.glass.isHidden(), box.break_glass) == (visible, reason)
    assert "2 of 3 left within the hour" in box.glass.accessibleDescription()


def test_a_switch_is_found_by_typing(panel: SwitchesPanel, qtbot: Any) -> None:
    panel.on_action("switches.find")
    assert panel.window().focusWidget() is panel.list.typed
    every = len([card for card in panel._cards if not card.isHidden()])
    assert every > 15
    QTest.keyClicks(panel.list.typed, "global ai")
    assert [card.reach.switch for card in panel._cards if not card.isHidden()] == ["FF_GLOBAL_AI"]
    QTest.keyClick(panel.list.typed, Qt.Key.Key_Return)
    assert panel.sheet is None  # Enter goes to the card and opens nothing
    panel.list.typed.setFocus()
    QTest.keyClick(panel.list.typed, Qt.Key.Key_Escape)
    assert len([card for card in panel._cards if not card.isHidden()]) == every


def test_the_capability_page_says_who_enforces_and_what_is_by_hand(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    panel.on_action("switches.look")
    qtbot.waitUntil(lambda: stand.counted("observation") == 1)
    panel.on_action("switches.capability")
    qtbot.waitUntil(lambda: isinstance(panel._overlay.page, CapabilityPage))
    page: CapabilityPage = panel._overlay.page
    qtbot.waitUntil(lambda: page.tree.topLevelItemCount() == len(stand.frame.policy.switches.switches))
    page.typed.setText("FF_TENANT_BLOCK borealis")
    top = next(one for n in range(99) if (one := page.tree.topLevelItem(n)) is not None and not one.isHidden())
    cells = [top.child(0).text(column) for column in range(4)]
    assert cells[:2] == ["tenant.borealis", "simulator"]
    assert "\u25b2 NOT can be read back" in cells[2]
    assert "no kill yet" in cells[3]
    QTest.keyClick(page, Qt.Key.Key_Escape)
    assert panel._overlay.page is None


@pytest.mark.parametrize("page", ["list", "sheet", "waiting", "capability", "approve", "find"])
def test_every_control_of_every_page_has_a_name_and_a_key(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any, page: str
) -> None:
    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    stand.ask(friend, "All of it is wrong.")
    qtbot.waitUntil(panel.alarms.isVisible)
    if page == "sheet":
        sheet(WIDE)
    elif page != "list":
        panel.on_action(f"switches.{page}")
        qtbot.waitUntil(lambda: bool(panel._overlay.page or panel.sheet or page == "find"))
    assert unnamed(panel) == []
    assert unreachable(panel) == []


def test_tab_walks_a_sheet_in_the_order_in_which_it_is_read(sheet: Open, qtbot: Any) -> None:
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.typed.setText("range")
    second = made.form.second
    assert second is not None
    second.glass.setText("Nobody else can be reached.")
    qtbot.waitUntil(made.form.button.isEnabled, timeout=5_000)
    made.form.reason.setFocus()
    walked: list[QWidget | None] = [made.window().focusWidget()]
    for _ in range(6):
        at = walked[-1]
        assert at is not None
        QTest.keyClick(at, Qt.Key.Key_Tab)
        walked.append(made.window().focusWidget())
    form = made.form
    assert walked == [
        form.reason, form.typed, second.button, second.glass, form.button, form._again, form._cancel,
    ]  # fmt: skip
    places = [widget.mapTo(made, widget.rect().topLeft()) for widget in walked[:4] if widget is not None]
    assert [point.y() for point in places] == sorted(point.y() for point in places)
    lines = [one.label for one in form.reach.lines]
    assert lines[0] == "Irreversible effects"
    assert "Regulated: " in form.reach.accessibleName()

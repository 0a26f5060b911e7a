"""The sheet: what it asks for, what it refuses, and that its target is the one it was opened on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QWidget

from console.actions.approvals import give_approval
from console.ui.switches import SwitchesPanel
from console.ui.switches.sheet import ConfirmSheet
from tests.fakes import hands
from tests.fakes.switch_stand import OFFLINE, SECOND, SECURITY, SWITCH, TARGET, SwitchStand

Open = Callable[..., ConfirmSheet]
WIDE = "FF_GLOBAL_AI"


def gates(made: ConfirmSheet) -> list[str]:
    return [gate.gate for gate in made.unmet]


def press_twice(made: ConfirmSheet, qtbot: Any) -> None:
    qtbot.waitUntil(made.form.button.isEnabled, timeout=5_000)
    hands.press_twice(made.form.button)


def test_one_key_opens_the_smallest_reversible_stop_armed(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    panel.on_action("switches.hold")
    made = panel.sheet
    assert isinstance(made, ConfirmSheet)
    assert (made.armed.switch.id, made.armed.target, made.armed.want) == (SWITCH, TARGET, "stopped")
    qtbot.waitUntil(lambda: gates(made) == [])
    assert stand.plane.asked == [(SWITCH, TARGET, "stopped")]
    assert stand.fired == 0


def test_a_narrow_stop_goes_out_by_a_second_press(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    made = sheet()
    press_twice(made, qtbot)
    qtbot.waitUntil(lambda: stand.counted("command") == 1)
    assert stand.counted("timeline", "type = 'switch.confirmed'") == 1
    qtbot.waitUntil(lambda: made.receipt.state == "authorised")
    order = stand.desk.query(lambda r: r.row("SELECT switch, target, want, state FROM command"))
    assert order == {"switch": SWITCH, "target": TARGET, "want": "stopped", "state": "authorised"}
    qtbot.waitUntil(lambda: any("apture" in n.sentence for n in stand.frame.notices.waiting), timeout=5_000)


def test_by_space_held_for_a_second(panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    made.form.button.setFocus()
    QTest.keyPress(made.form.button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: made.is_fired, timeout=3_000)
    QTest.keyRelease(made.form.button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: stand.fired == 2)


def test_a_reflex_enter_confirms_nothing_anywhere_on_the_sheet(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    for widget in (made, made.form.reason, made.form.typed, made.form.button):
        widget.setFocus()
        for _ in range(3):
            QTest.keyClick(widget, Qt.Key.Key_Return)
            hands.keys_at_rest(qtbot)
    assert not made.is_fired
    assert stand.fired == 0


def test_the_name_is_typed_exactly_or_pasted(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet(WIDE)
    for wrong in ("", "Range", "range ", " range", "rang", "ränge", "range\u200b", "borealis"):
        made.form.typed.setText(wrong)
        assert "typed_name" in gates(made), wrong
    QApplication.clipboard().setText("range")
    made.form.typed.clear()
    made.form.typed.paste()
    assert "typed_name" not in gates(made)


def test_choosing_something_else_never_changes_an_open_sheet(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    other = stand.outside.open_incident(target="tenant.cascade", title="Another one")
    made = sheet()
    stand.frame.selection.choose_target("tenant.dunmore")
    stand.frame.selection.choose_incident(other, "tenant.cascade")
    qtbot.waitUntil(lambda: panel._board is not None and panel._board.incident == other)
    assert panel.sheet is made
    for action in ("switches.hold", "switches.throw", "switches.restore"):
        panel.on_action(action)
    assert panel.sheet is made
    press_twice(made, qtbot)
    qtbot.waitUntil(lambda: stand.counted("command") == 1)
    row = stand.desk.query(lambda r: r.row("SELECT incident, target FROM command"))
    assert row == {"incident": stand.incident, "target": TARGET}


def test_an_armed_target_cannot_be_changed(sheet: Open) -> None:
    made = sheet()
    with pytest.raises(AttributeError):
        made.armed.want = "running"  # type: ignore[misc]


def test_numbers_older_than_a_minute_are_refused_until_looked_at_again(
    stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    stand.plane.age_s = 61
    made = sheet()
    assert gates(made) == ["stale"]
    assert not made.form.button.isEnabled()
    stand.plane.age_s = 1
    made.form.look_again.emit()
    qtbot.waitUntil(lambda: gates(made) == [])


def test_what_was_seen_before_is_forgotten_while_looking_again(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    stand.plane.hold = True
    made.form.look_again.emit()
    assert gates(made) == ["preview"]
    assert not made.form.button.isEnabled()
    made.form.look_again.emit()
    stand.bridge.let_go()
    qtbot.waitUntil(lambda: gates(made) == [])


def test_escape_disarms_and_nothing_can_fire_afterwards(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    made.form.button.setFocus()
    QTest.mouseClick(made.form.button, Qt.MouseButton.LeftButton)
    QTest.keyClick(made.form.button, Qt.Key.Key_Escape)
    assert panel.sheet is None
    stand.desk.act(lambda _: None).result(5)  # everything that was begun is done
    assert stand.fired == 0


def test_the_sheet_says_which_keys_confirm_from_where_the_focus_is(sheet: Open, qtbot: Any) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    made.form.button.setFocus()
    made._judge()
    assert made.form.gates_text == "Every gate is met. Hold Space for one second, or press it twice."
    made.form.reason.setFocus()
    made._judge()
    assert "Tab goes to the button" in made.form.gates_text
    assert "name" not in made.form.gates_text  # there is no name to type


def test_a_reason_comes_back_and_the_typed_name_does_not(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.typed.setText("range")
    made.disarm()
    again = sheet(WIDE)
    qtbot.waitUntil(lambda: again.form.reason.toPlainText() == "Everything is wrong.")
    assert again.form.typed.text() == ""
    again.disarm()
    other = sheet()
    stand.desk.act(lambda _: None).result(5)
    assert other.form.reason.toPlainText() == ""


def test_a_wide_stop_asks_for_everything_and_shows_it_live(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet(WIDE)
    assert gates(made) == ["reason", "typed_name", "dwell", "second_person"]
    for gate in made.unmet:
        assert gate.sentence in made.form.gates_text
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.typed.setText("range")
    assert "Write the reason" not in made.form.gates_text
    qtbot.waitUntil(lambda: gates(made) == ["second_person"], timeout=4_000)
    assert made.form.numbers.visible_ms >= 1_500
    second = made.form.second
    assert second is not None
    second.glass.setText("Nobody else can be reached and it goes on.")
    assert gates(made) == []


def test_the_second_person_s_signature_looks_again_and_opens_the_gate(
    stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.typed.setText("range")
    second = made.form.second
    assert second is not None
    qtbot.mouseClick(second.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: second.state.startswith("asked, 9:5"))
    request = stand.desk.query(lambda r: r.value("SELECT event_id FROM timeline WHERE type = 'approval.requested'"))
    looks = len(stand.plane.asked)
    seen = made._look.preview  # type: ignore[union-attr]
    now = stand.desk.settings.clock()
    stand.desk.act(give_approval, stand.incident, request, friend, now, preview=seen).result(5)
    qtbot.waitUntil(lambda: second.state == "approved")
    qtbot.waitUntil(lambda: len(stand.plane.asked) == looks + 1)
    qtbot.waitUntil(lambda: gates(made) == [], timeout=4_000)
    press_twice(made, qtbot)
    qtbot.waitUntil(lambda: stand.counted("command") == 1)
    canon = stand.desk.query(lambda r: r.value("SELECT order_canon FROM command"))
    assert '"person":"second@example.org"' in canon
    assert '"same_desk":true' in canon


def test_an_approval_of_what_moved_meanwhile_opens_nothing(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    friend = stand.certify("second@example.org", SECOND, "sre_on_call")
    made = sheet(WIDE)
    made.form.reason.setPlainText("Everything is wrong.")
    made.form.second.button.click()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: stand.counted("timeline", "type = 'approval.requested'") == 1)
    request = stand.desk.query(lambda r: r.value("SELECT event_id FROM timeline WHERE type = 'approval.requested'"))
    stand.plane.generation = 2
    seen, now = made._look.preview, stand.desk.settings.clock()  # type: ignore[union-attr]
    stand.desk.act(give_approval, stand.incident, request, friend, now, preview=seen).result(5)
    qtbot.waitUntil(lambda: len(stand.plane.asked) == 2)
    qtbot.waitUntil(lambda: made._look is not None and made._look.preview.generation == 2)
    assert "second_person" in gates(made)


def test_a_restore_lists_its_criteria_and_what_proves_them(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    from console.actions.recovery import sign_criterion

    stand.stopped()
    stand.plane.state = "stopped"
    security = stand.certify("sec@example.org", SECURITY, "security_lead")
    made = sheet(want="running")
    criteria = made.form.criteria
    assert criteria is not None
    missing = {"criterion:compliance_sign_off", "criterion:behaviour_validation"}
    assert missing <= set(gates(made))
    run = stand.tell("validation.measured", target=TARGET, cases=100, passed=97, measured_at=stand.now_text())
    qtbot.waitUntil(lambda: criteria.cited == {"behaviour_validation": (run,)})
    criteria.ask.emit("compliance_sign_off")
    qtbot.waitUntil(lambda: stand.counted("timeline", "type = 'criterion.requested'") == 1)
    stand.desk.act(
        sign_criterion, stand.incident, catalogue=stand.frame.policy.switches, switch=SWITCH, target=TARGET,
        criterion="compliance_sign_off", evidence=[run], statement="Gone through.", actor=security,
        now=stand.desk.settings.clock(),
    ).result(5)  # fmt: skip
    qtbot.waitUntil(lambda: missing & set(gates(made)) == set())
    assert "unsent" in gates(made)  # the plane goes by its own journal
    signed = made.form.criteria.cited["compliance_sign_off"][0]  # type: ignore[union-attr]
    sent = stand.desk.query(lambda reader: reader.event(signed))
    stand.outside.send(sent)
    made.form.reason.setPlainText("Mended.")
    made.form.typed.setText("borealis")
    qtbot.waitUntil(lambda: gates(made) == [], timeout=4_000)
    press_twice(made, qtbot)
    qtbot.waitUntil(lambda: stand.counted("command", "want = 'running'") == 1)


def test_offline_it_is_refused_with_the_card_and_the_deed_is_noted(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    stand.bridge.set_link(OFFLINE)
    panel.on_action("switches.hold")
    made = panel.sheet
    assert isinstance(made, ConfirmSheet)
    assert made.fallback is not None
    shown = " ".join(label.text() for label in made.fallback.findChildren(QLabel))
    assert stand.frame.policy.switches.switch(SWITCH).fallback in shown
    assert stand.plane.asked == []
    qtbot.mouseClick(made.fallback.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: stand.counted("timeline", "type = 'note.added'") == 1)
    assert stand.fired == 0


def test_going_offline_closes_the_gate_of_an_open_sheet(stand: SwitchStand, sheet: Open, qtbot: Any) -> None:
    made = sheet()
    qtbot.waitUntil(made.form.button.isEnabled)
    stand.bridge.set_link(OFFLINE)
    assert gates(made) == ["offline"]
    assert not made.form.button.isEnabled()


def test_the_sheet_locks_for_a_second_after_it_fired(
    panel: SwitchesPanel, stand: SwitchStand, sheet: Open, qtbot: Any
) -> None:
    made = sheet()
    press_twice(made, qtbot)
    made.disarm()
    assert panel.sheet is made
    qtbot.waitUntil(lambda: stand.counted("command") == 1)
    qtbot.waitUntil(lambda: not made._locked, timeout=3_000)
    made.disarm()
    assert panel.sheet is None


def test_every_control_has_a_name_and_a_way_by_tab(sheet: Open, qtbot: Any) -> None:
    made = sheet(WIDE)
    reached: list[QWidget] = []
    at: QWidget = made.form.reason
    for _ in range(40):
        reached.append(at)
        at = at.nextInFocusChain()
        if at is made.form.reason:
            break
    wanted = [made.form.typed, made.form.second.button, made.form.second.glass, made.form.button]  # type: ignore[union-attr]
    places = [reached.index(widget) for widget in wanted]
    assert places == sorted(places)
    for widget in [*wanted, made.form.reason]:
        assert widget.accessibleName() or widget.property("text")
    assert isinstance(made.form.reason, QPlainTextEdit)

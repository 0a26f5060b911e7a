"""The incident page at the keyboard: the next step, the letters, what is blocked and why, what changes meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from console.domain.incident import STATES
from console.queries.incidents import incident
from console.ui.actions_table import ACTIONS
from console.ui.frame import Frame
from console.ui.incident import IncidentPanel
from console.ui.incident.actions_view import ROWS
from console.ui.incident.close_sheet import CloseSheet
from console.ui.incident.panel import NEXT
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import COMMANDER, new_incident
from tests.fakes.story import STOP, Story

HOSTILE = "<b>bold</b><img src='http://x/y.png'> \u202egnp.exe\u200b " + "A" * 900


def wait_for(panel: IncidentPanel, qtbot: Any, action: str) -> None:
    """Until the next step is that one, has been read, and has been on the screen long enough to be believed."""
    qtbot.waitUntil(lambda: panel.standing is not None and panel.standing.step.action_id == action)
    qtbot.waitUntil(lambda: not panel._is_reflex() and not panel._doing.busy)


def facts(outside: Outside, story: Story) -> Any:
    return outside.desk.query(incident, story.incident).facts


def press(panel: IncidentPanel, key: Any) -> None:
    QTest.keyClick(QApplication.focusWidget() or panel, key)


def test_the_next_step_is_large_and_done_by_f8_one_after_another(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    assert panel.page.next.sentence.text() == "Acknowledge it"
    wait_for(panel, qtbot, "incident.acknowledge")
    panel.on_action(NEXT)
    wait_for(panel, qtbot, "incident.take_command")
    panel.on_action(NEXT)
    wait_for(panel, qtbot, "incident.grade")
    known = facts(outside, story)
    assert (bool(known.acknowledged), known.commander) == (True, COMMANDER.person)
    panel.on_action(NEXT)
    assert panel.sheet is not None
    qtbot.waitUntil(lambda: QApplication.focusWidget() is panel.sheet.button)
    press(panel, Qt.Key.Key_Return)
    with qtbot.waitSignal(panel.action_wanted) as wanted:
        wait_for(panel, qtbot, "switches.hold")
        panel.on_action(NEXT)
    assert wanted.args == ["switches.hold"]
    assert panel.sheet is None


def test_a_second_f8_at_once_does_nothing_that_was_not_on_the_screen(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    wait_for(panel, qtbot, "incident.acknowledge")
    for _ in range(5):
        panel.on_action(NEXT)
    wait_for(panel, qtbot, "incident.take_command")
    events = [event.envelope.type for event in outside.desk.query(lambda reader: reader.events(story.incident))]
    assert events == ["incident.opened", "incident.acknowledged"]


def test_letters_do_it_while_the_page_has_the_focus(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    QTest.keyClick(panel, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: bool(facts(outside, story).acknowledged))
    wait_for(panel, qtbot, "incident.take_command")
    QTest.keyClick(panel, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: facts(outside, story).commander == COMMANDER.person)
    wait_for(panel, qtbot, "incident.grade")
    QTest.keyClick(panel, Qt.Key.Key_G)
    assert panel.sheet is not None


def test_a_held_letter_is_one_press(panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any) -> None:
    none = Qt.KeyboardModifier.NoModifier
    QTest.keyClick(panel, Qt.Key.Key_A)
    wait_for(panel, qtbot, "incident.take_command")
    for _ in range(5):
        QApplication.sendEvent(panel, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_C, none, "c", autorep=True, count=1))
    assert not facts(outside, story).commander


def test_what_is_blocked_keeps_its_button_and_says_why(
    panel: IncidentPanel, frame: Frame, story: Story, qtbot: Any
) -> None:
    said: list[Any] = []
    frame.notices.take()
    frame.notices.said.connect(said.append)
    close = panel.page.deeds.buttons["incident.close"]
    assert close.isEnabled()
    assert "Nothing was contained yet" in panel.page.deeds.reasons["incident.close"].text()
    close.click()
    qtbot.waitUntil(lambda: any("No evidence is sealed" in notice.sentence for notice in said))
    assert panel.sheet is None
    for action, _, _ in ROWS:
        state = panel.action_state(action)
        assert state == "" or state.endswith("."), action


def test_the_lifecycle_shows_seven_steps_and_what_blocks_each_once(
    panel: IncidentPanel, story: Story, qtbot: Any
) -> None:
    steps = panel.page.lifecycle.steps
    assert tuple(steps) == STATES
    texts = "\n".join(step.missing.text() for step in steps.values())
    assert texts.count("No stop was seen to take effect") == 1
    assert "No mitigation was validated" in steps["mitigated"].missing.text()
    story.up_to("stopped")
    qtbot.waitUntil(steps["contained"].button.isVisible)
    assert not steps["mitigated"].button.isVisible()
    steps["contained"].button.click()
    qtbot.waitUntil(lambda: "UTC" in steps["contained"].when.text())
    assert not steps["contained"].button.isVisible()


def test_it_is_closed_by_following_the_screen(panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any) -> None:
    story.up_to("sealed")
    story.validated()
    wait_for(panel, qtbot, "incident.enter_state")
    panel.on_action(NEXT)
    wait_for(panel, qtbot, "incident.request_criterion")
    panel.on_action(NEXT)
    wait_for(panel, qtbot, "view.timeline")
    assert "WAIT" in panel.page.next.caption.text()
    story.signed()
    wait_for(panel, qtbot, "switches.restore")
    story.observed("running")
    story.lamps("normal", "normal")
    for _ in range(2):
        wait_for(panel, qtbot, "incident.enter_state")
        before = facts(outside, story).state
        panel.on_action(NEXT)
        qtbot.waitUntil(lambda before=before: facts(outside, story).state != before)
        qtbot.waitUntil(lambda before=before: panel.standing.page.facts.state != before)
    story.exported()
    wait_for(panel, qtbot, "incident.request_review")
    panel.on_action(NEXT)
    assert panel.sheet is not None
    panel.sheet.button.click()
    wait_for(panel, qtbot, "view.timeline")
    story.reviewed()
    wait_for(panel, qtbot, "incident.close")
    panel.on_action(NEXT)
    sheet = panel.sheet
    assert isinstance(sheet, CloseSheet)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is sheet.words)
    QTest.keyClicks(sheet.words, "One tenant got answers without grounds. Mended.")
    press(panel, Qt.Key.Key_Tab)
    press(panel, Qt.Key.Key_Return)
    wait_for(panel, qtbot, "view.board")
    assert facts(outside, story).state == "closed"
    assert panel.page.lifecycle.steps["resolved"].when.text() == "never entered"
    assert "UTC" in panel.page.lifecycle.steps["closed"].when.text()


def test_a_step_for_another_panel_chooses_the_target_and_asks_for_it(
    panel: IncidentPanel, frame: Frame, story: Story, qtbot: Any
) -> None:
    story.up_to("concluded")
    wait_for(panel, qtbot, "switches.throw")
    frame.selection.choose_target("tenant.cascade")
    with qtbot.waitSignal(panel.action_wanted) as wanted:
        panel.on_action(NEXT)
    assert wanted.args == ["switches.throw"]
    assert frame.selection.target == STOP.partition(" ")[2]


def test_every_action_of_the_page_is_in_the_table() -> None:
    known = {spec.id: spec for spec in ACTIONS}
    for action, _, key in ROWS:
        assert known[action].panel == "incident"
        assert len(key) == 1


def test_choosing_another_incident_leaves_the_sheet_and_shows_the_other(
    panel: IncidentPanel, frame: Frame, story: Story, outside: Outside, qtbot: Any
) -> None:
    panel.on_action("incident.grade")
    assert panel.sheet is not None
    other = outside.open_incident(title="Another one", severity="SEV-3")
    frame.selection.choose_incident(other)
    assert panel.sheet is None
    qtbot.waitUntil(lambda: panel.page.head.title.text() == "Another one")
    frame.selection.choose_incident(new_incident(4711))
    qtbot.waitUntil(lambda: "not in this record" in panel.nothing.text())
    frame.selection.choose_incident("")
    qtbot.waitUntil(lambda: "No incident is chosen" in panel.nothing.text())
    assert panel.action_state("incident.close").startswith("No incident is chosen")


def test_hidden_it_only_remembers_and_acts_on_what_it_reads_then(
    panel: IncidentPanel, story: Story, outside: Outside, qtbot: Any
) -> None:
    panel.hide()
    story.acknowledged()
    qtbot.waitUntil(lambda: panel.loading.stale)
    assert panel.standing is not None
    assert panel.standing.step.action_id == "incident.acknowledge"
    panel.on_action(NEXT)
    qtbot.waitUntil(lambda: facts(outside, story).commander == COMMANDER.person)
    panel.show()
    qtbot.waitUntil(lambda: panel.standing.step.action_id == "incident.grade")


def test_hostile_text_is_shown_as_text_everywhere(
    panel: IncidentPanel, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    other = outside.open_incident(title=HOSTILE, target=HOSTILE, severity=HOSTILE, **{"class": HOSTILE})
    hostile = panel_story(outside, other)
    hostile.acknowledged()
    hostile.from_desk("role.taken", role="incident_commander", person=HOSTILE)
    hostile.graded(HOSTILE, scope=HOSTILE, urgency=HOSTILE, escalators=[HOSTILE])
    hostile.concluded(f"{HOSTILE} {HOSTILE}")
    hostile.observed("stopped", switch=HOSTILE, target=HOSTILE)
    hostile.entered(HOSTILE)
    hostile.from_desk("review.requested", of=HOSTILE)
    frame.selection.choose_incident(other)
    qtbot.waitUntil(lambda: panel.standing is not None and panel.standing.page.row.incident == other)
    for width in (396, 1366):
        panel.resize(width, 600)
        assert not panel.grab().isNull()
        assert panel.width() == width
    for action in ("incident.grade", "incident.assign_role", "incident.take_command"):
        panel.on_action(action)
        qtbot.waitUntil(lambda: panel.sheet is not None)
        assert not panel.grab().isNull()
        for label in panel.findChildren(QLabel):
            assert label.textFormat() == Qt.TextFormat.PlainText
            assert "\u202e" not in label.text()
            assert "\u200b" not in label.text()
        panel.sheet.left.emit()


def panel_story(outside: Outside, incident_id: str) -> Story:
    return Story(lambda work: outside.desk.act(work).result(10), outside.send, outside.root, outside.plane, incident_id)


@pytest.mark.parametrize("action", ["", "incident.grade", "incident.assign_role", "incident.request_review"])
def test_every_control_has_a_name(panel: IncidentPanel, story: Story, qtbot: Any, action: str) -> None:
    if action:
        story.up_to("exported")
        wait_for(panel, qtbot, "incident.request_review")
        panel.on_action(action)
    for widget in panel.findChildren(QWidget):
        if isinstance(widget, QAbstractButton) or widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found = QAccessible.queryAccessibleInterface(widget)
            assert found.text(QAccessible.Text.Name), (type(widget), widget.objectName())


@pytest.mark.parametrize("name", ["dark", "light", "high_contrast"])
def test_it_paints_in_every_theme_at_every_size(panel: IncidentPanel, frame: Frame, name: str) -> None:
    frame.theme.use(name)
    for size in ((300, 200), (396, 420), (1366, 640)):
        panel.resize(*size)
        assert not panel.grab().isNull()
        assert (panel.width(), panel.height()) == size
    frame.theme.use("dark")

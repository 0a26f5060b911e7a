"""The board at the keyboard: open, search, filter, go on; changes while looking, while hidden and while frozen."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from console.ui.board import BoardPanel
from console.ui.frame import Frame
from tests.fakes.desk_frame import Outside, populate

HOSTILE = "<b>bold</b><img src='http://x/y.png'> \u202egnp.exe\u200b " + "A" * 900


@pytest.fixture
def panel(frame: Frame, outside: Outside, qtbot: Any) -> BoardPanel:
    populate(outside, 25)
    made = BoardPanel(frame)
    qtbot.addWidget(made)
    made.resize(1200, 600)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(lambda: made.model.rowCount() == 25)
    qtbot.waitUntil(lambda: not made._changed and not made._gathering.isActive())
    made.table.setFocus()
    return made


def titles(panel: BoardPanel) -> list[str]:
    lines = (panel.model.line(row) for row in range(panel.model.rowCount()))
    return [line.texts[2] if line else "" for line in lines]


def press(key: Any, *modifier: Any) -> None:
    widget = QApplication.focusWidget()
    assert widget is not None
    QTest.keyClick(widget, key, *modifier)


def test_the_gravest_is_first_and_under_the_cursor(panel: BoardPanel) -> None:
    assert titles(panel)[:2] == ["Incident 20", "Incident 15"]
    assert panel.current().row() == 0
    assert panel.count.text() == "25 incidents"


def test_enter_opens_the_incident_with_its_target(panel: BoardPanel, frame: Frame, qtbot: Any) -> None:
    press(Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.action_wanted) as wanted:
        press(Qt.Key.Key_Return)
    assert wanted.args == ["view.incident"]
    line = panel.model.line(1)
    assert line is not None
    assert (frame.selection.incident, frame.selection.target) == (line.incident, "tenant.borealis")


def test_a_target_that_is_unmapped_is_never_chosen(
    panel: BoardPanel, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    outside.open_incident(title="Unmapped", target="<script>", severity="SEV-0")
    qtbot.waitUntil(lambda: "Unmapped" in titles(panel))
    panel.table.selectRow(titles(panel).index("Unmapped"))
    press(Qt.Key.Key_Return)
    assert frame.selection.incident
    assert frame.selection.target == ""


def test_a_held_enter_opens_once(panel: BoardPanel, qtbot: Any) -> None:
    opened: list[str] = []
    panel.action_wanted.connect(opened.append)
    press(Qt.Key.Key_Return)
    for _ in range(5):
        held = QKeyEvent(
            QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", autorep=True, count=1
        )
        QApplication.sendEvent(panel.table, held)
    assert opened == ["view.incident"]


def test_the_search_by_keyboard_from_key_to_opened_incident(panel: BoardPanel, frame: Frame, qtbot: Any) -> None:
    panel.on_action("board.search")
    assert QApplication.focusWidget() is panel.search
    QTest.keyClicks(panel.search, "incident 7")
    qtbot.waitUntil(lambda: titles(panel) == ["Incident 7"])
    assert not panel.shown.isEnabled()
    press(Qt.Key.Key_Return)
    assert QApplication.focusWidget() is panel.table
    press(Qt.Key.Key_Return)
    assert frame.selection.incident
    press(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 25)
    assert panel.search.text() == ""


def test_typing_in_the_table_searches_instead_of_walking_through_a_million_rows(panel: BoardPanel, qtbot: Any) -> None:
    press(Qt.Key.Key_I)
    QTest.keyClicks(panel.search, "ncident 12")
    assert panel.search.text() == "incident 12"
    qtbot.waitUntil(lambda: titles(panel) == ["Incident 12"])


def test_nothing_found_is_said(panel: BoardPanel, qtbot: Any) -> None:
    panel.search.setText("zebrafish")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 0)
    assert panel.empty.isVisible()
    assert "Nothing was found" in panel.empty.text()
    QTest.keyClick(panel.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(panel.table.isVisible)


def test_filters_work_by_keyboard(panel: BoardPanel, qtbot: Any) -> None:
    panel.shown.setFocus()
    press(Qt.Key.Key_Down)
    press(Qt.Key.Key_Down)
    assert panel.shown.currentData() == "closed"
    qtbot.waitUntil(panel.empty.isVisible)
    assert "closed" in panel.empty.text()
    panel.shown.setCurrentIndex(0)
    panel.mildest.setCurrentIndex(panel.mildest.findData("SEV-1"))
    qtbot.waitUntil(lambda: panel.model.rowCount() == 10)
    panel.order.setCurrentIndex(panel.order.findData("oldest"))
    qtbot.waitUntil(lambda: titles(panel)[:1] == ["Incident 0"])


def test_a_new_incident_appears_and_the_cursor_stays_on_its_row(
    panel: BoardPanel, outside: Outside, qtbot: Any
) -> None:
    panel.table.selectRow(3)
    held = panel.model.line(3)
    outside.open_incident(title="Fresh", severity="SEV-0")
    qtbot.waitUntil(lambda: titles(panel)[0] == "Fresh")
    row = panel.current().row()
    assert (row, panel.model.line(row)) == (4, held)
    assert panel.count.text() == "26 incidents"


def test_frozen_it_stands_still_and_then_takes_everything_up(panel: BoardPanel, outside: Outside, qtbot: Any) -> None:
    panel.freeze(True)
    outside.open_incident(title="Fresh", severity="SEV-0")
    qtbot.waitUntil(lambda: bool(panel._changed))
    assert not panel._gathering.isActive()
    assert "Fresh" not in titles(panel)
    panel.freeze(False)
    qtbot.waitUntil(lambda: titles(panel)[0] == "Fresh")


def test_hidden_it_only_remembers(panel: BoardPanel, outside: Outside, qtbot: Any) -> None:
    panel.hide()
    outside.open_incident(title="Fresh", severity="SEV-0")
    qtbot.waitUntil(lambda: bool(panel._changed))
    assert not panel._gathering.isActive()
    panel.show()
    qtbot.waitUntil(lambda: titles(panel)[0] == "Fresh")


def test_very_many_changes_at_once_read_the_board_anew(panel: BoardPanel, outside: Outside, qtbot: Any) -> None:
    populate(outside, 100)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 125)


def test_every_control_has_a_name_and_its_turn(panel: BoardPanel, qtbot: Any) -> None:
    stops = [panel.search, panel.shown, panel.mildest, panel.order, panel.table]
    for widget in stops:
        found = QAccessible.queryAccessibleInterface(widget)
        assert found.text(QAccessible.Text.Name), widget
    order: list[QWidget] = []
    at: QWidget = panel.search
    while len(order) < 40:
        if at in stops:
            order.append(at)
        at = at.nextInFocusChain()
        if at is panel.search:
            break
    assert order == stops


def test_in_a_narrow_dock_the_title_stays_readable(panel: BoardPanel, qtbot: Any) -> None:
    panel.resize(396, 220)
    assert panel.table.columnWidth(2) >= 120
    assert panel.filter.isVisible()
    assert not panel.order.isVisible()
    panel.filter.setFocus()
    press(Qt.Key.Key_Space)
    assert panel.order.isVisible()
    assert panel.order.x() + panel.order.width() <= panel.width()
    panel.resize(1200, 600)
    assert panel.order.isVisible()
    assert not panel.filter.isVisible()


@pytest.mark.parametrize("name", ["dark", "light", "high_contrast"])
def test_hostile_lines_paint_in_every_theme(
    panel: BoardPanel, frame: Frame, outside: Outside, qtbot: Any, name: str
) -> None:
    outside.open_incident(title=HOSTILE, target=HOSTILE, severity="SEV-0")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 26)
    frame.theme.use(name)
    assert not panel.grab().isNull()
    frame.theme.use("dark")

"""The timeline: lines newest first, hostile text harmless, entries added with both times and corrected by new ones."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from console.actions.incidents import add_note
from console.queries.timeline import timeline_page, timeline_size
from console.ui.frame import Frame
from console.ui.timeline import TimelinePanel
from console.ui.timeline.model import WHAT
from tests.fakes.desk_frame import Outside

HOSTILE = "<b>bold</b> \u202egnp.exe\u2066 <img src=http://x> " + "x" * 5000


@pytest.fixture
def panel(qtbot: QtBot, frame: Frame, outside: Outside) -> TimelinePanel:
    incident = outside.open_incident(title="Grounding fell <i>x</i>")
    made = TimelinePanel(frame)
    qtbot.addWidget(made)
    made.resize(1000, 600)
    made.show()
    frame.selection.choose_incident(incident)
    qtbot.waitUntil(lambda: made.model.rowCount() == 1)
    return made


def what(panel: TimelinePanel, row: int) -> str:
    return str(panel.model.index(row, WHAT).data())


def add(qtbot: QtBot, panel: TimelinePanel, text: str, when: str = "") -> None:
    before = panel.model.rowCount()
    panel.text.setText(text)
    panel.when.setText(when)
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.model.rowCount() == before + 1)
    qtbot.waitUntil(lambda: what(panel, 0) != "–")


def test_the_model_keeps_the_rules_of_qt(panel: TimelinePanel, qtbot: QtBot) -> None:
    QAbstractItemModelTester(panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal, panel)
    add(qtbot, panel, "one more")
    assert what(panel, 0) == "one more"


def test_an_entry_keeps_when_it_happened_and_when_it_was_written(
    panel: TimelinePanel, qtbot: QtBot, frame: Frame
) -> None:
    add(qtbot, panel, "Called the provider by phone", "00:00")
    (row,) = frame.bridge.desk.query(timeline_page, frame.selection.incident, 0, 1)
    assert row.happened.endswith("00:00:00.000000Z")
    assert row.written > row.happened
    assert row.status == "pending"


@pytest.mark.parametrize("when", ["25:00", "tomorrow", "2026-01-01 10:00", "2126-01-01 10:00Z", "2026-02-30 10:00Z"])
def test_a_time_that_cannot_be_is_refused_and_the_text_kept(
    panel: TimelinePanel, qtbot: QtBot, frame: Frame, when: str
) -> None:
    panel.text.setText("kept")
    panel.when.setText(when)
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    assert panel.text.text() == "kept"
    assert frame.notices.waiting
    assert frame.bridge.desk.query(timeline_size, frame.selection.incident) == 1


def test_a_correction_is_a_new_entry_and_the_first_stays(panel: TimelinePanel, qtbot: QtBot) -> None:
    add(qtbot, panel, "It was tenant Cascade")
    panel.table.setCurrentIndex(panel.model.index(0, 0))
    assert panel.action_state("timeline.correct") == ""
    panel.on_action("timeline.correct")
    add(qtbot, panel, "It was tenant Borealis")
    qtbot.waitUntil(lambda: what(panel, 1) != "–")
    assert what(panel, 0) == "Correction: It was tenant Borealis"
    assert what(panel, 1) == "It was tenant Cascade"
    assert "corrected" in str(panel.model.index(1, 4).data())


def test_what_a_machine_wrote_cannot_be_corrected(panel: TimelinePanel) -> None:
    panel.table.setCurrentIndex(panel.model.index(0, 0))
    assert "person wrote" in panel.action_state("timeline.correct")


def test_hostile_text_is_shown_as_text(panel: TimelinePanel, qtbot: QtBot) -> None:
    add(qtbot, panel, HOSTILE.replace("\n", " "))
    shown = what(panel, 0)
    assert "<b>bold</b>" in shown
    assert "\u202e" not in shown
    assert len(shown) < 2000
    assert panel.whole.textFormat() == Qt.TextFormat.PlainText


def test_a_long_entry_scrolls_and_leaves_the_table_its_place(panel: TimelinePanel, qtbot: QtBot) -> None:
    add(qtbot, panel, "A" * 5_000)
    qtbot.waitUntil(lambda: "AAAA" in panel.whole.text())
    assert panel.width() == 1000
    assert panel.minimumSizeHint().width() <= 1000
    assert panel.table.height() > 2 * panel.entry.height()
    assert panel.entry.verticalScrollBar().maximum() > 0


def test_what_is_new_does_not_take_the_entry_that_is_read_away(
    panel: TimelinePanel, qtbot: QtBot, outside: Outside, frame: Frame
) -> None:
    for text in ("one", "two", "three"):
        add(qtbot, panel, text)
    panel.table.setCurrentIndex(panel.model.index(2, 0))
    qtbot.waitUntil(lambda: panel.whole.text().startswith("one"))
    incident, actor, now = frame.selection.incident, frame.session.actor(), frame.bridge.now()
    outside.desk.act(add_note, incident, "four", now, actor, now).result(10)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 5)
    qtbot.waitUntil(lambda: panel.whole.text().startswith("one"))
    assert panel.table.currentIndex().row() == 3
    panel.kind.setCurrentIndex(panel.kind.findData("notes"))
    qtbot.waitUntil(lambda: panel.model.rowCount() == 4)
    qtbot.waitUntil(lambda: panel.whole.text().startswith("four"))


def test_the_filter_shows_only_what_was_asked_for(panel: TimelinePanel, qtbot: QtBot) -> None:
    add(qtbot, panel, "a note")
    panel.kind.setCurrentIndex(panel.kind.findData("notes"))
    qtbot.waitUntil(lambda: panel.model.rowCount() == 1)
    qtbot.waitUntil(lambda: what(panel, 0) == "a note")


def test_without_an_incident_nothing_can_be_added(qtbot: QtBot, frame: Frame) -> None:
    panel = TimelinePanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.text.isEnabled()
    assert panel.action_state("timeline.add")

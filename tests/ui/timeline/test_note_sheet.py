"""Revising a note, and joining two texts that did not know of each other: by keyboard, with a person deciding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from console.actions.incidents import add_note
from console.actions.notes import revise_note
from console.domain.merging import OURS, THEIRS
from console.queries.conflicts import conflicts
from console.queries.drafts import drafts
from console.queries.notes import note_in_conflict, note_view
from console.ui.frame import Frame
from console.ui.timeline import TimelinePanel
from console.ui.timeline.comparing import KINDS
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import body_of
from tests.ui.accessible import unnamed

BASE, MINE, THEIRS_TEXT = "one\ntwo\nthree\nfour\nfive", "one\n2\nthree\nfour\nFIVE", "one\nzwei\nthree\nfour\nfive"
Siblings = Callable[..., str]


@pytest.fixture
def panel(frame: Frame, outside: Outside, qtbot: Any) -> TimelinePanel:
    made = TimelinePanel(frame)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    made.activateWindow()
    frame.selection.choose_incident(outside.open_incident())
    qtbot.waitUntil(lambda: made.model.rowCount() == 1)
    return made


@pytest.fixture
def siblings(frame: Frame, outside: Outside, panel: TimelinePanel) -> Siblings:
    """A note that this desk and another one gave different texts at once; returns its id."""

    def make(base: str = BASE, mine: str = MINE, theirs: str = THEIRS_TEXT) -> str:
        incident, actor, now = frame.selection.incident, frame.session.actor(), frame.bridge.now()
        note: str = outside.desk.act(add_note, incident, base, now, actor, now).result(10).events[-1]
        outside.desk.act(revise_note, incident, note, mine, [note], actor, now).result(10)
        body = body_of("note.revised", note=note, text=theirs, saw=[note])
        outside.send(outside.plane.write("note.revised", incident, body, actor="ben"))
        return note

    return make


def opened(panel: TimelinePanel, qtbot: Any, action: str = "timeline.join") -> Any:
    panel.on_action(action)
    qtbot.waitUntil(lambda: panel.sheet is not None and not panel.sheet._busy)
    return panel.sheet


def current(frame: Frame, note: str) -> Any:
    return frame.bridge.desk.query(note_view, frame.selection.incident, note)


def test_a_note_is_revised_and_the_first_text_stays(panel: TimelinePanel, frame: Frame, qtbot: Any) -> None:
    panel.text.setText("The index was switched")
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2 and panel.action_state("timeline.revise") == "")
    sheet = opened(panel, qtbot, "timeline.revise")
    assert unnamed(sheet) == []
    assert "Nothing is changed" in sheet.trouble.text()
    sheet.text.setPlainText("The index was switched to v41\nat 13:55")
    qtbot.keyClick(sheet.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert sheet.save.hasFocus()
    qtbot.keyClick(sheet.save, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.sheet is None and panel.model.rowCount() == 3)
    qtbot.waitUntil(lambda: panel.model.row(0) is not None and panel.model.row(1) is not None)
    first, second = panel.model.row(0), panel.model.row(1)
    assert first is not None
    assert second is not None
    assert (first.type, second.revised, second.sentence) == ("note.revised", True, "The index was switched")
    (side,) = current(frame, second.event_id).sides
    assert side.text == "The index was switched to v41\nat 13:55"
    assert not frame.bridge.desk.query(drafts, frame.selection.incident)


def test_two_texts_are_compared_decided_and_joined_by_keyboard(
    panel: TimelinePanel, frame: Frame, siblings: Siblings, qtbot: Any
) -> None:
    note = siblings()
    sheet = opened(panel, qtbot)
    QAbstractItemModelTester(sheet.model, QAbstractItemModelTester.FailureReportingMode.Fatal, sheet)
    kinds = [sheet.model.kind(row) for row in range(sheet.model.rowCount())]
    assert kinds == ["same", "before", "first", "second", "same", "same", *kinds[6:]]
    assert {"first leaves out", "first adds"} <= set(kinds) or {"second leaves out", "second adds"} <= set(kinds)
    assert all(len(KINDS[kind]) == 3 for kind in kinds)
    assert "1 place is open" in sheet.trouble.text()
    sheet.save.click()
    assert current(frame, note).base is not None  # nothing was saved while a place is open
    sheet.decide[THEIRS].click()
    assert OURS not in sheet.text.toPlainText()
    assert sheet.trouble.text() == ""
    assert sheet.text.toPlainText().split("\n")[-1] == "FIVE"  # what only one side changed needs nobody
    sheet.text.undo()
    assert OURS in sheet.text.toPlainText()
    sheet.decide[OURS].click()
    sheet.save.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert frame.bridge.desk.query(conflicts, frame.selection.incident) == ()
    (side,) = current(frame, note).sides
    assert side.text.split("\n")[0] == "one"


def test_a_half_joined_text_comes_back(panel: TimelinePanel, siblings: Siblings, qtbot: Any) -> None:
    siblings()
    sheet = opened(panel, qtbot)
    sheet.text.setPlainText("half joined")
    qtbot.keyClick(sheet.text, Qt.Key.Key_Escape)
    assert panel.sheet is None
    again = opened(panel, qtbot)
    qtbot.waitUntil(lambda: again.text.toPlainText() == "half joined")
    assert "draft" in again.hint.text()


def test_a_text_that_comes_meanwhile_is_said_and_stays_beside(
    panel: TimelinePanel, frame: Frame, outside: Outside, siblings: Siblings, qtbot: Any
) -> None:
    note = siblings()
    sheet = opened(panel, qtbot)
    body = body_of("note.revised", note=note, text="third", saw=[note])
    outside.send(outside.plane.write("note.revised", frame.selection.incident, body, actor="<i>cy</i>"))
    qtbot.waitUntil(lambda: "Meanwhile <i>cy</i>" in sheet.hint.text())
    sheet.text.setPlainText("joined")
    sheet.save.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert {side.text for side in current(frame, note).sides} == {"third", "joined"}
    assert frame.bridge.desk.query(note_in_conflict, frame.selection.incident).note == note


def test_hostile_texts_are_bounded_and_written_out(panel: TimelinePanel, siblings: Siblings, qtbot: Any) -> None:
    long = "A" * 12_000
    siblings(f"one\n{long}", f"\u202eone\n{long}", f"<b>one</b>\n{long}")
    sheet = opened(panel, qtbot)
    assert "\u202e" not in sheet.text.toPlainText()
    assert "written out" in sheet.hint.text()
    assert max(len(line) for line in sheet.text.toPlainText().split("\n")) <= 4_000
    shown = [str(sheet.model.index(row, 1).data()) for row in range(sheet.model.rowCount())]
    assert max(map(len, shown)) <= 400
    assert any("<b>one</b>" in line for line in shown)
    assert panel.minimumSizeHint().width() <= 420


def test_nothing_in_conflict_is_said(panel: TimelinePanel, frame: Frame, qtbot: Any) -> None:
    panel.on_action("timeline.join")
    qtbot.waitUntil(lambda: bool(frame.notices.waiting))
    assert panel.sheet is None

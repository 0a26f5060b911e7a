"""What is being typed is kept on the desk: through a crash, another panel and a closed window, and never leaves it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from console.policy import Policy
from console.queries.drafts import drafts
from console.queries.timeline import timeline_page, timeline_size
from console.runtime.desk import Desk, DeskSettings
from console.ui.bridge import Bridge
from console.ui.drafting import SAVE_MS, Draft
from console.ui.frame import Frame
from console.ui.incident import IncidentPanel
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.theme import Theme
from console.ui.timeline import TimelinePanel
from tests.fakes.desk_frame import DESK_KEY, Outside, make_session, populate
from tests.fakes.story import Story

PASTED = "a long story of what was seen " * 600


@pytest.fixture
def open_panel(frame: Frame, qtbot: Any) -> Callable[[str], TimelinePanel]:
    def opened(incident: str) -> TimelinePanel:
        panel = TimelinePanel(frame)
        qtbot.addWidget(panel)
        panel.resize(900, 500)
        panel.show()
        frame.selection.choose_incident(incident)
        qtbot.waitUntil(lambda: panel.model.rowCount() >= 1)
        return panel

    return opened


def kept(desk: Desk, incident: str) -> list[str]:
    return [draft.text for draft in desk.query(drafts, incident)]


def test_what_is_typed_is_kept_within_a_second_and_is_no_event(
    frame: Frame, outside: Outside, open_panel: Any, qtbot: Any
) -> None:
    incident = outside.open_incident()
    panel, desk = open_panel(incident), frame.bridge.desk
    before = desk.query(timeline_size, incident)
    assert SAVE_MS <= 1_000
    qtbot.keyClicks(panel.text, "Called the provider")
    qtbot.waitUntil(lambda: kept(desk, incident) == ["Called the provider"], timeout=1_500)
    assert desk.query(timeline_size, incident) == before
    assert desk.query(lambda reader: reader.value("SELECT count(*) FROM outbox")) == 0


def test_a_person_who_never_pauses_is_kept_as_well(frame: Frame, outside: Outside, open_panel: Any, qtbot: Any) -> None:
    incident = outside.open_incident()
    panel, letters = open_panel(incident), itertools.cycle("abc ")

    def types_on() -> bool:
        qtbot.keyClicks(panel.text, next(letters))
        return bool(kept(frame.bridge.desk, incident))

    qtbot.waitUntil(types_on, timeout=3_000)


def test_a_draft_belongs_to_its_incident_and_goes_with_the_entry(
    frame: Frame, outside: Outside, open_panel: Any, qtbot: Any
) -> None:
    one, other = populate(outside, 2)
    panel = open_panel(one)
    panel.text.setText("seen at one")
    panel.when.setText("00:01")
    frame.selection.choose_incident(other)
    assert (panel.text.text(), panel.when.text()) == ("", "")
    frame.selection.choose_incident(one)
    qtbot.waitUntil(lambda: (panel.text.text(), panel.when.text()) == ("seen at one", "00:01"))
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: kept(frame.bridge.desk, one) == [])
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2)
    assert panel.text.text() == ""
    assert frame.bridge.desk.query(timeline_page, one, 0, 1)[0].sentence == "seen at one"


def test_correcting_does_not_take_the_entry_that_is_being_written(
    frame: Frame, outside: Outside, open_panel: Any, qtbot: Any
) -> None:
    incident = outside.open_incident()
    panel = open_panel(incident)
    panel.text.setText("first")
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2 and panel._chosen_note() is not None)
    panel.text.setText("half an entry")
    panel.on_action("timeline.correct")
    assert panel.text.text() == "first"
    panel.text.setText("first, corrected")
    panel.on_action("timeline.add")
    qtbot.waitUntil(lambda: panel.text.text() == "half an entry")
    panel.on_action("timeline.correct")
    qtbot.waitUntil(lambda: panel.text.text() == "first, corrected")
    qtbot.keyClick(panel.text, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: panel.text.text() == "half an entry")
    qtbot.waitUntil(lambda: kept(frame.bridge.desk, incident) == ["half an entry"])


def test_a_new_window_over_the_same_store_shows_what_a_crash_left(
    tmp_path: Path, policy: Policy, dressed: Theme, qtbot: Any
) -> None:
    """The first desk is never told to stop before the second reads what the file holds: as after a kill -9."""
    parent = QObject()
    frame, desk = _window(tmp_path, policy, dressed, parent)
    outside = Outside(desk)
    outside.found()
    (incident,) = populate(outside, 1)
    frame.selection.choose_incident(incident)
    panel = TimelinePanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.keyClicks(panel.text, "they see it as well")
    qtbot.waitUntil(lambda: kept(desk, incident) == ["they see it as well"], timeout=1_500)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for file in (tmp_path / "store").rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            target = crashed / file.relative_to(tmp_path / "store")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    _close(frame, desk)
    again, second = _window(tmp_path, policy, dressed, parent, "crashed")
    again.selection.choose_incident(incident)
    restored = TimelinePanel(again)
    qtbot.addWidget(restored)
    restored.show()
    qtbot.waitUntil(lambda: restored.text.text() == "they see it as well")
    _close(again, second)
    parent.deleteLater()


def test_a_window_that_closes_keeps_the_last_keys(tmp_path: Path, policy: Policy, dressed: Theme, qtbot: Any) -> None:
    parent = QObject()
    frame, desk = _window(tmp_path, policy, dressed, parent)
    outside = Outside(desk)
    outside.found()
    (incident,) = populate(outside, 1)
    frame.selection.choose_incident(incident)
    panel = TimelinePanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.keyClicks(panel.text, "last words")
    panel.close()
    _close(frame, desk)
    again, second = _window(tmp_path, policy, dressed, parent)
    assert kept(second, incident) == ["last words"]
    _close(again, second)
    parent.deleteLater()


def test_closing_words_come_back_and_go_when_it_is_closed(frame: Frame, outside: Outside, qtbot: Any) -> None:
    story = Story(lambda work: outside.desk.act(work).result(10), outside.send, outside.root, outside.plane)
    story.certify()
    story.opened()
    story.up_to("reviewed")
    panel = IncidentPanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    frame.selection.choose_incident(story.incident, "tenant.borealis")
    qtbot.waitUntil(lambda: panel.standing is not None and not panel.loading.stale)
    panel.on_action("incident.close")
    sheet: Any = panel.sheet
    sheet.words.setPlainText("The index was")
    sheet.left.emit()
    qtbot.waitUntil(lambda: kept(outside.desk, story.incident) == ["The index was"])
    panel.on_action("incident.close")
    again: Any = panel.sheet
    qtbot.waitUntil(lambda: again.words.toPlainText() == "The index was")
    again.words.setPlainText("The index was switched back.")
    again.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None and kept(outside.desk, story.incident) == [])


@pytest.mark.parametrize("field_type", [QLineEdit, QPlainTextEdit])
def test_what_is_typed_while_the_draft_is_read_stands_behind_it(
    frame: Frame, outside: Outside, field_type: Any, qtbot: Any
) -> None:
    incident = outside.open_incident()
    first, second = field_type(), field_type()
    for field in (first, second):
        qtbot.addWidget(field)
    one = Draft(frame.bridge, first, "test")
    one.open(incident)
    qtbot.keyClicks(first, "kept")
    one.save()
    qtbot.waitUntil(lambda: kept(frame.bridge.desk, incident) == ["kept"])
    two = Draft(frame.bridge, second, "test")
    two.open(incident)
    qtbot.keyClicks(second, "x")
    shown = second.text if field_type is QLineEdit else second.toPlainText
    qtbot.waitUntil(lambda: shown() == "kept x")


def test_a_text_too_long_to_keep_is_said_once_and_stays(frame: Frame, outside: Outside, qtbot: Any) -> None:
    incident = outside.open_incident()
    field = QPlainTextEdit()
    qtbot.addWidget(field)
    draft = Draft(frame.bridge, field, "test")
    draft.open(incident)
    for more in ("", "x", "y"):
        field.setPlainText(PASTED * 6 + more)
        draft.save()
    qtbot.waitUntil(lambda: len(frame.notices.waiting) == 1 and not frame.bridge._asked)
    assert len(frame.notices.waiting) == 1
    assert len(field.toPlainText()) > 100_000


def _window(folder: Path, policy: Policy, theme: Theme, parent: QObject, name: str = "store") -> tuple[Frame, Desk]:
    notices = Notices(parent)
    bridge = Bridge(notices, parent)
    desk = Desk(DeskSettings(folder=folder / name, device_key=DESK_KEY, exercise=True, policy_hash=policy.hash))
    bridge.listen_to(desk)
    desk.start()
    bridge.attach(desk)
    return Frame(bridge, make_session(), Selection(parent), theme, notices, policy), desk


def _close(frame: Frame, desk: Desk) -> None:
    frame.bridge.close()
    desk.stop()
    frame.bridge.join()

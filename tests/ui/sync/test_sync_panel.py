"""The sync page: what waits for a person comes first, each thing can be done by keyboard, and quiet is said plainly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import Qt

from console.domain.rejection import ASK_COMMANDER, EXPORT, WRITE_AGAIN
from console.queries.sync_state import sync_counts
from console.store.receipts import set_aside
from console.ui.frame import Frame
from console.ui.sync import SyncPanel
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import append
from tests.fakes.story import Story
from tests.ui.accessible import unnamed, unreachable
from tests.ui.conftest import Stand

HOSTILE = "<b>bold</b> \u202egro.live " + "W" * 900


@pytest.fixture
def panel(frame: Frame, qtbot: Any) -> SyncPanel:
    made = SyncPanel(frame)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    qtbot.waitUntil(lambda: made.found is not None)
    return made


def raised(outside: Outside, kind: str, sentence: str) -> str:
    def write(record: Any) -> str:
        with record.transaction() as tx:
            alarm_id = tx.raise_alarm(kind, sentence)
        outside.desk._writer._listeners[0](tx.changes)
        return str(alarm_id)

    return outside.desk.act(write).result(10)


def rejected_note(outside: Outside, incident: str, text: str) -> str:
    """A note of this desk that the plane has set aside."""

    def write(record: Any) -> Any:
        signed = append(record, "note.added", incident, text=text)
        with record.transaction() as tx:
            set_aside(tx, signed.envelope.event_id, "forbidden", f"You may not write here: {text[:50]}")
        return tx.changes

    changes = outside.desk.act(write).result(10)
    assert changes.kinds
    rows = "SELECT event_id FROM timeline WHERE status = 'rejected' ORDER BY n DESC LIMIT 1"
    return str(outside.desk.query(lambda db: db.value(rows)))


def test_nothing_waits_and_it_says_so(panel: SyncPanel) -> None:
    assert not panel.alarms.isVisible()
    assert not panel.rejected.isVisible()
    assert not panel.conflicts.isVisible()
    assert "works alone" in panel.head.why.text()
    assert panel.facts.values["Quarantined"].text() == "nothing"
    assert not panel.sync.isEnabled()
    assert unnamed(panel) == []
    assert unreachable(panel) == []


def test_an_alarm_is_settled_by_name_and_the_name_is_kept(
    panel: SyncPanel, outside: Outside, frame: Frame, qtbot: Any
) -> None:
    alarm = raised(outside, "shrunk", HOSTILE)
    panel._reload()
    qtbot.waitUntil(lambda: alarm in panel.alarms.buttons and panel.alarms.isVisible())
    said: list[Any] = []
    frame.notices.take()
    frame.notices.said.connect(said.append)
    panel.alarms.name.clear()
    panel.alarms.buttons[alarm].click()
    assert "who settles" in said[0].sentence
    panel.alarms.name.setText("Ada")
    panel.alarms.found.setText("restored from Tuesday")
    assert unnamed(panel) == []
    qtbot.keyClick(panel.alarms.buttons[alarm], Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.found is not None and not panel.found[0].open_alarms)
    notes = outside.desk.query(lambda db: [event.envelope.body["text"] for event in db.events("system", "note.added")])
    assert "settled by Ada" in notes[0]
    assert "restored from Tuesday" in notes[0]
    assert outside.desk.query(sync_counts).alarms == 0


@pytest.fixture
def story(stand: Stand) -> Story:
    outside = stand.outside
    made = Story(lambda work: outside.desk.act(work).result(10), outside.send, outside.root, outside.plane)
    made.certify()
    made.opened()
    return made


def test_a_rejected_event_has_its_three_actions(
    panel: SyncPanel, outside: Outside, story: Story, frame: Frame, qtbot: Any
) -> None:
    event_id = rejected_note(outside, story.incident, "first")
    panel._reload()
    qtbot.waitUntil(lambda: (event_id, WRITE_AGAIN) in panel.rejected.buttons)
    assert {action for _, action in panel.rejected.buttons} == {WRITE_AGAIN, ASK_COMMANDER, EXPORT}
    assert unnamed(panel) == []
    frame.notices.take()
    said: list[Any] = []
    frame.notices.said.connect(said.append)
    panel.rejected.question.setText("May I?")
    panel.rejected.buttons[event_id, ASK_COMMANDER].click()
    qtbot.waitUntil(lambda: len(said) == 1)
    notes = outside.desk.query(lambda db: [e.envelope.body["text"] for e in db.events(story.incident, "note.added")])
    assert any("May I?" in note for note in notes)
    panel.rejected.buttons[event_id, EXPORT].click()
    qtbot.waitUntil(lambda: len(said) == 2)
    folder = outside.desk.settings.folder
    kept = json.loads((folder.with_name(f"{folder.name}-rejected") / f"{event_id}.json").read_text("utf-8"))
    assert json.loads(kept["canon"])["event_id"] == event_id
    assert "You may not write here" in kept["reason"]


def test_both_sides_of_a_conflict_are_shown_and_one_is_kept(
    panel: SyncPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    story.from_plane("severity.graded", level="SEV-0", saw=story.ids["incident.opened"])
    grade = {"level": "SEV-3", "saw": "elsewhere"}
    mine = outside.desk.act(lambda record: append(record, "severity.graded", story.incident, **grade)).result(10)
    panel._reload()
    qtbot.waitUntil(lambda: len(panel.conflicts.buttons) == 2)
    assert outside.desk.query(sync_counts).conflicts == 1
    keep = panel.conflicts.buttons[mine.envelope.event_id]
    keep.click()
    assert panel.found is not None
    assert panel.found[2]  # no reason, no decision
    panel.conflicts.reason.setText("one tenant only")
    keep.click()
    qtbot.waitUntil(lambda: panel.found is not None and not panel.found[2])
    assert not panel.conflicts.isVisible()


def test_a_conflict_leads_to_its_incident(panel: SyncPanel, outside: Outside, story: Story, qtbot: Any) -> None:
    story.from_plane("severity.graded", level="SEV-0", saw=story.ids["incident.opened"])
    grade = {"level": "SEV-3", "saw": "elsewhere"}
    outside.desk.act(lambda record: append(record, "severity.graded", story.incident, **grade)).result(10)
    panel._reload()
    qtbot.waitUntil(lambda: len(panel.conflicts.buttons) == 2)
    with qtbot.waitSignal(panel.action_wanted) as wanted:
        panel.conflicts.wanted.emit(story.incident)
    assert wanted.args == ["view.incident"]
    assert panel._frame.selection.incident == story.incident


def test_hostile_text_is_shown_as_text_and_makes_nothing_wider(
    panel: SyncPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    raised(outside, "fork", HOSTILE)
    rejected_note(outside, story.incident, HOSTILE)
    panel.resize(420, 500)
    panel._reload()
    qtbot.waitUntil(lambda: panel.rejected.isVisible() and panel.alarms.isVisible())
    assert panel.width() == 420
    body = panel.area.widget()
    assert body is not None
    assert body.width() <= panel.area.viewport().width()
    assert all("\u202e" not in label.text() for label in panel.findChildren(type(panel.head.why)))

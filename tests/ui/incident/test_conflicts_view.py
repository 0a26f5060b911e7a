"""What two people said at once stands on the page until the commander keeps one side, with a reason."""

from __future__ import annotations

from typing import Any

from console.ui.frame import Frame
from console.ui.incident import IncidentPanel
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import append
from tests.fakes.story import Story


def _grade_twice(outside: Outside, story: Story) -> str:
    story.from_plane("severity.graded", level="SEV-0", saw=story.ids["incident.opened"])
    stale = outside.desk.act(
        lambda record: append(record, "severity.graded", story.incident, level="SEV-3", saw="elsewhere")
    ).result(10)
    return str(stale.envelope.event_id)


def test_a_page_that_is_made_later_shows_what_is_in_conflict_already(
    panel: IncidentPanel, frame: Frame, outside: Outside, story: Story, qtbot: Any
) -> None:
    _grade_twice(outside, story)
    qtbot.waitUntil(panel.conflicts.isVisible)
    later = IncidentPanel(frame)
    qtbot.addWidget(later)
    later.show()
    qtbot.waitUntil(lambda: len(later.conflicts.keep) == 2)
    later.on_action("incident.settle")
    assert later.focusWidget() is later.conflicts.reason


def test_a_conflict_is_shown_and_settled(panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any) -> None:
    view = panel.conflicts
    assert not view.isVisible()
    mine = _grade_twice(outside, story)
    qtbot.waitUntil(lambda: view.isVisible() and len(view.keep) == 2)
    assert [side.holds for side in view.found[0].sides] == [True, False]
    view.keep[mine].click()
    assert view.found  # no reason, no decision
    view.reason.setText("one tenant only")
    view.keep[mine].click()
    qtbot.waitUntil(lambda: not view.isVisible())

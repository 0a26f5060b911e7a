"""A panel on an incident that can be taken through its story."""

from __future__ import annotations

from typing import Any

import pytest

from console.ui.frame import Frame
from console.ui.incident import IncidentPanel
from tests.fakes.desk_frame import Outside
from tests.fakes.story import Story


@pytest.fixture
def story(outside: Outside) -> Story:
    """An incident that the plane has opened."""
    made = Story(lambda work: outside.desk.act(work).result(10), outside.send, outside.root, outside.plane)
    made.certify()
    made.opened()
    return made


@pytest.fixture
def panel(frame: Frame, story: Story, qtbot: Any) -> IncidentPanel:
    """The panel, shown, on that incident."""
    made = IncidentPanel(frame)
    qtbot.addWidget(made)
    made.resize(1000, 620)
    made.show()
    made.activateWindow()
    frame.selection.choose_incident(story.incident, "tenant.borealis")
    qtbot.waitUntil(lambda: made.standing is not None and not made.loading.stale)
    made.setFocus()
    return made

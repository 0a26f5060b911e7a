"""The stand that every test of the window is built on."""

from __future__ import annotations

from typing import Any

from console.queries.incidents import incidents
from console.ui.frame import Frame
from tests.fakes.desk_frame import Outside, populate


def test_what_the_plane_sends_reaches_the_window(frame: Frame, outside: Outside, qtbot: Any) -> None:
    with qtbot.waitSignal(frame.bridge.changed) as heard:
        populate(outside, 3)
    assert heard.args[0].touches("incident")
    got: list[Any] = []
    frame.bridge.ask(incidents, owner=frame.bridge, then=got.append)
    qtbot.waitUntil(lambda: bool(got))
    assert [row.severity for row in got[0]] == ["SEV-2", "SEV-1", "SEV-0"]

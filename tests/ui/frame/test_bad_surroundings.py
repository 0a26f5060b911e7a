"""What a desk may find around it: no fonts, screens that go, a record that cannot be written, clocks.

Whatever it finds, it starts or goes on, says so in a sentence, and loses nothing that was typed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QApplication

from console.policy import Policy
from console.store.record import Record
from console.ui import qt_messages, resources
from console.ui.evidence import EvidencePanel
from console.ui.main_window import MainWindow
from console.ui.program import Program
from console.ui.theme import Theme
from console.ui.timeline import TimelinePanel
from tests.fakes.studio import Studio

ROOT = Path(__file__).parents[3]
HOSTILE = "\u202egnp.exe\u200b <img src='http://x/y.png'> " + "A" * 9_900


@pytest.fixture
def studio(tmp_path: Path, policy: Policy, dressed: Theme) -> Iterator[Studio]:
    """A desk with a scripted plane and a clock that stands still, an incident open and chosen."""
    made = Studio(tmp_path, policy, dressed, QSize(1366, 768))
    made.tell("opened", "acknowledged", "commanded")
    yield made
    made.close()


def windowed(studio: Studio) -> MainWindow:
    window = MainWindow(studio.theme, studio.frame.notices, True, None)
    studio.show(window)
    window.attach(studio.frame)
    studio.until(lambda: all(dock.panel is not None for dock in window.docks.values()))
    studio.settle()
    assert window._bars is not None
    window._bars._on_tick()
    return window


# -- fonts and icons


def test_without_fonts_and_icons_the_program_starts_and_says_so(
    qapp: QApplication, dressed: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def painted() -> None:
        seen.extend(bar.notice.sentence for bar in program.window.notice_bars.bars)
        QTimer.singleShot(0, program.window.close)

    try:
        with monkeypatch.context() as without:
            without.setattr(resources, "folder", lambda: tmp_path)
            program = Program(True, None, None, painted)
            assert program.run() == 0
    finally:
        qt_messages.remove()
        dressed.dress()
    assert any("font" in sentence and "missing" in sentence for sentence in seen)
    assert any("style tokens cannot be read" in sentence for sentence in seen)


# -- screens

SCRIPT = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from console.ui.main_window import MainWindow
from console.ui.notices import Notices
from console.ui.theme import Theme
app = QApplication([])
theme = Theme("dark", app)
theme.dress()
window = MainWindow(theme, Notices(), True, Path(sys.argv[1]))
window.show()
window.furnish()
app.processEvents()
if sys.argv[2]:
    window.docks["evidence"].hide()
    window.resize(1200, 700)
    window.move(int(sys.argv[2]), 20)
    app.processEvents()
frame = window.geometry()
print(json.dumps({
    "x": frame.x(), "width": frame.width(), "height": frame.height(), "scale": window.screen().devicePixelRatio(),
    "evidence": not window.docks["evidence"].isHidden(),
    "said": [bar.notice.sentence for bar in window.notice_bars.bars],
}))
window.close()
"""


def on_screens(folder: Path, screens: list[dict[str, Any]], move_to: str = "") -> dict[str, Any]:
    """What a window in a process of its own finds on these screens."""
    config = folder / "screens.json"
    config.write_text(json.dumps({"screens": [{"logicalDpi": 96, "logicalBaseDpi": 96} | one for one in screens]}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_SCALE")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), move_to], cwd=ROOT, capture_output=True, text=True, check=True,
        timeout=60, env=environment | {"QT_QPA_PLATFORM": f"offscreen:configfile={config}"},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


SMALL = {"name": "left", "x": 0, "y": 0, "width": 1366, "height": 768, "dpr": 1}
FINE = {"name": "right", "x": 1366, "y": 0, "width": 1920, "height": 1080, "dpr": 2}


def test_two_screens_of_different_scale_and_then_one(tmp_path: Path) -> None:
    moved = on_screens(tmp_path, [SMALL, FINE], "1500")
    assert moved["scale"] == 2
    again = on_screens(tmp_path, [SMALL, FINE])
    assert (again["scale"], again["evidence"]) == (2, False)
    assert abs(again["x"] - moved["x"]) <= 4  # what a frame may take
    assert again["said"] == []
    left = on_screens(tmp_path, [SMALL])
    assert left["scale"] == 1
    assert left["evidence"]
    assert 0 <= left["x"] < 1366 - 120  # on the screen that is there
    assert left["height"] <= 768
    assert "does not fit the screens" in left["said"][0]


# -- a record that cannot be written


def forbid_writing(record: Record) -> None:
    record._conn.execute("PRAGMA query_only = 1")


def test_a_record_that_cannot_be_written_keeps_what_was_typed(studio: Studio, qtbot: Any) -> None:
    panel = TimelinePanel(studio.frame)
    studio.show(panel)
    entries = panel.model.rowCount()
    studio.desk.act(forbid_writing).result(10)
    panel.text.setText("Called the provider by phone.")
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    studio.until(lambda: studio.frame.notices.waiting)
    (said,) = studio.frame.notices.waiting
    assert (said.level, said.sentence.count(".") >= 1) == ("error", True)
    assert "cannot be written" in said.sentence
    studio.settle()
    assert panel.text.text() == "Called the provider by phone."
    assert panel.model.rowCount() == entries


def test_nothing_is_shown_of_an_item_whose_look_cannot_be_recorded(studio: Studio) -> None:
    panel = EvidencePanel(studio.frame)
    studio.show(panel)
    path = studio.folder / "prompt.txt"
    path.write_bytes(b"secret prompt")
    panel.add_file(str(path))
    studio.until(lambda: panel.model.rowCount() == 1)
    studio.settle()
    studio.desk.act(forbid_writing).result(10)
    panel.on_action("evidence.open")
    studio.until(lambda: studio.frame.notices.waiting)
    studio.settle()
    assert panel.view.lines == ()
    assert "Recording" not in panel.about.text()
    assert "not shown" in panel.about.text()


# -- clocks


def test_a_clock_that_jumps_shows_no_time_that_cannot_be(studio: Studio) -> None:
    window = windowed(studio)
    assert window._bars is not None
    for hours in (-30, 29 + 24 * 400):
        studio.pass_time(hours * 3600)
        window._bars._on_tick()
        for panel_id in window.docks:
            window.go_to(panel_id)
            studio.settle()
            assert not window.panel(panel_id).grab().isNull()
        assert not window.bar.since.value.startswith("-")
        assert not window.bar.update_due.value.startswith("in -")
    assert "400 d" in window.bar.since.value or "399 d" in window.bar.since.value
    assert "overdue" in window.bar.update_due.value


# -- hostile text in the whole window


def test_hostile_text_neither_widens_the_window_nor_is_escaped_twice(studio: Studio) -> None:
    window = windowed(studio)
    hostile = studio.outside.open_incident(title=HOSTILE, **{"class": HOSTILE[:900]})
    story = studio.story.beside(hostile)
    story.from_desk("role.taken", role="incident_commander", person=HOSTILE[:300])
    story.from_desk("note.added", text=HOSTILE)
    studio.frame.selection.choose_incident(hostile, "tenant.borealis")
    studio.frame.notices.say(HOSTILE, "error")
    for panel_id in window.docks:
        window.go_to(panel_id)
        studio.settle()
    assert window.size() == studio.size
    assert window.minimumSizeHint().width() <= studio.size.width()
    timeline = window.panel("timeline")
    assert timeline.table.height() > timeline.entry.height()
    assert window.bar.commander.value.startswith("\u27e8U+202E\u27e9gnp.exe\u27e8U+200B\u27e9")
    assert "U+27E8" not in window.bar.commander.value
    assert "\u202e" not in window.windowTitle()

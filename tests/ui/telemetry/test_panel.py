"""The telemetry panel as a person meets it: lines, gaps, veils, freezing, keys, hostile names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from console.domain.times import format_utc, from_epoch_us
from console.runtime.rings import Sample
from console.ui.frame import Frame
from console.ui.telemetry import TelemetryPanel
from console.ui.telemetry.lines import EVERYBODY, FAST, TREND
from console.ui.telemetry.plot import ago
from tests.fakes.desk_frame import Outside
from tests.fakes.metric_stream import SLOT_US, Feed, Stream, streamed

GROUNDING = "grounding_score"
TARGET = "tenant.borealis"


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def live(frame: Frame, outside: Outside, stream: Stream) -> Iterator[tuple[Frame, Feed]]:
    shown, feed = streamed(frame, outside, stream)
    yield shown, feed
    shown.bridge.close()


@pytest.fixture
def panel(live: tuple[Frame, Feed], qtbot: Any) -> TelemetryPanel:
    made = TelemetryPanel(live[0])
    qtbot.addWidget(made)
    made.resize(1000, 600)
    made.show()
    return made


def settle(panel: TelemetryPanel, qtbot: Any) -> None:
    """Until history is in, every batch of the stream was taken and every line was made of it."""

    def settled() -> bool:
        following = panel._following
        taken = following is not None and following.ready and following._cursor == following._rings.batches
        return taken and not any(cell.stale for cell in panel.cells.values())

    qtbot.waitUntil(settled, timeout=9000)
    panel._renew_words()


def test_twelve_graphs_each_with_a_name_a_value_and_a_state(
    panel: TelemetryPanel, stream: Stream, live: tuple[Frame, Feed], qtbot: Any
) -> None:
    stream.bad[GROUNDING, TARGET] = 0.4
    stream.run(120)
    live[0].selection.choose_incident("", TARGET)
    live[0].selection.choose_target(TARGET)
    settle(panel, qtbot)
    assert len(panel.cells) == 12
    assert (
        panel.cells[GROUNDING].accessibleName()
        == f"Grounding of answers: {panel.cells[GROUNDING].value_text}, abnormal"
    )
    assert all(cell.accessibleName() and cell.accessibleDescription() for cell in panel.cells.values())
    assert set(panel.cells[GROUNDING].lines.tracks) == {TREND, FAST, EVERYBODY}


def test_a_pause_of_the_stream_is_a_gap(panel: TelemetryPanel, stream: Stream, qtbot: Any) -> None:
    stream.run(80)
    stream.pause(40)
    stream.run(80)
    settle(panel, qtbot)
    bars = panel.cells[GROUNDING].lines.tracks[FAST].bars
    assert len(bars.runs(bars.count)) == 2
    stream.pause(40)
    stream.run(40)
    qtbot.waitUntil(lambda: len(bars.runs(bars.count)) == 3)


def test_silence_is_veiled_with_the_time_of_the_last_sample(panel: TelemetryPanel, stream: Stream, qtbot: Any) -> None:
    stream.run(60)
    settle(panel, qtbot)
    assert panel.cells[GROUNDING].plot.veil.lines == ()
    panel._following.arrived -= 30  # type: ignore[union-attr]
    panel._renew_words()
    last = from_epoch_us(stream.slot * SLOT_US)
    assert panel.cells[GROUNDING].plot.veil.lines == ("silent since", f"{last:%H:%M:%S} UTC")
    assert panel.cells[GROUNDING].reading.state == "silent"


def test_a_tenant_without_traffic_is_silent_while_everybody_goes_on(
    panel: TelemetryPanel, stream: Stream, live: tuple[Frame, Feed], qtbot: Any
) -> None:
    live[0].selection.choose_target(TARGET)
    stream.run(60)
    stream.gone.add(TARGET)
    stream.run(60)
    settle(panel, qtbot)
    cell = panel.cells[GROUNDING]
    assert cell.reading.state == "silent"
    assert not cell.plot.veil.whole
    assert cell.plot.veil.silent_s > 10
    everybody = cell.lines.tracks[EVERYBODY].values(1)[1]
    assert everybody[0] == pytest.approx(0.86, abs=0.1)


def test_frozen_graphs_stand_still_and_catch_up(panel: TelemetryPanel, stream: Stream, qtbot: Any) -> None:
    stream.run(60)
    settle(panel, qtbot)
    panel.freeze(True)
    before = panel.cells[GROUNDING].lines.tracks[TREND].newest
    held = panel.cells[GROUNDING].grab().toImage()
    stream.run(40)
    qtbot.waitUntil(lambda: panel._following.readings.newest == stream.slot)  # type: ignore[union-attr]
    assert panel.cells[GROUNDING].lines.tracks[TREND].newest == before
    assert panel.cells[GROUNDING].grab().toImage() == held
    assert "FROZEN at" in panel._key.accessibleName()
    panel.freeze(False)
    settle(panel, qtbot)
    assert panel.cells[GROUNDING].lines.tracks[TREND].newest == stream.slot


def test_the_keyboard_moves_enlarges_and_goes_back(panel: TelemetryPanel, qtbot: Any) -> None:
    panel.activateWindow()
    first = panel.cells[GROUNDING]
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert panel.focusWidget() is panel.cells["refusal_rate"]
    qtbot.keyClick(panel.cells["refusal_rate"], Qt.Key.Key_Down)
    assert panel.focusWidget() is panel.cells["tool_calls"]
    qtbot.keyClick(panel.cells["tool_calls"], Qt.Key.Key_Return)
    assert [m for m, cell in panel.cells.items() if cell.isVisible()] == ["tool_calls"]
    qtbot.keyClick(panel.cells["tool_calls"], Qt.Key.Key_Escape)
    assert all(cell.isVisible() for cell in panel.cells.values())
    qtbot.keyClick(panel.cells["tool_calls"], Qt.Key.Key_W)
    assert panel.window_s == 900


def test_a_hidden_panel_paints_nothing_but_still_listens(panel: TelemetryPanel, stream: Stream, qtbot: Any) -> None:
    stream.run(40)
    settle(panel, qtbot)
    panel.hide()
    assert panel._timer.interval() == 1000
    at = panel._moved_at
    stream.run(4)
    qtbot.waitUntil(lambda: panel._following.readings.newest == stream.slot)  # type: ignore[union-attr]
    assert panel._moved_at in (at, -1.0)  # the latter: lines made anew meanwhile wait for the next time it is shown


def test_names_from_outside_are_plain_text(panel: TelemetryPanel, stream: Stream, qtbot: Any) -> None:
    evil = "<img src=x><b>evil\u202e</b>"
    stream.rings.add([Sample(f"{evil}{{tenant={evil}}}", (stream.slot + 1) * SLOT_US, 1, 1.0, 1.0, 1.0)])
    stream.run(8)
    stream.rings.add([Sample(f"{GROUNDING}{{tenant={evil}}}", stream.slot * SLOT_US, 1, 1.0, 1.0, 1.0)])
    settle(panel, qtbot)
    assert "<img src=x>" in panel._notes.text()
    assert "\u202e" not in panel._notes.text()
    panel._enlarge(GROUNDING)
    assert "\u202e" not in panel._notes.text()
    labels = panel.findChildren(QLabel)
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in labels)


def test_milestones_of_the_incident_are_marked(
    panel: TelemetryPanel, stream: Stream, live: tuple[Frame, Feed], outside: Outside, qtbot: Any
) -> None:
    stream.run(80)
    detected = format_utc(from_epoch_us((stream.slot - 40) * SLOT_US))
    live[0].selection.choose_incident(outside.open_incident(detected_at=detected), TARGET)
    qtbot.waitUntil(lambda: bool(panel._milestones))
    settle(panel, qtbot)
    marks = panel.cells[GROUNDING].plot.marks.milestones
    assert [mark.word for mark in marks] == ["detected"]
    assert marks[0].ago_s == pytest.approx(10, abs=3)


def test_without_a_stream_it_says_so_and_stays_calm(frame: Frame, outside: Outside, qtbot: Any) -> None:
    made = TelemetryPanel(frame)
    qtbot.addWidget(made)
    made.show()
    made._on_tick()
    assert made.cells[GROUNDING].reading.state == "unknown"
    made.freeze(True)
    made.freeze(False)


@pytest.mark.parametrize("size", [(1366, 600), (620, 480), (360, 500)], ids=str)
def test_it_fits(panel: TelemetryPanel, size: tuple[int, int], qtbot: Any) -> None:
    panel.resize(*size)
    assert (panel.width(), panel.height()) == size
    inside = panel.rect()
    assert all(inside.contains(cell.geometry()) for cell in panel.cells.values())


def test_every_control_has_a_name(panel: TelemetryPanel) -> None:
    for widget in panel.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert widget.accessibleName(), widget


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "-40 s"),
        (60, "-1 min"),
        (280, "-4:40"),
        (300, "-5 min"),
        (3600, "-1 h"),
        (5400, "-1:30 h"),
        (86400, "-24 h"),
    ],
)
def test_the_time_axis_has_no_fractions(seconds: float, words: str) -> None:
    assert ago(seconds) == words

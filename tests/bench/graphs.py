"""Twelve plots of three series, drawn three ways, and the CPU time of a frame of each: what the graph benchmarks share.

Every frame appends to all series and repaints all plots. Ways: our lines of console.ui.telemetry, a bare QPainter that
draws the same bars with axes, and pyqtgraph as its manual begins (`setData` with everything).
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from console.ui.telemetry.buckets import Track
from console.ui.telemetry.plot import AxedPlot
from console.ui.telemetry.traces import lines_at
from console.ui.theme import Theme
from tests.bench.pairs import row

PLOTS, SERIES, STEP, SIZE = 12, 3, 0.25, (1320, 720)
COLOURS = ("graph_4", "graph_2", "graph_1")
TICKS = 5


def application() -> QApplication:
    """The application, in the console's own style."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    return app


def histories(points: int) -> list[np.ndarray]:
    """One seeded random walk a series."""
    chance = np.random.default_rng(7)
    return [np.cumsum(chance.normal(0, 1, points)) / points**0.5 for _ in range(PLOTS * SERIES)]


def tracks_of(values: list[np.ndarray], points: int, width_px: int) -> list[Track]:
    """Every series in bars of one pixel column."""
    tracks = []
    for one in values:
        track = Track(points, step=STEP)
        width = max(points // width_px, 1)
        track.fit(width, points // width + 2)
        track.extend(0, one)
        tracks.append(track)
    return tracks


class Grid(QWidget):
    """Twelve cells in four columns."""

    def __init__(self, make: Callable[[int], QWidget]) -> None:
        super().__init__()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.cells = [make(n) for n in range(PLOTS)]
        for n, cell in enumerate(self.cells):
            layout.addWidget(cell, n // 4, n % 4)
        self.resize(*SIZE)
        self.show()


class Bare(QWidget):
    """A plot by hand: frame, five ticks a side with numbers, three lines; the cheapest that can be called a plot."""

    def __init__(self, tracks: list[Track], window_s: float) -> None:
        super().__init__()
        self._tracks, self._window_s, self.now = tracks, window_s, 0.0
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._pens = [QPen(QColor(name), 1) for name in ("#8fb4d8", "#c9a876", "#d2d6db")]
        for pen in self._pens:
            pen.setCosmetic(True)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#1b1d20"))
        room = QRectF(40, 4, self.width() - 44, self.height() - 24)
        painter.setPen(QColor("#a6adb6"))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        painter.drawLine(room.topLeft(), room.bottomLeft())
        for n in range(TICKS):
            x, y = room.left() + room.width() * n / (TICKS - 1), room.bottom() - room.height() * n / (TICKS - 1)
            painter.drawLine(QPointF(x, room.bottom()), QPointF(x, room.bottom() + 4))
            painter.drawLine(QPointF(room.left() - 4, y), QPointF(room.left(), y))
            painter.drawText(QPointF(x - 8, room.bottom() + 16), f"{-self._window_s * (1 - n / (TICKS - 1)):.0f}")
            painter.drawText(QPointF(4, y + 4), f"{n - 2}")
        painter.setClipRect(room)
        painter.translate(room.right(), room.center().y())
        painter.scale(room.width() / self._window_s, -room.height() / 8)
        painter.translate(-self.now, 0)
        for track, pen in zip(self._tracks, self._pens, strict=True):
            painter.setPen(pen)
            for start, length in track.bars.runs(track.bars.count):
                painter.drawLines(lines_at(track.bars.rows, start), length)
        painter.end()


class Scene:
    """A shown grid with a `frame()` that appends a sample to every series, repaints all plots, and returns CPU ms."""

    def __init__(self, grid: Grid, advance: Callable[[float], None]) -> None:
        self._grid, self._advance = grid, advance
        self._value = np.random.default_rng(11)
        self._app = application()
        for _ in range(3):
            self.frame()

    def frame(self) -> float:
        """CPU milliseconds of one frame."""
        begun = time.process_time()
        self._advance(float(self._value.normal(0, 1)))
        self._app.processEvents()
        return (time.process_time() - begun) * 1000

    def frames(self, n: int) -> float:
        """Mean CPU milliseconds of `n` frames."""
        return sum(self.frame() for _ in range(n)) / n

    def close(self) -> None:
        """Takes the window away."""
        self._grid.close()
        self._grid.deleteLater()
        self._app.processEvents()
        gc.collect()


def ours(points: int) -> Scene:
    """Our plots."""
    application()
    theme, window_s = Theme("dark"), points * STEP
    tracks = tracks_of(histories(points), points, SIZE[0] // 4 - 50)
    grid = Grid(lambda n: _our_plot(theme, tracks[n * SERIES : (n + 1) * SERIES], window_s))
    index = points

    def advance(value: float) -> None:
        nonlocal index
        for track in tracks:
            track.append(index, value)
        for cell in grid.cells:
            cell.traces.show_at(index * STEP)  # type: ignore[attr-defined]
        index += 1

    return Scene(grid, advance)


def _our_plot(theme: Theme, tracks: list[Track], window_s: float) -> QWidget:
    plot = AxedPlot(theme)
    plot.traces.set_tracks([(track, theme.colour(name)) for track, name in zip(tracks, COLOURS, strict=True)])
    plot.set_window(window_s)
    plot.set_range(-4, 4, [(n, str(n)) for n in range(-4, 5, 2)])
    plot.traces.set_room(window_s, -4, 4, tracks[0].bars.count)
    return plot


def bare(points: int) -> Scene:
    """The reference: the same bars by a bare QPainter."""
    application()
    tracks = tracks_of(histories(points), points, SIZE[0] // 4 - 50)
    grid = Grid(lambda n: Bare(tracks[n * SERIES : (n + 1) * SERIES], points * STEP))
    index = points

    def advance(value: float) -> None:
        nonlocal index
        for track in tracks:
            track.append(index, value)
        for cell in grid.cells:
            cell.now = index * STEP  # type: ignore[attr-defined]
            cell.update()
        index += 1

    return Scene(grid, advance)


def naive(points: int) -> Scene:
    """Pyqtgraph as its manual begins: everything given anew, nothing thinned."""
    application()
    values = histories(points)
    x = np.arange(points) * STEP - points * STEP
    curves: list[Any] = []

    def make(n: int) -> QWidget:
        widget = pg.PlotWidget()
        curves.extend(widget.plot(x, values[n * SERIES + s], pen=pg.mkPen("w", width=1)) for s in range(SERIES))
        return widget

    def advance(value: float) -> None:
        for n, curve in enumerate(curves):
            values[n] = np.append(values[n][1:], value)
            curve.setData(x, values[n])

    return Scene(Grid(make), advance)


def compare(points: int, reference: Callable[[int], Scene], pairs: int, frames: int) -> dict[str, object]:
    """CPU milliseconds a frame of ours and of the reference, measured in turn."""
    mine, theirs = [], []
    first, second = ours(points), reference(points)
    try:
        for _ in range(pairs):
            theirs.append(second.frames(frames if reference is bare else 1))
            mine.append(first.frames(frames))
    finally:
        first.close()
        second.close()
    note = (
        f"{PLOTS} plots x {SERIES} series x {points} points, {SIZE[0]}x{SIZE[1]}, every frame appends and repaints all"
    )
    return row(mine, theirs, "CPU ms a frame", [note])

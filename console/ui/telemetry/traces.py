"""The lines of one plot as a single graphics item: bars drawn by `drawLines` straight from the rows of its tracks.

The axis is in seconds ago and never moves; what moves is the painter, by how far the present has gone on. Pens are one
pixel wide and nothing is antialiased, which is several times faster (performance.md, *Graphs*).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
import shiboken6
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from console.ui.telemetry.buckets import Floats, Track

ROW_BYTES = 32
"""Four doubles: a QLineF."""


class Traces(pg.GraphicsObject):
    """Draws `tracks` in their colours; `show_at(now)` sets the x of the present in the coordinates of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self._tracks: tuple[tuple[Track, QPen], ...] = ()
        self._now = 0.0
        self._bars = 0
        self._room = QRectF(-1, 0, 1, 1)

    def set_tracks(self, tracks: Sequence[tuple[Track, QColor]]) -> None:
        """What is drawn, the last on top."""
        self._tracks = tuple((track, _thin(colour)) for track, colour in tracks)
        self.update()

    def set_room(self, window_s: float, low: float, high: float, bars: int) -> None:
        """The visible part: the last `window_s` seconds in `bars` bars, values from `low` to `high`."""
        self._bars = bars
        room = QRectF(-window_s, low, window_s, high - low)
        if room != self._room:
            self.prepareGeometryChange()
            self._room = room
        self.update()

    def show_at(self, now: float) -> None:
        """Moves the present."""
        self._now = now
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: D102, N802
        return self._room

    def paint(self, painter: QPainter, *_: Any) -> None:  # noqa: D102
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.translate(-self._now, 0)
        for track, pen in self._tracks:
            painter.setPen(pen)
            rows = track.bars.rows
            for start, length in track.bars.runs(self._bars):
                painter.drawLines(lines_at(rows, start), length)


def lines_at(rows: Floats, start: int) -> QLineF:
    """The row `start` as the first of an array of QLineF; valid as long as `rows` lives."""
    return shiboken6.wrapInstance(rows.ctypes.data + start * ROW_BYTES, QLineF)


def _thin(colour: QColor) -> QPen:
    pen = QPen(colour, 1)
    pen.setCosmetic(True)
    return pen

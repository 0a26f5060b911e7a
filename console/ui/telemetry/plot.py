"""One plot: pyqtgraph's view with our lines, limits, milestones and veil in it, and the axes painted around it.

The axes stand outside the scene, for they change seldom and the lines twenty times a second. pyqtgraph's titles, labels
and legends render HTML, so nothing here ever has one: text is painted by us.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from console.ui.telemetry.marks import Marks, Veil
from console.ui.telemetry.traces import Traces
from console.ui.theme import Theme

LEFT_PX, BOTTOM_PX, TOP_PX, RIGHT_PX = 44, 18, 4, 3
MINUTE = 60
TICK_PX = 56
"""Room that a number of the time axis takes."""
TICK_ROW_PX = 26
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 86400, 604800)
_STROKE = 3


class PlotView(pg.PlotWidget):
    """The room of the lines: no axes, no menu, deaf to mouse and keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None, enableMenu=False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAntialiasing(False)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        flag = QGraphicsView.OptimizationFlag
        self.setOptimizationFlags(flag.DontSavePainterState | flag.DontAdjustForAntialiasing)
        plot = self.getPlotItem()
        for side in ("left", "bottom"):
            plot.hideAxis(side)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.getViewBox().disableAutoRange()
        plot.getViewBox().setDefaultPadding(0)
        plot.layout.setContentsMargins(0, 0, 0, 0)


class AxedPlot(QWidget):
    """Attributes: `traces`, `marks`, `veil`, `window_s`, `low`, `high`.

    The x axis is seconds ago, from `-window_s` to 0, and stays where it is. Signals: `resized()` when there are other
    pixel columns to draw in.
    """

    resized = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.view = PlotView(self)
        self.marks, self.traces, self.veil = Marks(theme), Traces(), Veil(theme)
        for item in (self.marks, self.traces, self.veil):
            self.view.getPlotItem().addItem(item, ignoreBounds=True)
        self.window_s = 1.0
        self.low, self.high = 0.0, 1.0
        self._below: list[tuple[float, str]] = []
        self._beside: list[tuple[float, str]] = []
        self.dress()

    def dress(self) -> None:
        """Takes colours and fonts from the theme again."""
        self.view.setBackground(self._theme.colour("sunken"))
        self.marks.update()
        self.veil.update()
        self.update()

    def columns(self) -> int:
        """Pixel columns that lines are drawn in."""
        return max(self.view.width(), 40)

    def rows(self) -> int:
        """Numbers that fit along the value axis."""
        return max(self.view.height() // TICK_ROW_PX, 1)

    def set_window(self, window_s: float) -> None:
        """Shows the last `window_s` seconds."""
        self.window_s = window_s
        self.view.getPlotItem().setXRange(-window_s, 0, padding=0)
        most = max(self.columns() // TICK_PX, 1)
        step = next((s for s in _STEPS if window_s // s <= most), _STEPS[-1])
        self._below = [(n * step, ago(n * step)) for n in range(1, int(window_s // step) + 1)]
        self.update()

    def set_range(self, low: float, high: float, ticks: Sequence[tuple[float, str]]) -> None:
        """The visible values, and (place, text) of the numbers along them."""
        self.low, self.high, self._beside = low, high, list(ticks)
        self.view.getPlotItem().setYRange(low, high, padding=0)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        width = max(self.width() - LEFT_PX - RIGHT_PX, 1)
        self.view.setGeometry(LEFT_PX, TOP_PX, width, max(self.height() - TOP_PX - BOTTOM_PX, 1))
        super().resizeEvent(event)
        self.resized.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme, painter = self._theme, QPainter(self)
        painter.fillRect(self.rect(), theme.colour("sunken"))
        room = self.view.geometry()
        left, bottom = room.left() - 1.0, room.bottom() + 1.0
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QLineF(left, room.top(), left, bottom))
        painter.drawLine(QLineF(left, bottom, room.right(), bottom))
        painter.setFont(theme.font("small"))
        metrics = QFontMetricsF(painter.font())
        for seconds, text in self._below:
            x = room.right() - room.width() * seconds / self.window_s
            self._stroke(painter, QLineF(x, bottom, x, bottom + _STROKE))
            at = max(x - metrics.horizontalAdvance(text) / 2, 0.0)
            painter.drawText(QPointF(at, bottom + _STROKE + metrics.ascent()), text)
        for value, text in self._beside:
            y = room.bottom() - room.height() * (value - self.low) / (self.high - self.low)
            self._stroke(painter, QLineF(left - _STROKE, y, left, y))
            painter.drawText(QPointF(left - 6 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 1), text)
        painter.end()

    def _stroke(self, painter: QPainter, line: QLineF) -> None:
        painter.setPen(QPen(self._theme.colour("line"), 1))
        painter.drawLine(line)
        painter.setPen(self._theme.colour("text_dim"))


def ago(seconds: float) -> str:
    """A number of the time axis, such as -40 s, -4 min, -4:40, -2 h, -1:30 h."""
    if seconds < MINUTE:
        return f"-{seconds:g} s"
    hours = " h" if seconds >= 60 * MINUTE else ""
    whole, rest = divmod(round(seconds / MINUTE if hours else seconds), 60)
    if rest:
        return f"-{whole}:{rest:02}{hours}"
    return f"-{whole}{hours or ' min'}"

"""One plot: pyqtgraph's view with our lines, limits and milestones in it, themed from the tokens, deaf to the mouse.

pyqtgraph's titles, labels and legends render HTML, so nothing here ever has one: text is painted by us.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGraphicsItem, QGraphicsView, QWidget

from console.ui.telemetry.marks import Marks, Veil
from console.ui.telemetry.traces import Traces
from console.ui.theme import Theme

LEFT_PX, BOTTOM_PX = 44, 18
MINUTE = 60
TICK_PX = 56
"""Room that a number of the time axis takes."""
TICK_ROW_PX = 26
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 86400, 604800)


class PlotView(pg.PlotWidget):
    """Attributes: `traces`, `marks`, `veil`. The x axis is seconds ago, from `-window` to 0, and stays where it is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None, enableMenu=False)
        self._theme = theme
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAntialiasing(False)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.getViewBox().disableAutoRange()
        plot.getViewBox().setDefaultPadding(0)
        plot.layout.setContentsMargins(0, 4, 2, 0)
        self._left, self._bottom = plot.getAxis("left"), plot.getAxis("bottom")
        self._left.setWidth(LEFT_PX)
        self._bottom.setHeight(BOTTOM_PX)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setOptimizationFlags(
            QGraphicsView.OptimizationFlag.DontSavePainterState
            | QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing
        )
        for axis in (self._left, self._bottom):
            axis.setStyle(tickLength=-3, autoExpandTextSpace=False)
            axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)  # its picture is played again otherwise
            axis.enableAutoSIPrefix(False)
        self.marks, self.traces, self.veil = Marks(theme), Traces(), Veil(theme)
        plot.addItem(self.marks, ignoreBounds=True)
        plot.addItem(self.traces, ignoreBounds=True)
        plot.addItem(self.veil, ignoreBounds=True)
        self.window_s = 1.0
        self.low, self.high = 0.0, 1.0
        self.dress()

    def dress(self) -> None:
        """Takes colours and fonts from the theme again."""
        theme = self._theme
        self.setBackground(theme.colour("sunken"))
        for axis in (self._left, self._bottom):
            axis.setPen(pg.mkPen(theme.colour("line"), width=1))
            axis.setTextPen(pg.mkPen(theme.colour("text_dim")))
            axis.setTickFont(theme.font("small"))
        self.marks.update()
        self.veil.update()

    def columns(self) -> int:
        """Pixel columns that lines are drawn in."""
        return max(int(self.getPlotItem().getViewBox().width()), 40)

    def rows(self) -> int:
        """Numbers that fit along the value axis."""
        return max(int(self.getPlotItem().getViewBox().height()) // TICK_ROW_PX, 1)

    def set_window(self, window_s: float) -> None:
        """Shows the last `window_s` seconds."""
        self.window_s = window_s
        self.getPlotItem().setXRange(-window_s, 0, padding=0)
        most = max(self.columns() // TICK_PX, 1)
        step = next((s for s in _STEPS if window_s / s <= most), _STEPS[-1])
        ticks = [(-n * step, ago(n * step)) for n in range(1, int(window_s // step) + 1)]
        self._bottom.setTicks([ticks])

    def set_range(self, low: float, high: float, ticks: Sequence[tuple[float, str]] | None = None) -> None:
        """The visible values; `ticks` (place, text) along them."""
        self.low, self.high = low, high
        self.getPlotItem().setYRange(low, high, padding=0)
        self._left.setTicks([list(ticks)] if ticks is not None else None)


def ago(seconds: float) -> str:
    """A tick of the time axis."""
    if seconds < MINUTE:
        return f"-{seconds:g} s"
    if seconds < 60 * MINUTE:
        return f"-{seconds / MINUTE:g} min"
    return f"-{seconds / 3600:g} h"

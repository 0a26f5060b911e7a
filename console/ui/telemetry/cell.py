"""One graph: title, value and state in words above a plot; it takes the focus and tells itself to a screen reader."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from console.domain.judge import ABNORMAL, NORMAL, SILENT, UNKNOWN, WARNING
from console.domain.thresholds import Threshold
from console.domain.times import from_epoch_us
from console.ui.chips import paint_mark
from console.ui.numbers import number
from console.ui.readings import SLOT_S, TARGET, Reading
from console.ui.telemetry import wording
from console.ui.telemetry.lines import EVERYBODY, FAST, Lines
from console.ui.telemetry.marks import MilestoneLine
from console.ui.telemetry.plot import AxedPlot
from console.ui.text import display
from console.ui.theme import Theme

MARKS = {
    NORMAL: ("ring", "normal"), WARNING: ("diamond", "warning"), ABNORMAL: ("triangle", "abnormal"),
    UNKNOWN: ("cross", "unknown"), SILENT: ("dash", "unknown"),
}  # fmt: skip
COLOURS = {FAST: "normal", EVERYBODY: "graph_2"}
HEADER_PX = 40


class GraphCell(QWidget):
    """Signals: `chosen(metric)` when it is to be enlarged, `moved(metric, dx, dy)` for the arrow keys."""

    chosen = Signal(str)
    moved = Signal(str, int, int)

    def __init__(self, theme: Theme, rule: Threshold, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rule, self._theme = rule, theme
        self.lines = Lines(rule.metric, TARGET, 0)
        self.reading = Reading(rule.metric, UNKNOWN, None, 0, 0)
        self.stale = True
        """Whether its lines wait to be made from the sums."""
        self.plot = AxedPlot(theme, self)
        self.plot.resized.connect(self._on_resized)
        self.plot.marks.limits = wording.limits(rule)
        self._range = (0.0, 0.0, 0.0)
        self._width = 0
        self._state_text = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(80, 66)
        self._say()

    # -- what it shows

    def begin(self, scope: str, origin: int) -> None:
        """Empty lines of another scope."""
        self.lines = Lines(self.rule.metric, scope, origin)
        self.stale = True
        self.refit()

    def refit(self) -> None:
        """Bars of the present pixel width and window."""
        slots = round(self.plot.window_s / SLOT_S)
        self._width = max(slots // self.plot.columns(), 1)
        self.plot.set_window(self.plot.window_s)
        self.lines.fit(self._width, slots // self._width + 2)
        self._give_tracks()

    def set_window(self, window_s: float) -> None:
        """Shows another length of time."""
        self.plot.set_window(window_s)
        self.refit()

    def show_reading(self, reading: Reading) -> None:
        """Another value or state."""
        if reading != self.reading:
            self.reading = reading
            self._say()
            self.update(0, 0, self.width(), HEADER_PX)

    def show_marks(
        self, milestones: Sequence[MilestoneLine], veil: Sequence[str], silent_s: float, whole: bool
    ) -> None:
        """Milestones, and the veil when it is silent."""
        marks, cover, silent_s = self.plot.marks, self.plot.veil, round(silent_s, 1)
        if list(milestones) != list(marks.milestones):
            marks.milestones = milestones
            marks.update()
        if (tuple(veil), silent_s, whole) != (tuple(cover.lines), cover.silent_s, cover.whole):
            cover.lines, cover.silent_s, cover.whole = tuple(veil), silent_s, whole
            cover.update()

    def show_at(self, edge: float) -> None:
        """Moves the present to `edge`, in slots."""
        self.plot.traces.show_at((edge - self.lines.origin) * SLOT_S)

    def scale(self) -> None:
        """Fits the axis to what is seen; it stays as it is while everything fits and fills it well enough."""
        low, high = math.inf, -math.inf
        for track in self.lines.tracks.values():
            a, b = track.bars.bounds(track.bars.count)
            low, high = min(low, a if a == a else low), max(high, b if b == b else high)
        bottom, top = wording.span(low, high, self.rule)
        step = wording.nice((top - bottom) / self.plot.rows())
        held_low, held_high, held_step = self._range
        fits = held_low <= min(bottom, low) and max(top, high) <= held_high * 1.0001
        if fits and (top - bottom) > 0.6 * (held_high - held_low) and held_step == step:
            return
        self._range = (bottom, top, step)
        self.plot.set_range(bottom, top, wording.ticks(bottom, top, step, self.rule.unit))
        self._give_tracks()

    def set_large(self, large: bool) -> None:
        """With words instead of letters at limits and milestones."""
        self.plot.marks.large = large
        self.plot.marks.update()

    def dress(self) -> None:
        """Colours of the theme again."""
        self.plot.dress()
        self._give_tracks()
        self.update()

    def _give_tracks(self) -> None:
        colours = [self._theme.colour(COLOURS.get(name, "graph_1")) for name in self.lines.tracks]
        self.plot.traces.set_tracks(list(zip(self.lines.tracks.values(), colours, strict=True)))
        bars = round(self.plot.window_s / SLOT_S) // max(self._width, 1) + 2
        self.plot.traces.set_room(self.plot.window_s, self.plot.low, self.plot.high, bars)

    # -- words

    @property
    def value_text(self) -> str:
        """The value with its unit, or when there last was one."""
        if self.reading.value is not None:
            return number(self.reading.value, self.rule.unit)
        last_us = self.reading.last_us
        return f"last {wording.clock(from_epoch_us(last_us))}" if last_us else "–"

    @property
    def state_text(self) -> str:
        """The state as a word, loud only when somebody must look."""
        state = self.reading.state
        if state == NORMAL and not self.rule.is_judged:
            return "no limit"
        return state.upper() if state in (ABNORMAL, WARNING) else state

    def _say(self) -> None:
        title = display(self.rule.title, 100)
        self.setAccessibleName(f"{title}: {self.value_text}, {self.reading.state}")
        since = ""
        if self.reading.last_us:
            since = f"Last sample {wording.clock(from_epoch_us(self.reading.last_us))}. "
        self.setAccessibleDescription(f"{since}{wording.rule_sentence(self.rule)}. Enter enlarges it.")

    # -- events

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        self.plot.setGeometry(2, HEADER_PX, self.width() - 4, self.height() - HEADER_PX - 3)
        super().resizeEvent(event)

    def _on_resized(self) -> None:
        self.refit()
        self.scale()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        key = event.key()
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        if key in steps:
            self.moved.emit(self.rule.metric, *steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.chosen.emit(self.rule.metric)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802
        self.chosen.emit(self.rule.metric)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme, painter = self._theme, QPainter(self)
        painter.fillRect(self.rect(), theme.colour("sunken"))
        self._paint_words(painter)
        focused = self.hasFocus()
        painter.setPen(QPen(theme.colour("focus" if focused else "line"), theme.px("focus") if focused else 1))
        inset = 1.0 if focused else 0.5
        painter.drawRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset))
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        theme, shape = self._theme, MARKS.get(self.reading.state, MARKS[UNKNOWN])
        left, right = 8.0, self.width() - 8.0
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        metrics = QFontMetricsF(painter.font())
        title = metrics.elidedText(display(self.rule.title, 100), Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(QPointF(left, 5 + metrics.ascent()), title)
        loud = self.reading.state in (ABNORMAL, WARNING)
        known = self.reading.value is not None
        painter.setFont(theme.font("title" if known else "small"))
        painter.setPen(theme.colour("text" if known else "text_dim"))
        base = HEADER_PX - 6.0
        painter.drawText(QPointF(left, base), self.value_text)
        painter.setFont(theme.font("label" if loud else "small"))
        painter.setPen(theme.colour("text" if loud else "text_dim"))
        width = QFontMetricsF(painter.font()).horizontalAdvance(self.state_text)
        painter.drawText(QPointF(right - width, base), self.state_text)
        side = 11.0
        paint_mark(painter, QRectF(right - width - side - 5, base - side + 1, side, side), shape[0], theme, shape[1])

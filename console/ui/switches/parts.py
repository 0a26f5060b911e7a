"""Small pieces of the switches panel: a state column, a painted band, the numbers of a preview, dim captions.

Everything that is shown goes through `ui.text`; every colour comes from the theme at the time of painting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from console.domain.confirmation import Preview
from console.ui.chips import StateChip, paint_mark
from console.ui.switches.words import Sign, age_words, clock
from console.ui.text import PlainLabel
from console.ui.theme import Theme

_LOUD_STRIPE = 36


class _Wrapping(PlainLabel):
    """A label that never grows its window, however long a word is and however narrow the panel."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), 60), hint.height()) if self.wordWrap() else hint


class Dim(_Wrapping):
    """A quiet line in the theme's dim colour."""

    def __init__(
        self, theme: Theme, text: str = "", parent: QWidget | None = None, *, wrap: bool = False, font: str = "small"
    ) -> None:
        super().__init__("", parent)
        self._theme, self._token = theme, font
        self.setWordWrap(wrap)
        self.setText(text)
        theme.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, self._theme.colour("text_dim"))
        self.setPalette(palette)
        self.setFont(self._theme.font(self._token))


class Line(_Wrapping):
    """A line in one of the theme's fonts and inks; `set_ink` changes the colour token."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        font: str = "body",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
        ink: str = "text",
    ) -> None:
        super().__init__("", parent, limit=2_000)
        self._theme, self._ink = theme, ink
        self.setWordWrap(wrap)
        self.setFont(theme.font(font))
        self.setText(text)
        theme.changed.connect(self._dress)
        self._dress()

    def set_ink(self, ink: str) -> None:
        """Another colour token."""
        self._ink = ink
        self._dress()

    def _dress(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, self._theme.colour(self._ink))
        self.setPalette(palette)


class Band(QFrame):
    """A raised plate with a thick stripe on its left in a colour token; `set_tone` changes the stripe.

    A loud one is filled with the abnormal colour, marked with a cross; give its lines the ink "sunken".
    """

    def __init__(self, theme: Theme, tone: str = "line", parent: QWidget | None = None, *, loud: bool = False) -> None:
        super().__init__(parent)
        self._theme, self._tone, self._chosen, self._loud = theme, tone, False, False
        theme.changed.connect(self.update)
        self.set_loud(loud)

    def set_tone(self, tone: str, *, chosen: bool = False) -> None:
        """Another stripe; `chosen` gives it a frame in the accent colour."""
        if (tone, chosen) != (self._tone, self._chosen):
            self._tone, self._chosen = tone, chosen
            self.update()

    def set_loud(self, loud: bool) -> None:
        """Whether this is what must be seen before everything else."""
        self._loud = loud
        self.setContentsMargins(_LOUD_STRIPE if loud else 0, 0, 0, 0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room, radius = QRectF(self.rect()).adjusted(1, 1, -1, -1), self._theme.px("radius")
        edge = "focus" if self.hasFocus() else "accent" if self._chosen else "line"
        painter.setPen(QPen(self._theme.colour(edge), 2 if edge != "line" else 1))
        painter.setBrush(self._theme.colour("abnormal" if self._loud else "raised"))
        painter.drawRoundedRect(room, radius, radius)
        if self._loud:
            paint_mark(painter, QRectF(12, room.center().y() - 13, 26, 26), "cross", self._theme, "sunken")
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour(self._tone))
            painter.drawRect(QRectF(room.left(), room.top(), 5, room.height()))
        painter.end()


class StateCell(QWidget):
    """One of the three columns: what it is, the state as word and shape, since when and how."""

    def __init__(self, theme: Theme, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = caption
        self._chip = StateChip(theme)
        self._when = Dim(theme)
        self._when.setWordWrap(True)
        self._when.setMinimumWidth(60)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(1)
        box.addWidget(Dim(theme, caption))
        box.addWidget(self._chip)
        box.addWidget(self._when)
        box.addStretch(1)

    @property
    def sign(self) -> str:
        """The word shown."""
        return self._chip.word

    @property
    def words(self) -> str:
        """The line below it."""
        return self._when.text()

    def show_state(self, sign: Sign, words: str) -> None:
        """Shows another state."""
        self._chip.set_state(*sign)
        self._when.setText(words)
        self.setAccessibleName(f"{self._caption}: {sign[0]}, {words}")


class Numbers(QWidget):
    """What a command would reach, in numbers with their date. Signal: `seen()` when they were first painted."""

    seen = Signal()

    def __init__(
        self, theme: Theme, parent: QWidget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._theme, self._clock, self._seen_at, self._preview = theme, clock, 0.0, None
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px("space_4"))
        self._when = Dim(theme, "Asking the plane what this reaches …", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addLayout(self._grid)
        box.addWidget(self._when)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._cells: list[QLabel] = []

    def show_preview(self, preview: Preview | None) -> None:
        """Shows other numbers, or none; how long they were visible counts anew."""
        self._preview, self._seen_at = preview, 0.0
        for cell in self._cells:
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self._cells = []
        for column, (name, count) in enumerate(sorted((preview.counts if preview else {}).items())):
            number = Line(self._theme, _money(name, count), "large")
            caption = Dim(self._theme, _spell(name))
            self._grid.addWidget(number, 0, column)
            self._grid.addWidget(caption, 1, column)
            self._cells += [number, caption]
        if preview is None:
            self._when.setText("Asking the plane what this reaches …")
        self.update()

    def tell_age(self, now: datetime) -> None:
        """Says how old they are."""
        if self._preview is not None:
            at = self._preview.counted_at
            none = "" if self._preview.counts else "The back-end counts nothing here. "
            self._when.setText(f"{none}Counted {clock(at)} UTC, {age_words(at, now)}.")

    @property
    def visible_ms(self) -> int:
        """For how long the present numbers have been on the screen; 0 before they were painted."""
        return int((self._clock() - self._seen_at) * 1000) if self._seen_at else 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        super().paintEvent(event)
        if self._preview is not None and not self._seen_at and self.isVisible():
            self._seen_at = self._clock()
            self.seen.emit()


def row_of(*widgets: QWidget, stretch: int = -1, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; `stretch` is the place that grows."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(spacing)
    for place, widget in enumerate(widgets):
        line.addWidget(widget, 1 if place == stretch else 0)
    if stretch < 0:
        line.addStretch(1)
    return line


def scrolled(widget: QWidget) -> QScrollArea:
    """`widget` in a frameless area that scrolls down only."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(widget)
    return area


def _spell(name: str) -> str:
    return {
        "sessions": "sessions",
        "open_streams": "streams open now",
        "requests_60s": "requests in 60 s",
        "spend_microusd_60s": "spent in 60 s",
    }.get(name, name.replace("_", " "))


def _money(name: str, count: int) -> str:
    return f"${count / 1e6:,.2f}" if "microusd" in name else f"{count:,}"

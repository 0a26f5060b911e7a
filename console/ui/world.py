"""EXERCISE or LIVE, on every window: a band with the word, and the word first in the title.

A window made without a band still gets the word in its title from `console.ui.title_marker`.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from console.ui.text import display
from console.ui.theme import Theme

EXERCISE, LIVE, UNKNOWN = "EXERCISE", "LIVE", "NOT OPEN YET"
_SAYS = {
    EXERCISE: "nothing here reaches production",
    LIVE: "what you do here takes effect",
    UNKNOWN: "exercise or live is known when the record is open",
}
_PLATE = {EXERCISE: ("exercise", "exercise_text"), LIVE: ("live", "live_text"), UNKNOWN: ("raised", "text")}
_SEPARATOR = " \u00b7 "


def world_of(exercise: bool | None) -> str:
    """The word for the world; None while it is not known."""
    return UNKNOWN if exercise is None else EXERCISE if exercise else LIVE


class WorldBand(QWidget):
    """The band: striped for an exercise, plain and inverted for the live world."""

    def __init__(self, theme: Theme, exercise: bool | None, origin: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.set_world(exercise, origin)

    def set_world(self, exercise: bool | None, origin: str = "") -> None:
        """Shows another world; `origin` names the plane."""
        self.word, self._origin = world_of(exercise), display(origin, 80)
        self.setAccessibleName(f"{self.word}: {_SAYS[self.word]}")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(200, self._theme.px("band"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plate, ink = (self._theme.colour(name) for name in _PLATE[self.word])
        painter.fillRect(self.rect(), plate)
        room = QRectF(self.rect())
        if self.word == EXERCISE:
            _stripes(painter, room, plate)
        says = _SEPARATOR.join(part for part in (_SAYS[self.word], self._origin) if part)
        bold, plain = self._theme.font("band"), self._theme.font("small")
        word_width = QFontMetricsF(bold).horizontalAdvance(self.word)
        says_width = QFontMetricsF(plain).horizontalAdvance(says)
        wide = room.width() > word_width + says_width + 60
        total = word_width + (says_width + 14 if wide else 0)
        left = max(8.0, (room.width() - total) / 2)
        painter.fillRect(QRectF(left - 14, 0, total + 28, room.height()), plate)
        painter.setPen(ink)
        painter.setFont(bold)
        painter.drawText(QRectF(left, 0, word_width + 4, room.height()), int(Qt.AlignmentFlag.AlignVCenter), self.word)
        if wide:
            painter.setFont(plain)
            place = QRectF(left + word_width + 14, 0, says_width + 4, room.height())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), says)
        painter.end()


def _stripes(painter: QPainter, room: QRectF, plate: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate.darker(165))
    step, height = 16.0, room.height()
    x = -height
    while x < room.width():
        painter.drawPolygon(QPolygonF.fromList(_slant(x, step / 2, height)))
        x += step


def _slant(x: float, width: float, height: float) -> list[QPointF]:
    return [QPointF(x, height), QPointF(x + height, 0), QPointF(x + height + width, 0), QPointF(x + width, height)]


def with_band(window: QWidget, content: QWidget, theme: Theme, exercise: bool | None, origin: str = "") -> WorldBand:
    """Lays the band over `content` in a window of its own (a sheet, a dialog); returns the band."""
    band = WorldBand(theme, exercise, origin, window)
    layout = QVBoxLayout(window)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(band)
    layout.addWidget(content, 1)
    return band


def marked(title: str, exercise: bool | None) -> str:
    """A title with the word of the world first."""
    return with_word(title, world_of(exercise))


def with_word(title: str, word: str) -> str:
    """A title with `word` first, whatever word stood there before."""
    return _SEPARATOR.join(part for part in (word, unmarked(title)) if part)


def unmarked(title: str) -> str:
    """A title without the word of a world."""
    for word in (EXERCISE, LIVE, UNKNOWN):
        if title == word:
            return ""
        title = title.removeprefix(word + _SEPARATOR)
    return title

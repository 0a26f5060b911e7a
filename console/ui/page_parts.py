"""Small parts of pages: words that wrap, plates with a stripe, headed sections, buttons that cannot be held."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from console.ui.chips import paint_mark
from console.ui.press import guard
from console.ui.theme import Theme
from console.ui.words import Words

MOST = 500
"""Characters of one text on the page; the whole of it is in the record."""


def words(
    theme: Theme,
    text: object = "",
    font: str = "body",
    colour: str = "text",
    *,
    struck: bool = False,
    limit: int = MOST,
) -> Words:
    """A text of this page: it wraps, and only its beginning is shown when it is long."""
    return Words(theme, text, font, colour, wrap=True, struck=struck, limit=limit)


class Plate(QFrame):
    """A raised plate with a mark (shape, colour token) at its left; `rows` is what stands on it."""

    def __init__(self, theme: Theme, shape: str, colour: str) -> None:
        super().__init__()
        self._theme, self._shape, self._colour = theme, shape, colour
        gap = theme.px("space_2")
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(34, gap, gap, gap)
        self.rows.setSpacing(gap // 2)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room, radius = QRectF(self.rect()).adjusted(1, 1, -1, -1), self._theme.px("radius")
        painter.setPen(QPen(self._theme.colour("line"), 1))
        painter.setBrush(self._theme.colour("raised"))
        painter.drawRoundedRect(room, radius, radius)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour(self._colour))
        painter.drawRect(QRectF(room.left(), room.top(), 5, room.height()))
        paint_mark(painter, QRectF(12, 10, 16, 16), self._shape, self._theme, self._colour)
        painter.end()


class Section(QWidget):
    """A heading over whatever is in `rows`; hidden while there is nothing."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        gap = theme.px("space_2")
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, gap)
        self._whole.setSpacing(gap // 2)
        self.title = words(theme, title, "strong")
        self._whole.addWidget(self.title)
        self._inner: QWidget | None = None
        self.hide()

    def add_fixed(self, *widgets: QWidget) -> None:
        """Puts in what stays there when the rows are made anew, such as a field that is being typed in."""
        for widget in widgets:
            self._whole.addWidget(widget)

    def fill(self, title: str, rows: list[QWidget]) -> None:
        """Shows these rows in place of those before; none hides the section."""
        if self._inner is not None:
            self._inner.hide()
            self._inner.deleteLater()
        self._inner = QWidget(self)
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for row in rows:
            column.addWidget(row)
        self._whole.addWidget(self._inner)
        self.title.setText(title)
        self.setVisible(bool(rows))


def button(text: str, name: str, pressed: Callable[..., object]) -> QPushButton:
    """A button that a held key presses once; `name` says to a screen reader what it acts on."""
    made = QPushButton(text)
    made.setAccessibleName(name)
    made.setAutoDefault(True)
    guard(made)
    made.clicked.connect(pressed)
    return made


def field(name: str, hint: str, most: int, *, secret: bool = False) -> QLineEdit:
    """A line to type in."""
    made = QLineEdit()
    made.setMaxLength(most)
    made.setPlaceholderText(hint)
    made.setAccessibleName(name)
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


def caption(theme: Theme, text: str, of: QWidget) -> QLabel:
    """What a field is called, above it."""
    made = words(theme, text, "label", "text_dim")
    made.setBuddy(of)
    return made

"""Small painted signs: severity, state, lamp. Each says the same in shape, word and colour, and to a screen reader.

None of them takes the focus; colour alone never carries anything.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.ui.chip_shapes import severity_width
from console.ui.text import display, plain_tooltip
from console.ui.theme import Theme


class SeverityChip(QWidget):
    """Shows one severity; "" shows *ungraded*."""

    def __init__(self, theme: Theme, level: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._level = theme, level
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.set_level(level)

    @property
    def level(self) -> str:
        """The severity shown."""
        return self._level

    def set_level(self, level: str) -> None:
        """Shows another severity."""
        self._level = level
        self.setAccessibleName(f"Severity {self._theme.severity(level).text}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(
            severity_width(self._theme.font("label"), self._theme.severity(self._level).text), self._theme.px("chip")
        )

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        self._theme.paint_chip(painter, QRectF(self.rect()), self._level)
        painter.end()


STATE_SHAPES = ("circle", "ring", "square", "hollow_square", "triangle", "diamond", "cross", "dash", "half")


class StateChip(QWidget):
    """A word with a shape, in a colour token when it is abnormal: `set_state(word, shape, colour)`.

    The text stays in the text colour; only the shape is coloured.
    """

    def __init__(
        self, theme: Theme, word: str = "", shape: str = "circle", colour: str = "normal", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._word, self._shape, self._colour = "", shape, colour
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.set_state(word, shape, colour)

    @property
    def word(self) -> str:
        """The word shown."""
        return self._word

    def set_state(self, word: str, shape: str = "circle", colour: str = "normal") -> None:
        """Shows another state; `shape` is one of STATE_SHAPES, `colour` a token."""
        self._word, self._shape, self._colour = display(word, 60), shape, colour
        self.setAccessibleName(self._word)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        width = QFontMetricsF(self._theme.font("label")).horizontalAdvance(self._word)
        return QSize(int(width) + self._theme.px("lamp") + 14, self._theme.px("chip"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = self._theme.px("lamp")
        mark = QRectF(2, (self.height() - side) / 2, side, side)
        paint_mark(painter, mark, self._shape, self._theme, self._colour)
        painter.setPen(self._theme.colour("text"))
        painter.setFont(self._theme.font("label"))
        painter.drawText(
            QRectF(self.rect()).adjusted(side + 8, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), self._word
        )
        painter.end()


LAMP_STATES = {
    "normal": ("ring", "normal"),
    "abnormal": ("triangle", "abnormal"),
    "warning": ("diamond", "warning"),
    "unknown": ("cross", "unknown"),
    "silent": ("dash", "unknown"),
}
"""State -> (shape, colour token); whatever is not here is shown as unknown."""


class Lamp(QWidget):
    """A named lamp: what it watches, its state as a word, a shape and a colour, and why as a tooltip."""

    def __init__(self, theme: Theme, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._label = theme, display(label, 40)
        self._state, self._because = "unknown", ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.set_state("unknown")

    @property
    def state(self) -> str:
        """The state shown."""
        return self._state

    def set_state(self, state: str, because: str = "") -> None:
        """Shows another state and why."""
        self._state, self._because = display(state or "unknown", 30), because
        self.setAccessibleName(f"{self._label} lamp: {self._state}")
        self.setAccessibleDescription(display(because))
        plain_tooltip(self, f"{self._label}: {self._state}" + (f"\n{because}" if because else ""))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        name = QFontMetricsF(self._theme.font("small")).horizontalAdvance(self._label)
        word = QFontMetricsF(self._theme.font("strong")).horizontalAdvance(self._word())
        return QSize(int(name + word) + self._theme.px("lamp") + 34, self._theme.px("chip") + 4)

    def _word(self) -> str:
        return self._state if self._state == "normal" else self._state.upper()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme = self._theme
        shape, colour = LAMP_STATES.get(self._state, LAMP_STATES["unknown"])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(theme.colour("line" if colour == "normal" else colour), 1))
        painter.setBrush(theme.colour("sunken"))
        painter.drawRoundedRect(room, theme.px("radius"), theme.px("radius"))
        side = theme.px("lamp")
        mark = QRectF(8, (self.height() - side) / 2, side, side)
        paint_mark(painter, mark, shape, theme, colour)
        x = mark.right() + 7
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        painter.drawText(QRectF(x, 0, room.width(), self.height()), int(Qt.AlignmentFlag.AlignVCenter), self._label)
        x += QFontMetricsF(painter.font()).horizontalAdvance(self._label) + 6
        painter.setFont(theme.font("strong" if colour != "normal" else "body"))
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(x, 0, room.width(), self.height()), int(Qt.AlignmentFlag.AlignVCenter), self._word())
        painter.end()


def paint_mark(painter: QPainter, room: QRectF, shape: str, theme: Theme, colour: str) -> None:
    """Paints one of STATE_SHAPES into `room` in the colour token."""
    ink = theme.colour(colour)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    hollow = shape in ("ring", "hollow_square", "cross", "dash", "half")
    painter.setPen(QPen(ink, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush if hollow else ink)
    inner = room.adjusted(1.5, 1.5, -1.5, -1.5)
    if shape in ("circle", "ring", "half"):
        painter.drawEllipse(inner)
        if shape == "half":
            painter.setBrush(ink)
            painter.drawPie(inner, 90 * 16, 180 * 16)
    elif shape == "triangle":
        painter.drawPolygon(
            QPolygonF([QPointF(inner.center().x(), inner.top()), inner.bottomRight(), inner.bottomLeft()])
        )
    elif shape == "diamond":
        centre = inner.center()
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(centre.x(), inner.top()),
                    QPointF(inner.right(), centre.y()),
                    QPointF(centre.x(), inner.bottom()),
                    QPointF(inner.left(), centre.y()),
                ]
            )
        )
    elif shape == "cross":
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())
    elif shape == "dash":
        painter.drawLine(QPointF(inner.left(), inner.center().y()), QPointF(inner.right(), inner.center().y()))
    else:
        painter.drawRect(inner)
    painter.restore()

"""What chips are made of: the five severity shapes and the painting of plate, shape and text; and the plain look.

Shape, text and colour always come together; the text is black on the colour in every palette.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

INK = QColor(0, 0, 0)

PLAIN: dict[str, Any] = {
    "palette": {
        "dark": {
            "base": "#24272b", "raised": "#2e3237", "sunken": "#1b1d20", "line": "#454b53", "text": "#dfe2e6",
            "outline": "#7c858f", "edge": "#454b53", "hover": "#3a4047", "grip": "#5a626b",
            "text_dim": "#a6adb6", "accent": "#8fb4d8", "focus": "#a9d1f7", "selection": "#3b516a",
            "abnormal": "#ff7a70", "warning": "#fcca75", "normal": "#8f969e", "unknown": "#c3a6e0",
            "exercise": "#2f6fb0", "exercise_text": "#ffffff", "live": "#e4e7ea", "live_text": "#141618",
            "threshold": "#ff7a70", "milestone": "#a6adb6", "veil": "#1b1d20",
        }
        | {f"graph_{n}": "#d2d6db" for n in range(1, 7)}
    },
    "severity": {
        "text": "#000000", "border": "#1b1d20",
        "SEV-0": {"colour": "#c681ac", "shape": "octagon"}, "SEV-1": {"colour": "#fd5f6a", "shape": "triangle"},
        "SEV-2": {"colour": "#fcca75", "shape": "diamond"}, "SEV-3": {"colour": "#9fd4fe", "shape": "circle"},
        "SEV-4": {"colour": "#e1e5df", "shape": "square"},
    },
    "size": {"space_1": 4, "space_2": 8, "space_3": 12, "space_4": 16, "row": 26, "chip": 22, "icon": 16, "bar": 34},
    "font": {},
}  # fmt: skip
"""Enough of the tokens to work with when their file cannot be read."""


def outline(shape: str, room: QRectF) -> QPolygonF:
    """The polygon of `shape` inside `room`; a circle is one of many corners."""
    if shape == "triangle":
        return QPolygonF([QPointF(room.center().x(), room.top()), room.bottomRight(), room.bottomLeft()])
    if shape == "square":
        return QPolygonF(room.adjusted(1, 1, -1, -1))
    corners, turn = {"octagon": (8, math.pi / 8), "diamond": (4, 0.0)}.get(shape, (24, 0.0))
    centre, radius = room.center(), room.width() / 2
    angles = [turn + 2 * math.pi * n / corners for n in range(corners)]
    return QPolygonF([centre + QPointF(math.cos(a), math.sin(a)) * radius for a in angles])


def paint_severity(
    painter: QPainter, room: QRectF, colour: QColor, shape: str, text: str, font: QFont, border: QColor | None
) -> None:
    """Paints one severity chip into `room`: a plate of `colour`, the shape in black outline, the text in black."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(border, 2) if border is not None else Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    inset = 1.0 if border is not None else 0.0
    painter.drawRoundedRect(room.adjusted(inset, inset, -inset, -inset), 3, 3)
    side = min(room.height() - 8.0, 13.0)
    mark = QRectF(room.left() + 6, room.center().y() - side / 2, side, side)
    painter.setPen(QPen(INK, 1.4))
    painter.setBrush(INK)
    painter.drawPolygon(outline(shape, mark))
    painter.setFont(font)
    painter.drawText(room.adjusted(side + 11, 0, -6, 0), int(Qt.AlignmentFlag.AlignVCenter), text)
    painter.restore()


def severity_width(font: QFont, text: str) -> int:
    """How wide a chip with that text is, in pixels."""
    return math.ceil(QFontMetricsF(font).horizontalAdvance(text)) + 13 + 11 + 8

"""What stands behind the lines of a plot, limits and milestones, and before them: the veil of silence.

Painted in one go, in plain text; a limit differs by dashes and by its word, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from console.ui.telemetry.wording import LimitLine
from console.ui.theme import Theme

DASH, SPACE = 6, 4
VEIL_ALPHA, PLATE_ALPHA = 150, 215


@dataclass(frozen=True)
class MilestoneLine:
    """One milestone `ago_s` seconds ago: a letter for a small plot, a word for a large one."""

    ago_s: float
    letter: str
    word: str


class Marks(pg.GraphicsObject):
    """Set `limits`, `milestones` and `large`, then `update()`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.limits: Sequence[LimitLine] = ()
        self.milestones: Sequence[MilestoneLine] = ()
        self.large = False

    def boundingRect(self) -> QRectF:  # noqa: D102, N802
        return self.viewRect()

    def viewTransformChanged(self) -> None:  # noqa: D102, N802
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(self, painter: QPainter, *_: Any) -> None:  # noqa: D102
        to_px = painter.worldTransform()
        room = to_px.mapRect(self.viewRect())
        painter.save()
        painter.resetTransform()
        painter.setFont(self._theme.font("small"))
        for limit in self.limits:
            self._paint_limit(painter, room, to_px.map(QPointF(0, limit.value)).y(), limit)
        for milestone in self.milestones:
            self._paint_milestone(painter, room, to_px.map(QPointF(-milestone.ago_s, 0)).x(), milestone)
        painter.restore()

    def _paint_limit(self, painter: QPainter, room: QRectF, y: float, limit: LimitLine) -> None:
        if not room.top() <= y <= room.bottom():
            return
        fail = limit.level == "fail"
        painter.setPen(QPen(self._theme.colour("threshold" if fail else "warning"), 1))
        if fail:
            painter.drawLine(QLineF(room.left(), y, room.right(), y))
        else:
            starts = range(int(room.left()), int(room.right()), DASH + SPACE)
            painter.drawLines([QLineF(x, y, x + DASH, y) for x in starts])
        if self.large:
            painter.setPen(self._theme.colour("text_dim"))
            painter.drawText(QPointF(room.left() + 6, y - 3), f"{limit.level} {limit.text}")

    def _paint_milestone(self, painter: QPainter, room: QRectF, x: float, milestone: MilestoneLine) -> None:
        if not room.left() <= x <= room.right():
            return
        theme, text = self._theme, milestone.word if self.large else milestone.letter
        painter.setPen(QPen(theme.colour("milestone"), 1))
        painter.drawLine(QLineF(x, room.top(), x, room.bottom()))
        metrics = QFontMetricsF(painter.font())
        width = metrics.horizontalAdvance(text) + 6
        flag = QRectF(min(x, room.right() - width), room.top(), width, metrics.height())
        painter.fillRect(flag, theme.colour("milestone"))
        painter.setPen(theme.colour("sunken"))
        painter.drawText(flag, int(Qt.AlignmentFlag.AlignCenter), text)


class Veil(pg.GraphicsObject):
    """Set `lines` (plain sentences), `silent_s` and `whole`, then `update()`; without lines and seconds it is gone."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: Sequence[str] = ()
        self.silent_s = 0.0
        """Where silence began, seconds ago; the veil covers what is younger, or all of it with `whole`."""
        self.whole = False
        self.setZValue(10)

    def boundingRect(self) -> QRectF:  # noqa: D102, N802
        return self.viewRect()

    def viewTransformChanged(self) -> None:  # noqa: D102, N802
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(self, painter: QPainter, *_: Any) -> None:  # noqa: D102
        if not self.lines and self.silent_s <= 0:
            return
        to_px = painter.worldTransform()
        room = to_px.mapRect(self.viewRect())
        painter.save()
        painter.resetTransform()
        painter.setFont(self._theme.font("small"))
        self._paint_cover(painter, room, to_px.map(QPointF(-self.silent_s, 0)).x())
        if self.lines:
            self._paint_lines(painter, room)
        painter.restore()

    def _paint_cover(self, painter: QPainter, room: QRectF, x: float) -> None:
        left = min(max(x, room.left()), room.right())
        cover = self._theme.colour("veil")
        cover.setAlpha(VEIL_ALPHA)
        painter.fillRect(room if self.whole else QRectF(left, room.top(), room.right() - left, room.height()), cover)
        if room.left() < left < room.right():
            painter.setPen(QPen(self._theme.colour("unknown"), 1))
            painter.drawLine(QLineF(left, room.top(), left, room.bottom()))

    def _paint_lines(self, painter: QPainter, room: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        wide = max(metrics.horizontalAdvance(line) for line in self.lines) + 12
        height = metrics.height() * len(self.lines) + 4
        behind = self._theme.colour("sunken")
        behind.setAlpha(PLATE_ALPHA)
        plate = QRectF(room.center().x() - wide / 2, room.center().y() - height / 2, wide, height)
        painter.fillRect(plate, behind)
        painter.setPen(self._theme.colour("text"))
        y = plate.top() + 2
        for line in self.lines:
            painter.drawText(QRectF(plate.left(), y, wide, metrics.height()), int(Qt.AlignmentFlag.AlignCenter), line)
            y += metrics.height()

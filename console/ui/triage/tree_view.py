"""The triage tree as a tree: the incident at the root, ten branches in walk order, their signals as leaves.

Each branch is a control of its own, so that keyboard and screen reader reach it; the edges are painted behind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from console.domain.triage import NO, UNCLEAR, YES
from console.ui.text import display
from console.ui.theme import Theme
from console.ui.triage.node_widget import NodeWidget
from console.ui.triage.nodes import OPEN, NodeView

ROOT_PX, EDGE_PX, NARROW_PX = 118, 44, 470
ROW_MIN, ROW_MAX = 36, 52
_PLAIN_ID = re.compile(r"[a-z]+\.[\w-]+")


class TreeView(QWidget):
    """Signals: `focused(branch)`, `typed(key, text)`: of whichever branch has the focus."""

    focused = Signal(str)
    typed = Signal(int, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.nodes: dict[str, NodeWidget] = {}
        self._root: tuple[str, str, str] = ("", "", "")
        theme.changed.connect(self.update)
        self.setAccessibleName("Triage tree")

    def show_nodes(self, found: Sequence[NodeView], target: str, incident_class: str, severity: str) -> None:
        """Shows all branches; controls are made once."""
        for node in found:
            widget = self.nodes.get(node.branch.id)
            if widget is None:
                widget = self.nodes[node.branch.id] = NodeWidget(self._theme, node, self)
                widget.focused.connect(self.focused)
                widget.typed.connect(self.typed)
                widget.show()
                self.updateGeometry()
                self._place()
            else:
                widget.show_node(node)
        root = (display(target, 60), display(incident_class.replace("_", " "), 40), severity)
        self._root = root
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(620, 44 * max(len(self.nodes), 10))

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(250, ROW_MIN * max(len(self.nodes), 10))

    # -- places

    def _left(self) -> float:
        """Where the branches begin."""
        return (ROOT_PX + EDGE_PX) if self.width() >= NARROW_PX else EDGE_PX / 2

    def _place(self) -> None:
        rows = max(len(self.nodes), 1)
        height = min(max(self.height() / rows, ROW_MIN), ROW_MAX)
        top = max((self.height() - height * rows) / 2, 0)
        left = int(self._left())
        for n, widget in enumerate(self.nodes.values()):
            widget.setGeometry(left, int(top + n * height), self.width() - left, int(height))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._place()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        root = self._root_rect()
        start = QPointF(root.right(), root.center().y())
        ordered = sorted(self.nodes.values(), key=lambda widget: _weight(widget.node))
        for widget in ordered:
            card = widget.card().translated(widget.x(), widget.y())
            self._paint_edge(painter, start, QPointF(card.left(), card.center().y()), widget.node)
        if self.width() >= NARROW_PX:
            self._paint_root(painter, root)
        painter.end()

    def _root_rect(self) -> QRectF:
        middle = self.height() / 2
        if self.width() < NARROW_PX:
            return QRectF(0, middle, 3, 0)
        return QRectF(1, middle - 42, ROOT_PX, 84)

    def _paint_edge(self, painter: QPainter, start: QPointF, end: QPointF, node: NodeView) -> None:
        theme = self._theme
        width, colour, style = {
            YES: (3.0, "accent", Qt.PenStyle.SolidLine),
            UNCLEAR: (1.5, "unknown", Qt.PenStyle.SolidLine),
            NO: (1.0, "line", Qt.PenStyle.SolidLine),
            OPEN: (1.0, "normal", Qt.PenStyle.DotLine),
        }[node.state]
        painter.setPen(QPen(theme.colour(colour), width, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        bend = (end.x() - start.x()) * 0.55
        path = QPainterPath(start)
        path.cubicTo(QPointF(start.x() + bend, start.y()), QPointF(end.x() - bend, end.y()), end)
        painter.drawPath(path)

    def _paint_root(self, painter: QPainter, root: QRectF) -> None:
        theme, (target, incident_class, severity) = self._theme, self._root
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("raised"))
        painter.drawRoundedRect(root, 4, 4)
        inner = root.adjusted(8, 8, -8, -8)
        if severity:
            painter.save()
            theme.paint_chip(painter, QRectF(inner.left(), inner.top(), 78, 22), severity)
            painter.restore()
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.colour("text"))
        y = inner.top() + 42
        name = target.partition(".")[2] if _PLAIN_ID.fullmatch(target) else target  # a part of a strange text deceives
        for text, font in ((name, "strong"), (incident_class, "small")):
            painter.setFont(theme.font(font))
            metrics = QFontMetricsF(painter.font())
            painter.drawText(
                QPointF(inner.left(), y), metrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
            )
            painter.setPen(theme.colour("text_dim"))
            y += 18


def _weight(node: NodeView) -> int:
    """Edges of what holds are painted last, over the others."""
    return [NO, OPEN, UNCLEAR, YES].index(node.state)

"""One branch of the tree as a control: key, title, state, live signals and the answer they propose.

It takes the focus; keys are handed on by signals. Blue is what a person has found, red what a signal has breached.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from console.domain.judge import ABNORMAL, WARNING
from console.domain.triage import NO, UNCLEAR, YES
from console.ui.chips import paint_mark
from console.ui.numbers import number
from console.ui.text import display
from console.ui.theme import Theme
from console.ui.triage.nodes import OPEN, STATE_WORDS, NodeView, SignalView

CARD_PX, LEAF_GAP, MORE_PX = 232, 26, 22
_SAID_BY_UNIT = ("_ms", "_usd", "_rate", "_score", "_count")
MARKS = {YES: ("circle", "accent"), NO: ("dash", "normal"), UNCLEAR: ("half", "unknown"), OPEN: ("ring", "normal")}
CONFLICT_MARK = ("diamond", "warning")
SIGNAL_MARKS = {ABNORMAL: ("triangle", "abnormal"), WARNING: ("diamond", "warning")}


class NodeWidget(QWidget):
    """Signals: `focused(branch)` when it takes the focus, `typed(key, text)` for what it does not know itself."""

    focused = Signal(str)
    typed = Signal(int, str)

    def __init__(self, theme: Theme, node: NodeView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.node = theme, node
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)
        self.show_node(node)

    def show_node(self, node: NodeView) -> None:
        """Shows the branch as it stands now."""
        changed = node != self.node
        self.node = node
        self.setAccessibleName(
            f"{display(node.branch.title, 80)}, key {node.branch.key}: {self.state_text}"
            + (f", signals propose {node.proposed}" if node.proposed else "")
        )
        self.setAccessibleDescription("; ".join(f"{display(s.title, 80)} {value_text(s)}" for s in node.signals))
        if changed:
            self.update()

    @property
    def state_text(self) -> str:
        """The state in a word or two; what holds meanwhile where two answers were given at once."""
        if self.node.in_conflict:
            return f"in conflict, {STATE_WORDS[self.node.state]}"
        if self.node.state == OPEN and self.node.is_next:
            return "open, next"
        return STATE_WORDS[self.node.state]

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(420, 40)

    def card(self) -> QRectF:
        """Where the card lies; leaves follow to its right."""
        return QRectF(1, 2, min(CARD_PX, self.width() - 2), self.height() - 4)

    # -- events

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusInEvent(event)
        self.focused.emit(self.node.branch.id)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusOutEvent(event)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        wanted = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) or (plain and event.text().isalnum())
        if wanted and (not event.isAutoRepeat() or event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)):
            self.typed.emit(int(event.key()), event.text().lower())
        elif not wanted:
            super().keyPressEvent(event)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_card(painter)
        self._paint_leaves(painter)
        painter.end()

    def _paint_card(self, painter: QPainter) -> None:
        theme, node, card = self._theme, self.node, self.card()
        holds = node.state == YES
        painter.setBrush(theme.colour("selection" if holds else "raised"))
        if self.hasFocus():
            pen = QPen(theme.colour("focus"), theme.px("focus"))
        else:
            edge = "warning" if node.in_conflict else "accent" if holds else "line"
            pen = QPen(theme.colour(edge), 2 if holds or node.in_conflict else 1)
        painter.setPen(pen)
        painter.drawRoundedRect(card, 4, 4)
        cap = QRectF(card.left() + 7, card.center().y() - 10, 20, 20)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("sunken"))
        painter.drawRoundedRect(cap, 3, 3)
        painter.setFont(theme.font("label"))
        painter.setPen(theme.colour("text_dim"))
        painter.drawText(cap, int(Qt.AlignmentFlag.AlignCenter), display(node.branch.key.upper(), 2))
        left = cap.right() + 8
        painter.setFont(theme.font("strong" if node.state != NO else "body"))
        painter.setPen(theme.colour("text" if node.state != NO else "text_dim"))
        metrics = QFontMetricsF(painter.font())
        title = metrics.elidedText(display(node.branch.title, 80), Qt.TextElideMode.ElideRight, card.right() - left - 6)
        middle = card.center().y()
        painter.drawText(QPointF(left, middle - 3), title)
        mark, colour = CONFLICT_MARK if node.in_conflict else MARKS[node.state]
        paint_mark(painter, QRectF(left, middle + 3, 11, 11), mark, theme, colour)
        painter.setFont(theme.font("label" if holds or node.in_conflict else "small"))
        painter.setPen(theme.colour("text" if node.state != NO or node.in_conflict else "text_dim"))
        small = QFontMetricsF(painter.font())
        baseline = middle + 8.5 + small.ascent() / 2 - 1
        painter.drawText(QPointF(left + 16, baseline), self.state_text)
        self._paint_proposal(painter, left + 16 + small.horizontalAdvance(self.state_text), card.right() - 8, baseline)

    def _paint_proposal(self, painter: QPainter, left: float, right: float, baseline: float) -> None:
        node, theme = self.node, self._theme
        if not node.proposed or node.state == node.proposed:
            return
        text = f"signals say {node.proposed}"
        painter.setFont(theme.font("label" if node.proposed == YES else "small"))
        painter.setPen(theme.colour("text" if node.proposed == YES else "text_dim"))
        width = QFontMetricsF(painter.font()).horizontalAdvance(text)
        if right - width > left + 6:
            painter.drawText(QPointF(right - width, baseline), text)

    def _paint_leaves(self, painter: QPainter) -> None:
        theme, card = self._theme, self.card()
        shown = [s for s in self.node.signals if s.value is not None]
        x, limit, middle = card.right() + LEAF_GAP, self.width() - 4.0, card.center().y()
        if not shown or x > limit - 60:
            return
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(card.right() + 1, middle), QPointF(x - 6, middle))
        shown.sort(key=_loudness)
        for place, signal in enumerate(shown):
            more = len(shown) - place
            width = self._leaf_width(signal)
            if place and x + width > limit - (MORE_PX if more > 1 else 0):
                self._paint_more(painter, limit, middle, more)
                return
            self._paint_leaf(painter, x, middle, signal, limit - x - (MORE_PX if more > 1 else 0))
            x += width + 14

    def _paint_more(self, painter: QPainter, limit: float, middle: float, more: int) -> None:
        """How many signals have no room, beside the names, where it covers no value."""
        painter.setFont(self._theme.font("small"))
        painter.setPen(self._theme.colour("text_dim"))
        line = QRectF(limit - MORE_PX, middle - 18, MORE_PX, 16)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"+{more}")

    def _leaf_width(self, signal: SignalView) -> float:
        small, number_font = QFontMetricsF(self._theme.font("small")), QFontMetricsF(self._theme.font("label"))
        value = number_font.horizontalAdvance(value_text(signal))
        return max(small.horizontalAdvance(_short(signal)), value + (16 if signal.state in SIGNAL_MARKS else 0))

    def _paint_leaf(self, painter: QPainter, x: float, middle: float, signal: SignalView, room: float) -> None:
        theme, loud = self._theme, signal.state in SIGNAL_MARKS
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        name = QFontMetricsF(painter.font()).elidedText(_short(signal), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(x, middle - 4), name)
        left, room_below = x, self.width() - 4.0 - x
        if loud:
            mark, colour = SIGNAL_MARKS[signal.state]
            paint_mark(painter, QRectF(left, middle + 3, 11, 11), mark, theme, colour)
            left, room_below = left + 16, room_below - 16
        painter.setFont(theme.font("label" if loud else "small"))
        painter.setPen(theme.colour("text" if loud else "text_dim"))
        value = QFontMetricsF(painter.font()).elidedText(value_text(signal), Qt.TextElideMode.ElideRight, room_below)
        painter.drawText(QPointF(left, middle + 13), value)


def value_text(signal: SignalView) -> str:
    """The value in words; what only the record says is marked."""
    if signal.value is None:
        return "–"
    loud = {ABNORMAL: " breached", WARNING: " warns"}.get(signal.state, "")
    shown, since = number(signal.value, signal.unit), signal.onset[11:16]
    if signal.standing:  # the sign says that it was beyond its limit; the word has to say that it is not live
        return f"{shown} recorded {since}".rstrip()
    if signal.event_id and not loud:  # well again, and the record does not say so yet
        return f"{shown} now, breached {since}".rstrip()
    return shown + loud


def _short(signal: SignalView) -> str:
    """The metric without its last word where the unit beside the value says as much."""
    name = signal.metric
    for ending in _SAID_BY_UNIT:
        name = name.removesuffix(ending)
    return display(name.replace("_", " "), 40)


def _loudness(signal: SignalView) -> int:
    return {ABNORMAL: 0, WARNING: 1}.get(signal.state, 2)

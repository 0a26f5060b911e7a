"""Captured text as lines of plain characters: only what is visible is painted, so neither size nor content can harm.

No document, no markup, no links, nothing loaded. Lines arrive in their display form; copying gives exactly what
is shown.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from console.ui.theme import Theme

MARGIN = 8
CHARACTERS = 5_000
"""Most characters of one line that are ever drawn."""


class TextView(QAbstractScrollArea):
    """`show_lines` gives it what it shows; a line under the cursor is marked and can be copied (Ctrl+C: all lines)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lines: tuple[str, ...] = ()
        self._at = 0
        self._widest = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Content of the item, plain text")
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def lines(self) -> tuple[str, ...]:
        """What is shown."""
        return self._lines

    def show_lines(self, lines: tuple[str, ...]) -> None:
        """Shows these lines from the top."""
        self._lines, self._at = lines, 0
        self._widest = min(max(map(len, lines), default=0), CHARACTERS)
        self.verticalScrollBar().setValue(0)
        self.horizontalScrollBar().setValue(0)
        self.setAccessibleDescription(lines[0][:200] if lines else "")
        self._measure()

    def find(self, text: str) -> bool:
        """Goes to the next line after the current one that holds `text`, whatever its case; False when none does."""
        wanted, count = text.casefold(), len(self._lines)
        for step in range(1, count + 1):
            place = (self._at + step) % count
            if wanted and wanted in self._lines[place].casefold():
                self._go_to(place)
                return True
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self._theme.colour("sunken"))
        painter.setFont(self.font())
        first = self.verticalScrollBar().value()
        left = MARGIN - self.horizontalScrollBar().value()
        height = self._height
        for row in range(self._rows + 2):
            place = first + row
            if place >= len(self._lines):
                break
            top = row * height
            if place == self._at and self.hasFocus():
                painter.fillRect(0, int(top), self.viewport().width(), int(height), self._theme.colour("selection"))
            painter.setPen(self._theme.colour("text"))
            painter.drawText(left, int(top + self._ascent), self._lines[place][:CHARACTERS])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: self._rows,
            Qt.Key.Key_PageUp: -self._rows,
            Qt.Key.Key_Home: -len(self._lines),
            Qt.Key.Key_End: len(self._lines),
        }
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.key() == Qt.Key.Key_C:
            QGuiApplication.clipboard().setText("\n".join(self._lines))
        elif event.key() in steps:
            self._go_to(self._at + steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() + (40 if event.key() == Qt.Key.Key_Right else -40))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._measure()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusOutEvent(event)
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102, N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._measure()

    def _go_to(self, place: int) -> None:
        self._at = max(0, min(place, len(self._lines) - 1))
        bar = self.verticalScrollBar()
        if self._at < bar.value():
            bar.setValue(self._at)
        elif self._at >= bar.value() + self._rows:
            bar.setValue(self._at - self._rows + 1)
        self.viewport().update()

    def _dress(self) -> None:
        self.setFont(self._theme.font("mono"))
        self._measure()

    def _measure(self) -> None:
        metrics = QFontMetricsF(self.font())
        self._height, self._ascent = max(metrics.lineSpacing(), 1.0), metrics.ascent()
        self._rows = max(1, int(self.viewport().height() / self._height))
        self.verticalScrollBar().setRange(0, max(0, len(self._lines) - self._rows))
        self.verticalScrollBar().setPageStep(self._rows)
        width = int(self._widest * metrics.averageCharWidth()) + 2 * MARGIN
        self.horizontalScrollBar().setRange(0, max(0, width - self.viewport().width()))
        self.horizontalScrollBar().setPageStep(self.viewport().width())
        self.viewport().update()

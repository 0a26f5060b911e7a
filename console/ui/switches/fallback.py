"""The fallback card: what a person does by hand when the plane cannot be reached, and writing down that they did.

Offline nothing is sent and nothing is queued: a stop that would go out later is worse than none (OFF-3).
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from console.domain.switches import Switch
from console.ui.switches.parts import Band, Dim, Line, row_of
from console.ui.theme import Theme

HEAD = "The plane cannot be reached: nothing can be thrown from here"


class FallbackPage(QWidget):
    """The card of one order with its way back. Signal: `left()`."""

    left = Signal()

    def __init__(self, theme: Theme, title: str, card: FallbackCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        close = QPushButton("Back to the switches (Esc)")
        close.setAutoDefault(False)
        close.clicked.connect(self.left)
        box = QVBoxLayout(self)
        box.addWidget(Line(theme, title, "large", wrap=True))
        box.addWidget(card)
        box.addLayout(row_of(close))
        box.addStretch(1)


class FallbackCard(Band):
    """Signal: `used(words)` when the person says that they did it."""

    used = Signal(str)

    def __init__(self, theme: Theme, switch: Switch, why: str, head: str = "", parent: QWidget | None = None) -> None:
        super().__init__(theme, "abnormal", parent)
        self.note = QLineEdit()
        self.note.setPlaceholderText("What you did, and with whom (optional)")
        self.note.setAccessibleName("What was done by hand")
        self.note.setMaxLength(1_000)
        self.button = QPushButton("Record that I did it just now")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._on_used)
        self._done = Dim(theme, "", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 10, 12, 10)
        box.addWidget(Line(theme, head or HEAD, "title", wrap=True))
        box.addWidget(Dim(theme, why, wrap=True))
        box.addSpacing(theme.px("space_2"))
        box.addWidget(Dim(theme, f"BY HAND, IN PLACE OF {switch.id}"))
        box.addWidget(Line(theme, switch.fallback, "title", wrap=True))
        box.addLayout(row_of(self.note, self.button, stretch=0))
        box.addWidget(self._done)
        self.setFocusProxy(self.note)

    def show_recorded(self, words: str) -> None:
        """Says that it stands in the timeline."""
        self._done.setText(words)
        self.note.clear()

    def _on_used(self) -> None:
        self.used.emit(self.note.text().strip())

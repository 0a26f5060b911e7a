"""A plane that was just met, to be compared before anything is sent to it: its name, world, eight words of its root.

Whoever sent the one-time code has the same words. Nothing is ticked beforehand, and Enter does not tick it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from console.ui.text import PlainLabel, display
from console.ui.theme import Theme
from console.ui.world import world_of

if TYPE_CHECKING:
    from console.runtime.joining import Meeting

ASK = "Compare these eight words with those that came with your code, best aloud with whoever sent it:"
WHY = "Other words mean that somebody stands between you and your plane. Then do not join; tell whoever sent the code."
SAME = "I have &compared all eight words, and they are the same"


class RootWords(QWidget):
    """Signals: `compared(bool)` when the box is ticked or not. Attributes: `same` (the box), `words`."""

    compared = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.plane = PlainLabel("", self, limit=300)
        self.ask = PlainLabel(ASK, self)
        self.words = PlainLabel("", self)
        self.why = PlainLabel(WHY, self)
        self.same = QCheckBox(SAME, self)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px("space_2"))
        for part in (self.plane, self.ask, self.words, self.why):
            part.setWordWrap(True)
            rows.addWidget(part)
        rows.addWidget(self.same)
        self.same.toggled.connect(self.compared)
        theme.changed.connect(self._dress)
        self._dress()

    def show_met(self, met: Meeting) -> None:
        """Shows another plane, not compared yet."""
        self.same.setChecked(False)
        self.plane.setText(
            f"The plane at {display(met.url, 120)} calls itself {display(met.origin, 80)}, {_world(met)}."
        )
        told = met.words
        self.words.setText(f"{in_fours(told)}")
        self.words.setAccessibleName("The words are: " + ", ".join(told))

    def _dress(self) -> None:
        self.words.setFont(self._theme.font("title"))
        self.plane.setFont(self._theme.font("strong"))
        for label in (self.ask, self.why):
            label.setFont(self._theme.font("body"))


def in_fours(words: tuple[str, ...]) -> str:
    """Eight words as they are read aloud: with a pause in the middle."""
    return "  ".join(words[:4]) + "   \u00b7   " + "  ".join(words[4:])


def _world(met: Meeting) -> str:
    return f"{world_of(met.exercise)}: " + (
        "an exercise" if met.exercise else "the real thing, where switches take effect"
    )

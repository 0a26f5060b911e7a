"""Labels of pages: words that wrap and never make the page wider, in a font and colour of the theme."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QWidget

from console.ui.text import PlainLabel, plain_tooltip
from console.ui.theme import Theme

LEAST = 40
MOST = 2_000


class Words(PlainLabel):
    """Text in the theme's font and colour token; `wrap` for several lines, else one line that elides.

    `struck` strikes it through; `limit` is the most characters that are shown of it.
    """

    def __init__(
        self,
        theme: Theme,
        text: object = "",
        font: str = "body",
        colour: str = "text",
        *,
        wrap: bool = False,
        struck: bool = False,
        limit: int = MOST,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", parent, elide=not wrap, limit=limit)
        self._theme, self._font, self._colour, self._struck = theme, font, colour, struck
        self.setWordWrap(wrap)
        theme.changed.connect(self.dress)
        self.dress()
        self.setText(text)

    def set_colour(self, colour: str) -> None:
        """Shows the text in another colour token."""
        self._colour = colour
        self.dress()

    def setText(self, text: object) -> None:  # noqa: N802 - Qt's name
        """Shows `text` in its display form, whole in the tooltip where a long word may be cut."""
        super().setText(text)
        if self.wordWrap():
            longest = max((len(word) for word in self.text().split()), default=0)
            plain_tooltip(self, self.text() if longest > LEAST else "")

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        hint = super().minimumSizeHint()
        return QSize(LEAST, hint.height())

    def dress(self) -> None:
        """Takes font and colour from the theme again."""
        font = QFont(self._theme.font(self._font))
        font.setStrikeOut(self._struck)
        self.setFont(font)
        palette = self.palette()
        palette.setColor(self.foregroundRole(), self._theme.colour(self._colour))
        self.setPalette(palette)

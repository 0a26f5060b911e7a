"""Text that came from elsewhere, made harmless: plain, bounded, with invisible characters written out.

Every title, label, note, series name and captured word goes through here before a widget sees it. Qt renders HTML in
labels and tooltips by itself unless it is told not to.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

LINE = 300
TOOLTIP = 1_000
PARAGRAPH = 20_000
_LONG_WORD = re.compile(r"\S{28,}")
_PIECE = 12


def display(text: object, limit: int = LINE) -> str:
    """`text` on one line, invisible and bidirectional characters written out, cut after `limit` characters."""
    text = str(text)
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text  # as the window's own words are: the first paint needs no more
    from console.evidence.display import display_line

    return display_line(text, limit)


def paragraphs(text: str, limit: int = PARAGRAPH) -> str:
    """`text` with its line breaks kept, everything else as `display`."""
    from console.evidence.display import display_text

    return display_text(text, limit).text


def plain_tooltip(widget: QWidget, text: str) -> None:
    """Gives `widget` a tooltip that shows `text` as it is: Qt would render what looks like HTML."""
    shown = paragraphs(text, TOOLTIP) if text else ""
    # Qt decides by the look of the text whether it is HTML; escaped inside one paragraph it is HTML for certain.
    import html

    widget.setToolTip(f"<p style='white-space:pre-wrap'>{html.escape(shown)}</p>" if shown else "")


def breakable(text: str) -> str:
    """`text` with places where words longer than a line may be broken; put them in after the display form was made.

    One unbroken word of a stranger would otherwise make a wrapping label, and the window around it, as wide as it is.
    """
    return _LONG_WORD.sub(_with_breaks, text)


def _with_breaks(found: re.Match[str]) -> str:
    word = found.group()
    return "\u200b".join(word[at : at + _PIECE] for at in range(0, len(word), _PIECE))


class PlainLabel(QLabel):
    """A label that never renders markup; set `elide` for one line that shortens with an ellipsis instead of growing.

    With `setWordWrap` it breaks words that are longer than a line.
    """

    def __init__(
        self, text: object = "", parent: QWidget | None = None, *, elide: bool = False, limit: int = LINE
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._limit, self._elide, self._whole = limit, elide, ""
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setText(text)

    def setText(self, text: object) -> None:  # noqa: N802 - Qt's name
        """Shows `text` in its display form."""
        self._whole = paragraphs(str(text), self._limit) if self.wordWrap() else display(text, self._limit)
        super().setText(breakable(self._whole) if self.wordWrap() else self._whole)
        if self._elide:
            self._tell_whole()

    def text(self) -> str:
        """What is shown, without the places where a long word may be broken."""
        return self._whole

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        hint = super().minimumSizeHint()
        return QSize(0, hint.height()) if self._elide else hint

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        if self._elide:
            self._tell_whole()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        if not self._elide:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(QRectF(room), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)

    def _tell_whole(self) -> None:
        cut = QFontMetrics(self.font()).horizontalAdvance(self._whole) > self.contentsRect().width()
        plain_tooltip(self, self._whole if cut else "")

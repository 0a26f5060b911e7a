"""The chosen entry in full under the table: as high as its text, up to a share of the panel, then it scrolls.

However long a text is, the table keeps its place.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from console.ui.text import PlainLabel

MOST_LINES = 6


class WholeEntry(QScrollArea):
    """Attributes: `label`, which takes the text by `show_text`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = PlainLabel("", self, limit=2_000)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.label.setAccessibleName("The chosen entry in full")
        self.setAccessibleName("The chosen entry in full")
        self.setWidget(self.label)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str) -> None:
        """Shows another entry from its beginning."""
        self.label.setText(text)
        self.verticalScrollBar().setValue(0)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        line = self.label.fontMetrics().lineSpacing()
        wanted = self.label.heightForWidth(max(self.width(), 100))
        return QSize(200, max(line, min(wanted, MOST_LINES * line)))

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(100, self.label.fontMetrics().lineSpacing())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

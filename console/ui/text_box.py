"""Several lines of plain text to write in, bounded, out of which every key finds its way."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

MOST_TEXT = 21_000
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class TextBox(QPlainTextEdit):
    """Several lines of plain text; Tab leaves it, Ctrl+Enter goes to the confirming button, Esc to the sheet.

    What is pasted is bounded, because one line of a million characters would stop the window for minutes.
    """

    def __init__(self, least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setMinimumHeight(least)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ShortcutOverride and _is_ctrl_enter(event):
            event.accept()  # or the shortcut of another panel would take it
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape or _is_ctrl_enter(event):
            event.ignore()
            return
        super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: D102, N802
        room = MOST_TEXT - len(self.toPlainText())
        self.insertPlainText(source.text()[: max(room, 0)])


def _is_ctrl_enter(event: QEvent) -> bool:
    ctrl = Qt.KeyboardModifier.ControlModifier
    return isinstance(event, QKeyEvent) and event.key() in _ENTER and bool(event.modifiers() & ctrl)

"""The word of the world in the title of every window, whoever made it: watches the whole application."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget

from console.ui.world import with_word, world_of


class TitleMarker(QObject):
    """Puts the word first in the title of every window that is shown; install it once on the application."""

    def __init__(self, app: QApplication, exercise: bool | None) -> None:
        super().__init__(app)
        self._word = world_of(exercise)
        app.installEventFilter(self)

    def set_world(self, exercise: bool | None) -> None:
        """Another world from now on, for the windows that are there as well."""
        self._word = world_of(exercise)
        for window in QApplication.topLevelWidgets():
            if window.isVisible():
                self._mark(window)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if event.type() in (QEvent.Type.Show, QEvent.Type.WindowTitleChange) and isinstance(watched, QWidget):
            self._mark(watched)
        return False

    def _mark(self, window: QWidget) -> None:
        kind = window.windowType()
        if not window.isWindow() or kind in (Qt.WindowType.Popup, Qt.WindowType.ToolTip):
            return
        wanted = with_word(window.windowTitle(), self._word)
        if window.windowTitle() != wanted:
            window.setWindowTitle(wanted)

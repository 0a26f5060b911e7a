"""Bands under the incident bar that stay while something is wrong with the desk itself: nobody can command from here,
and nobody is being paged. Each has one button that leads to what to do. Unlike a notice they cannot be dismissed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.ui.chips import paint_mark
from console.ui.theme import Theme
from console.ui.words import Words

if TYPE_CHECKING:
    from console.ui.frame import Frame

GONE = ("offline", "stopped", "alarm")
NOBODY = "NOBODY IS SIGNED IN. The incident can be read; sign in to command."
LOCKED = "LOCKED: SIGN IN TO COMMAND. {} The incident can be read; stopping needs a signature."
UNPAGED = "NOBODY IS BEING PAGED: the plane is out of reach. Call people yourself."


class DeskBand(QWidget):
    """One sentence with a sign and a button. Signals: `wanted(action id)`."""

    wanted = Signal(str)

    def __init__(self, theme: Theme, button: str, action: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._action = theme, action
        self.text = Words(theme, "", "strong", parent=self)
        self.button = QPushButton(button, self)
        self.button.clicked.connect(self._on_clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(36, 3, 6, 3)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.hide()

    def say(self, sentence: str) -> None:
        """Shows the sentence; "" hides the band."""
        if sentence == self.text.text() and bool(sentence) != self.isHidden():
            return
        self.text.setText(sentence)
        self.setAccessibleName(self.text.text())
        self.button.setAccessibleName(f"{self.button.text()}: {self.text.text()}" if sentence else self.button.text())
        self.setVisible(bool(sentence))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("sunken"))
        painter.fillRect(QRectF(0, 0, 8, self.height()), self._theme.colour("abnormal"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), self._theme.colour("abnormal"))
        paint_mark(painter, QRectF(14, (self.height() - 16) / 2, 16, 16), "triangle", self._theme, "abnormal")
        painter.end()

    def _on_clicked(self, _: bool = False) -> None:
        self.wanted.emit(self._action)


class DeskBands(QWidget):
    """Both bands, kept up to date. Signals: `wanted(action id)`."""

    wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget) -> None:
        super().__init__(parent)
        self._frame = frame
        self.seat = DeskBand(frame.theme, "Sign in   Ctrl+Shift+I", "people.sign_in", self)
        self.paging = DeskBand(frame.theme, "Phone list   Ctrl+Shift+P", "people.phone_list", self)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for band in (self.seat, self.paging):
            rows.addWidget(band)
            band.wanted.connect(self.wanted)
        frame.bridge.person_changed.connect(self._show_seat)
        frame.bridge.connection_changed.connect(self._show_paging)
        self._show_seat()
        self._show_paging(frame.bridge.connection)

    def _show_seat(self) -> None:
        session = self._frame.session
        if session.locked:
            self.seat.say(LOCKED.format(f"{session.locked.split('. ')[0]}."))
        else:
            self.seat.say(NOBODY if session.enrolled and not session.signed_in else "")

    def _show_paging(self, connection: Any) -> None:
        gone = self._frame.bridge.has_plane and connection.state in GONE
        self.paging.say(UNPAGED if gone else "")

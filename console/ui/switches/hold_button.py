"""The button that fires: held for a second, or pressed twice on purpose; nothing else counts (SWI-3).

Enter never presses it. A key that repeats is one press, a key that was down before counts for nothing, and any other
key or click in between takes the first press back. It says what it wants in words, so that a screen reader's "press"
works it by the second way.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QPushButton, QSizePolicy, QWidget

from console.domain.switches import GateTimes
from console.ui.press import DEBOUNCE_MS, guard
from console.ui.text import display
from console.ui.theme import Theme

SECOND_WITHIN_MS = 4_000
_TICK_MS = 30
_SILENT_KEYS = frozenset({Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta})


class HoldButton(QPushButton):
    """Signals: `confirmed(gesture)` with "hold" or "second_press", `said(sentence)` what it makes of a press."""

    confirmed = Signal(str)
    said = Signal(str)

    def __init__(
        self, theme: Theme, times: GateTimes, parent: QWidget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._theme, self._times, self._clock = theme, times, clock
        self._verb, self._first_at, self._pressed_at, self._fired = "", 0.0, 0.0, False
        self._by_key = False
        self._hold = QTimer(self, singleShot=True)
        self._hold.timeout.connect(self._on_held)
        self._wait = QTimer(self, singleShot=True, interval=SECOND_WITHIN_MS)
        self._wait.timeout.connect(self.take_back)
        self._tick = QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self.update)
        self.setAutoDefault(False)
        self.setDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        guard(self)
        self.pressed.connect(self._on_pressed)
        self.released.connect(self._on_released)
        self.clicked.connect(self._on_clicked)

    @property
    def is_half_done(self) -> bool:
        """Whether the first of two presses was made."""
        return self._first_at > 0

    def set_verb(self, verb: str) -> None:
        """What it does, in two or three words: "STOP borealis"."""
        self._verb, self._fired = display(verb, 60), False
        self._say()

    def take_back(self) -> None:
        """Forgets the first press and any holding."""
        self._hold.stop()
        self._wait.stop()
        self._tick.stop()
        self._first_at = self._pressed_at = 0.0
        self._unwatch()
        self._say()

    def fire_no_more(self) -> None:
        """Nothing more comes of it until `set_verb`."""
        self._fired = True
        self.take_back()

    # -- presses

    def _on_pressed(self) -> None:
        if self._fired:
            return
        self._pressed_at = self._clock()
        self._watch()
        # A key's release is believed only after the debounce, so a hold by key must last that much longer.
        self._hold.start(self._times.hold_ms + (DEBOUNCE_MS if self._by_key else 0))
        self._tick.start()
        self._say()

    def _on_released(self) -> None:
        self._hold.stop()
        self._tick.stop()
        self.update()

    def _on_clicked(self) -> None:
        pressed_at, self._pressed_at = self._pressed_at, 0.0
        if self._fired or not pressed_at:
            return
        if not self._first_at:
            self._first_at = pressed_at
            self._wait.start()
            self.said.emit("Once more to confirm, or hold it for a second.")
            self._say()
            return
        gap_ms = (pressed_at - self._first_at) * 1000
        if gap_ms < self._times.reflex_fail_ms:
            self._first_at = pressed_at
            self._wait.start()
            self.said.emit(f"{gap_ms:.0f} ms after the first is a reflex and does not count; once more if you mean it.")
            return
        if gap_ms < self._times.reflex_warn_ms:
            self.said.emit(f"Confirmed {gap_ms:.0f} ms after the first press: that was quick.")
        self._fire("second_press")

    def _on_held(self) -> None:
        if not self._fired and self.isDown() and self.isEnabled() and self.isVisible():
            self._fire("hold")

    def _fire(self, gesture: str) -> None:
        self.fire_no_more()
        self.confirmed.emit(gesture)

    # -- what is not a press

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() != Qt.Key.Key_Space:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select):
                event.accept()
                return
            super().keyPressEvent(event)
            return
        if event.isAutoRepeat() or event.modifiers() != Qt.KeyboardModifier.NoModifier:
            event.accept()
            return
        self._by_key = True
        super().keyPressEvent(event)
        self._by_key = False

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.isAutoRepeat():
            event.accept()
            return
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusOutEvent(event)
        self.take_back()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self.take_back()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102, N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            if not self.isEnabled():
                self.setDown(False)
            self.take_back()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Watches the application while half done: whatever else is pressed takes the first press back."""
        if isinstance(watched, QWidget) and event.type() in (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress):
            mine = watched is self
            if isinstance(event, QKeyEvent):
                mine = (mine and event.key() == Qt.Key.Key_Space) or event.key() in _SILENT_KEYS
            if not mine:
                self.setDown(False)
                self.take_back()
        return False

    def _watch(self) -> None:
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
            app.installEventFilter(self)

    def _unwatch(self) -> None:
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    # -- look

    def _say(self) -> None:
        words = f"Press again: {self._verb}" if self.is_half_done else f"Hold to {self._verb}"
        self.setText(words)
        self.setAccessibleName(words)
        self.setAccessibleDescription("Hold Space for one second, or press it twice. Enter does nothing here.")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        width = QFontMetrics(self._theme.font("title")).horizontalAdvance(f"Press again: {self._verb}")
        return QSize(width + 48, self._theme.px("button") + 12)

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(160, self._theme.px("button") + 12)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        live = self.isEnabled() and not self._fired
        radius = theme.px("radius")
        edge = theme.colour("focus" if self.hasFocus() else "abnormal" if live else "line")
        painter.setPen(QPen(edge, 3 if self.hasFocus() else 2))
        painter.setBrush(theme.colour("selection" if self.is_half_done else "raised" if live else "base"))
        painter.drawRoundedRect(room, radius, radius)
        if self.isDown() and self._hold.isActive():
            share = 1 - self._hold.remainingTime() / max(self._hold.interval(), 1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("abnormal"))
            painter.drawRect(QRectF(room.left(), room.bottom() - 6, room.width() * min(max(share, 0), 1), 6))
        painter.setFont(theme.font("title"))
        painter.setPen(theme.colour("text" if live else "text_dim"))
        words = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room.width()) - 12)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.end()

"""The loudest thing of the window: a stop that failed, that holds only in part, or whose outcome nobody knows (SWI-7).

It stays under the incident bar whatever panel is in front, above every notice, and cannot be dismissed: it goes when
the stop is seen to hold. A screen reader is told at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.queries.failed_stops import FailedStop, failed_stops
from console.ui.chips import paint_mark
from console.ui.failed_stop_words import head, place_words, running_words, whole
from console.ui.text import display
from console.ui.words import Words

if TYPE_CHECKING:
    from console.domain.changes import Changes
    from console.ui.frame import Frame

GATHER_MS = 50
_KINDS = frozenset({"command", "switch", "observation", "incident"})
_SIGN = 34
ACTION = "switches.failed"


class FailedStopBand(QWidget):
    """Signals: `wanted(action id)`. `shown` are the stops it tells of, the newest first."""

    wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget) -> None:
        super().__init__(parent)
        theme = frame.theme
        self._frame, self._theme = frame, theme
        self.shown: tuple[FailedStop, ...] = ()
        self._head = Words(theme, "", "large", "sunken", wrap=True, parent=self)
        self._where = Words(theme, "", "strong", "sunken", wrap=True, limit=600, parent=self)
        self.button = QPushButton("Go to it   Ctrl+Shift+X", self)
        self.button.clicked.connect(self._on_clicked)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._head)
        words.addWidget(self._where)
        row = QHBoxLayout(self)
        row.setContentsMargins(_SIGN + 22, 6, 10, 6)
        row.addLayout(words, 1)
        row.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gathering.timeout.connect(self._look)
        frame.bridge.changed.connect(self._on_changed)
        theme.changed.connect(self.update)
        self.hide()
        self._look()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("abnormal"))
        painter.fillRect(QRectF(0, self.height() - 2, self.width(), 2), self._theme.colour("sunken"))
        paint_mark(painter, QRectF(12, (self.height() - _SIGN) / 2, _SIGN, _SIGN), "cross", self._theme, "sunken")
        painter.end()

    def _on_changed(self, changes: Changes) -> None:
        if changes.kinds & _KINDS and not self._gathering.isActive():
            self._gathering.start()

    def _look(self) -> None:
        if self._frame.bridge.is_open:
            self._frame.bridge.ask(failed_stops, self._frame.policy.inventory, owner=self, then=self._show)

    def _show(self, found: tuple[FailedStop, ...]) -> None:
        if found == self.shown:
            return
        before, self.shown = self.shown, found
        self.setVisible(bool(found))
        if not found:
            return
        newest = found[0]
        more = f"   (and {len(found) - 1} more)" if len(found) > 1 else ""
        self._head.setText(f"{head(newest)}   {newest.switch} on {newest.target}{more}")
        places = "   ".join(place_words(place) for place in newest.places)
        self._where.setText("   ".join(part for part in (places, running_words(newest)) if part))
        self.setAccessibleName(display(whole(newest) + more, 600))
        self.button.setAccessibleName(f"Go to it: {self._head.text()}")
        if {_key(one) for one in found} - {_key(one) for one in before}:
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _on_clicked(self, _: bool = False) -> None:
        self.wanted.emit(ACTION)


def _key(one: FailedStop) -> tuple[str, str, str]:
    return one.switch, one.target, one.how

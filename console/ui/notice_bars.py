"""Notices as bars under the incident bar: newest first, at most three, gone by themselves unless they are errors.

Nothing here takes the focus; the newest one is dismissed by its shortcut.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from console.ui.notices import Notice
from console.ui.text import PlainLabel, breakable
from console.ui.theme import Theme

MOST = 3
LASTS_MS = {"info": 8_000, "warning": 20_000, "error": 0}
"""How long a bar stays besides the time to read it; 0 until it is dismissed."""
READ_MS = 70
"""What a tired reader takes a character."""
_MARK = {
    "info": ("info-circle", "accent"),
    "warning": ("alert-circle", "warning"),
    "error": ("alert-triangle", "abnormal"),
}
_WORD = {"info": "Note", "warning": "Attention", "error": "Error"}


class NoticeBar(QWidget):
    """One notice. Signals: `gone(bar)` when it was dismissed or its time is over, `chosen(action_id)`."""

    gone = Signal(object)
    chosen = Signal(str)

    def __init__(self, notice: Notice, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice, self._theme, self._count = notice, theme, 1
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._sign = QLabel(self)
        self._text = PlainLabel(notice.sentence, self, limit=600)
        self._text.setWordWrap(True)
        self._text.setText(notice.sentence)
        self._times = PlainLabel("", self)
        self._least = theme.px("bar") if notice.action is not None else theme.px("row") + 2
        self._lay_out(notice)
        self.setFixedHeight(self._least)
        self._fitting = QTimer(self, singleShot=True, interval=0)
        self._fitting.timeout.connect(self._fit)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.dismiss)
        self._start()
        theme.changed.connect(self._dress)
        self._dress()

    def again(self) -> None:
        """The same was said once more."""
        self._count += 1
        self._times.setText(f"\u00d7 {self._count}")
        self._start()

    def dismiss(self) -> None:
        """Ends it."""
        self._timer.stop()
        self.gone.emit(self)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._fitting.start()  # not in here: a layout under way would put the old height back

    def _fit(self) -> None:
        # The height of a text that wraps is only known at its width, which nested layouts do not pass on.
        room = QRect(0, 0, max(80, self._text.width()), 10_000)
        shown = breakable(self._text.text())
        text = self._text.fontMetrics().boundingRect(room, int(Qt.TextFlag.TextWordWrap), shown)
        wanted = max(self._least, text.height() + 10)
        if wanted != self.height():
            self.setFixedHeight(wanted)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        painter.fillRect(QRectF(0, 0, 4, self.height()), self._theme.colour(_MARK[self.notice.level][1]))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), self._theme.colour("line"))
        painter.end()

    def _lay_out(self, notice: Notice) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 6, 3)
        row.setSpacing(self._theme.px("space_2"))
        row.addWidget(self._sign)
        row.addWidget(self._text, 1)
        row.addWidget(self._times)
        if notice.action is not None:
            self._button = QPushButton(notice.action[0], self)
            self._button.clicked.connect(self._on_button_clicked)
            row.addWidget(self._button)
        self._close = QToolButton(self, autoRaise=True)
        self._close.setAccessibleName(f"Dismiss: {self._text.text()[:80]}")
        self._close.setToolTip("Dismiss (Ctrl+Shift+D dismisses the newest)")
        self._close.clicked.connect(self.dismiss)
        row.addWidget(self._close)
        self.setAccessibleName(f"{_WORD[notice.level]}: {self._text.text()}")

    def _dress(self) -> None:
        name, colour = _MARK[self.notice.level]
        size = self._theme.px("icon")
        self._sign.setPixmap(self._theme.icon(name, colour).pixmap(size, size))
        self._sign.setAccessibleName(_WORD[self.notice.level])
        self._close.setIcon(self._theme.icon("x"))
        self.update()

    def _start(self) -> None:
        lasts = LASTS_MS[self.notice.level]
        if lasts:
            self._timer.start(lasts + READ_MS * len(self.notice.sentence))

    def _on_button_clicked(self) -> None:
        if self.notice.action is not None:
            self.chosen.emit(self.notice.action[1])
        self.dismiss()


class NoticeBars(QWidget):
    """The stack of bars. Signals: `chosen(action_id)`."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._later = theme, list[Notice]()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self.bars: list[NoticeBar] = []
        """Newest first."""

    def show_notice(self, notice: Notice) -> None:
        """Shows it on top; the same sentence again counts on its bar; the fourth waits until there is room."""
        for bar in self.bars:
            if bar.notice == notice:
                bar.again()
                return
        if len(self.bars) >= MOST:
            self._make_room(notice)
            return
        self._add(notice)

    def dismiss_newest(self) -> None:
        """Ends the bar on top."""
        if self.bars:
            self.bars[0].dismiss()

    def _make_room(self, notice: Notice) -> None:
        """The oldest that is no error goes; when all are errors, one more of lesser weight waits."""
        lesser = [bar for bar in self.bars if bar.notice.level != "error"]
        if lesser:
            lesser[-1].dismiss()
            self._add(notice)
        elif notice not in self._later:
            self._later.append(notice)
            del self._later[:-20]

    def _add(self, notice: Notice) -> None:
        bar = NoticeBar(notice, self._theme, self)
        bar.gone.connect(self._on_bar_gone)
        bar.chosen.connect(self.chosen)
        self.bars.insert(0, bar)
        self._rows.insertWidget(0, bar)
        bar.show()

    def _on_bar_gone(self, bar: NoticeBar) -> None:
        if bar not in self.bars:
            return
        self.bars.remove(bar)
        self._rows.removeWidget(bar)
        bar.hide()
        bar.deleteLater()
        if self._later and len(self.bars) < MOST:
            self._add(self._later.pop(0))

"""A sheet that takes a page's place until it is confirmed or left by Esc: joining, signing in, lending a role.

What takes time runs on a worker, and what went wrong is one sentence on the sheet. Nothing is modal: menus, bars and
the other panels stay where they are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.page_parts import button, caption, words

WIDEST = 640


class PageSheet(QWidget):
    """Signals: `left()`. Fields go into `rows`; the confirming button is `button`, `to` names where Back leads."""

    left = Signal()

    def __init__(self, frame: Frame, title: str, intro: str, confirm: str, to: str) -> None:
        super().__init__()
        theme = frame.theme
        self.frame = frame
        self.stops: list[QWidget] = []
        self.title = words(theme, title, "title")
        self.intro = words(theme, intro, "body", "text_dim")
        self.trouble = words(theme, "", "strong")
        self.trouble.hide()
        self.button = button(confirm, confirm, self._on_confirmed)
        self.cancel = button("Back   Esc", f"Back to {to}", self._on_cancel)
        page = QWidget(self)
        page.setMaximumWidth(WIDEST)
        self.rows = QVBoxLayout(page)
        self.rows.setContentsMargins(0, 0, 0, 0)
        whole = QVBoxLayout(self)
        gap = theme.px("space_2")
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        self.foot = QHBoxLayout()
        for part in (self.button, self.cancel):
            part.setMinimumHeight(theme.px("button"))
            self.foot.addWidget(part)
        self.foot.addStretch(1)
        for part in (self.title, self.intro, page, self.trouble):
            whole.addWidget(part)
        whole.addLayout(self.foot)
        whole.addStretch(1)
        self.setAccessibleName(title)

    def add(self, label: str, line: Any) -> None:
        """Adds a field under its label; Enter in a line confirms."""
        self.rows.addWidget(caption(self.frame.theme, label, line))
        self.rows.addWidget(line)
        self.stops.append(line)
        if isinstance(line, QLineEdit):
            line.returnPressed.connect(self._on_confirmed)

    def say(self, sentence: str) -> None:
        """Shows what is wrong, and takes presses again."""
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))
        self.button.setAccessibleDescription(self.trouble.text())
        self.setEnabled(True)

    def missing(self) -> str:
        """What must be written first, "" when nothing is."""
        return ""

    def confirm(self) -> None:
        """Begins the work; the sheet is disabled meanwhile."""
        raise NotImplementedError

    def take_focus(self) -> None:
        """Puts the focus where the typing begins."""
        self.stops[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def failed(self, error: BaseException) -> None:
        """Says why it was not done and stays open."""
        self.say(sentence_of(error))
        self.take_focus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        for before, after in pairwise((*self.stops, self.button, self.cancel)):
            QWidget.setTabOrder(before, after)
        self.take_focus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape:
            if not event.isAutoRepeat() and self.isEnabled():
                self._on_cancel()
            return
        super().keyPressEvent(event)

    def _on_cancel(self, _: bool = False) -> None:
        self.left.emit()

    def _on_confirmed(self, _: bool = False) -> None:
        sentence = self.missing()
        self.say(sentence)
        if not sentence:
            self.say("This takes a moment ...")
            self.setEnabled(False)
            self.confirm()

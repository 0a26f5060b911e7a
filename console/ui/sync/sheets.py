"""Sheets of the sync page: joining a plane by a one-time code, and signing in with one's own key again.

Each takes the page's place until it is confirmed or left by Esc; the work runs on a worker, and what went wrong is one
sentence on the sheet.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from console.ui.bridge import sentence_of
from console.ui.first_run import LEAST_PASSPHRASE, MAX_CODE
from console.ui.frame import Frame
from console.ui.root_words import RootWords
from console.ui.sync.parts import button, caption, field, words

if TYPE_CHECKING:
    from console.runtime.joining import Joined, Meeting
    from console.ui.session import Door

WIDEST = 640
MAX_URL, MAX_SECRET = 300, 1_000


class _Sheet(QWidget):
    """Signals: `left()`. Fields go into `rows`; the confirming button is `button`."""

    left = Signal()

    def __init__(self, frame: Frame, door: Door, title: str, intro: str, confirm: str) -> None:
        super().__init__()
        theme = frame.theme
        self.frame, self.door = frame, door
        self.stops: list[QWidget] = []
        self.title = words(theme, title, "title")
        self.intro = words(theme, intro, "body", "text_dim")
        self.trouble = words(theme, "", "strong")
        self.trouble.hide()
        self.button = button(confirm, confirm, self._on_confirmed)
        self.cancel = button("Back   Esc", "Back to the sync page", self._on_cancel)
        page = QWidget(self)
        page.setMaximumWidth(WIDEST)
        self.rows = QVBoxLayout(page)
        self.rows.setContentsMargins(0, 0, 0, 0)
        whole = QVBoxLayout(self)
        gap = theme.px("space_2")
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        foot = QHBoxLayout()
        for part in (self.button, self.cancel):
            part.setMinimumHeight(theme.px("button"))
            foot.addWidget(part)
        foot.addStretch(1)
        for part in (self.title, self.intro, page, self.trouble):
            whole.addWidget(part)
        whole.addLayout(foot)
        whole.addStretch(1)
        self.setAccessibleName(title)

    def add(self, label: str, line: Any) -> None:
        """Adds a field under its label; Enter in it confirms."""
        self.rows.addWidget(caption(self.frame.theme, label, line))
        self.rows.addWidget(line)
        self.stops.append(line)
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

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        for before, after in pairwise((*self.stops, self.button, self.cancel)):
            QWidget.setTabOrder(before, after)
        self.take_focus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
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


class JoinSheet(_Sheet):
    """Signals: `joined(Joined)`. Two steps: meet the plane, then compare its words and join."""

    joined = Signal(object)

    def __init__(self, frame: Frame, door: Door) -> None:
        super().__init__(
            frame, door, "Join a plane",
            "Everything this desk has written stays as it is and is sent to the plane afterwards. If the plane "
            "refuses, nothing here has changed.",
            "Meet the plane",
        )  # fmt: skip
        self.plane = field("Address of the plane", "https://HOST:PORT", MAX_URL)
        self.code = field("One-time code of your invitation", "like abcd-efgh-jkmn-pqrs", MAX_CODE)
        hint = f"{LEAST_PASSPHRASE} characters or more; it opens the key that you sign with"
        self.passphrase = field("Passphrase of your own key", hint, MAX_SECRET, secret=True)
        self.again = field("The same passphrase again", "The same again", MAX_SECRET, secret=True)
        self.add("Address of the plane", self.plane)
        self.add("One-time code", self.code)
        self.add("A passphrase for your own key", self.passphrase)
        self.add("The same passphrase again", self.again)
        self.met: Meeting | None = None
        self._first = [self.rows.itemAt(place).widget() for place in range(self.rows.count())]
        self.root_words = RootWords(frame.theme, self)
        self.root_words.hide()
        self.rows.addWidget(self.root_words)
        self.stops.append(self.root_words.same)

    def missing(self) -> str:  # noqa: D102
        if self.met is not None:
            same = self.root_words.same.isChecked()
            return "" if same else "Compare the eight words first, and tick that they are the same."
        if not self.plane.text().strip():
            return "Write the address of the plane."
        if not self.code.text().strip():
            return "Write the one-time code of your invitation."
        if len(self.passphrase.text()) < LEAST_PASSPHRASE:
            return f"The passphrase must have at least {LEAST_PASSPHRASE} characters."
        return "" if self.passphrase.text() == self.again.text() else "The two passphrases differ; write one twice."

    def confirm(self) -> None:  # noqa: D102
        if self.met is None:
            job, then = partial(self.door.meet, self.plane.text().strip()), self._on_met
        else:
            job = partial(self.door.join, self.met, self.code.text().strip(), self.passphrase.text())
            then = self._on_joined
        self.frame.bridge.work(job, owner=self, then=then, failed=self.failed)

    def take_focus(self) -> None:  # noqa: D102
        (self.plane if self.met is None else self.root_words.same).setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_met(self, met: Meeting) -> None:
        self._show_step(met)
        self.root_words.show_met(met)
        self.take_focus()

    def _show_step(self, met: Meeting | None) -> None:
        self.met = met
        for part in self._first:
            part.setVisible(met is None)
        self.root_words.setVisible(met is not None)
        self.title.setText("Join a plane" if met is None else "Is this your plane?")
        self.button.setText("Meet the plane" if met is None else "Join this plane")
        self.button.setAccessibleName(self.button.text())
        self.say("")

    def _on_joined(self, found: Joined) -> None:
        self.joined.emit(found)
        self.left.emit()

    def _on_cancel(self, _: bool = False) -> None:
        if self.met is not None:
            self._show_step(None)
            self.take_focus()
        else:
            super()._on_cancel()


class SignInSheet(_Sheet):
    """Signals: `unlocked(SigningKey)`."""

    unlocked = Signal(object)

    def __init__(self, frame: Frame, door: Door) -> None:
        intro = "Your own key is in a file under your passphrase; commands, approvals and closing need it."
        super().__init__(frame, door, "Sign in", intro, "Sign in")
        self.passphrase = field("Passphrase of your own key", "Passphrase", MAX_SECRET, secret=True)
        self.add("Passphrase of your own key", self.passphrase)

    def missing(self) -> str:  # noqa: D102
        return "" if self.passphrase.text() else "Write the passphrase of your own key."

    def confirm(self) -> None:  # noqa: D102
        job = partial(self.door.unlock, self.passphrase.text())
        self.frame.bridge.work(job, owner=self, then=self._on_unlocked, failed=self.failed)

    def _on_unlocked(self, key: Any) -> None:
        self.unlocked.emit(key)
        self.left.emit()

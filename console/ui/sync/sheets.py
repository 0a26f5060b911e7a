"""The sheet of the sync page: joining a plane by a one-time code."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal

from console.ui.first_run import LEAST_PASSPHRASE, MAX_CODE
from console.ui.frame import Frame
from console.ui.page_parts import field
from console.ui.page_sheet import PageSheet
from console.ui.root_words import RootWords

if TYPE_CHECKING:
    from console.runtime.joining import Joined, Meeting
    from console.ui.session import Door

MAX_URL, MAX_SECRET = 300, 1_000


class JoinSheet(PageSheet):
    """Signals: `joined(Joined)`. Two steps: meet the plane, then compare its words and join."""

    joined = Signal(object)
    first, last_button = "Join a plane", "Join this plane"

    def __init__(self, frame: Frame, door: Door) -> None:
        super().__init__(
            frame, self.first,
            "Everything this desk has written stays as it is and is sent to the plane afterwards. If the plane "
            "refuses, nothing here has changed.",
            "Meet the plane", "the sync page",
        )  # fmt: skip
        self.door, self.let_in = door, door.join
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
            job = partial(self.let_in, self.met, self.code.text().strip(), self.passphrase.text())
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
        self.title.setText(self.first if met is None else "Is this your plane?")
        self.button.setText("Meet the plane" if met is None else self.last_button)
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

"""Signing in: choose who sits here, write the passphrase, Enter. A wrong one slows down and never shuts out.

The pause grows with every wrong passphrase of the same person and is shown as a countdown; it is kept by the page that
owns it, so that closing and opening the sheet does not end it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.page_parts import button, field
from console.ui.page_sheet import PageSheet
from console.ui.people.words import role_titles
from console.ui.sync.sheets import MAX_SECRET
from console.ui.text import display

if TYPE_CHECKING:
    from console.ui.session import Door, Sitter

LONGEST_PAUSE_S = 5
TICK_MS = 200
ROWS_SEEN = 5
MOST_NAME = 60


class Pauses:
    """How long each person has to wait after wrong passphrases: 1 s, 2 s ... LONGEST_PAUSE_S; a right one ends it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def wrong(self, person: str) -> None:
        """Counts one more wrong passphrase."""
        times = self._wrong.get(person, (0, 0.0))[0] + 1
        self._wrong[person] = times, self._clock() + min(times, LONGEST_PAUSE_S)

    def right(self, person: str) -> None:
        """Forgets what was wrong before."""
        self._wrong.pop(person, None)

    def left_s(self, person: str) -> float:
        """Seconds until the next try, 0 when it may be now."""
        return max(self._wrong.get(person, (0, 0.0))[1] - self._clock(), 0.0)


class SignInSheet(PageSheet):
    """Signals: `signed_in(Sitter, SigningKey)`, `newcomer_wanted()`."""

    signed_in = Signal(object, object)
    newcomer_wanted = Signal()

    def __init__(
        self, frame: Frame, door: Door, pauses: Pauses, roles_now: Callable[[Sitter], tuple[str, ...]]
    ) -> None:
        super().__init__(
            frame, "Who sits here?", "Choose yourself, write your passphrase, Enter. What stands armed is disarmed; "
            "the chosen incident stays.", "Sign in", "the people page",
        )  # fmt: skip
        self._door, self._pauses, self._roles_now = door, pauses, roles_now
        self.people = QListWidget()
        self.people.setAccessibleName("People of this desk")
        self.people.setTabKeyNavigation(False)
        self.people.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.people.currentRowChanged.connect(self._on_chosen)
        self.people.itemActivated.connect(self._on_activated)
        self.passphrase = field("Passphrase of your own key", "Passphrase", MAX_SECRET, secret=True)
        self.add("People of this desk", self.people)
        self.add("Passphrase", self.passphrase)
        self.newcomer = button("Somebody new with a code ...", "Somebody new with a code", self._on_newcomer)
        self.newcomer.setMinimumHeight(frame.theme.px("button"))
        self.foot.insertWidget(1, self.newcomer)
        self.newcomer.setVisible(frame.bridge.has_plane)
        self._why = ""
        self._sitters: tuple[Sitter, ...] = ()
        self._waits = QTimer(self, interval=TICK_MS)
        self._waits.timeout.connect(self._on_tick)
        frame.bridge.work(door.people, owner=self, then=self._show_people, failed=self.failed)

    @property
    def chosen(self) -> Sitter | None:
        """Who is chosen."""
        row = self.people.currentRow()
        return self._sitters[row] if 0 <= row < len(self._sitters) else None

    def missing(self) -> str:  # noqa: D102
        if self.chosen is None:
            return "Choose who you are."
        left = self._pauses.left_s(self.chosen.person)
        if left:
            self._waits.start()
            return _wait(left)
        return "" if self.passphrase.text() else "Write the passphrase of your own key."

    def confirm(self) -> None:  # noqa: D102
        sitter = self.chosen
        assert sitter is not None  # `missing` asked for one
        job = partial(self._door.unlock, sitter.person, self.passphrase.text())
        self.passphrase.clear()
        then, failed = partial(self._on_unlocked, sitter), partial(self._on_wrong, sitter)
        self.frame.bridge.work(job, owner=self, then=then, failed=failed)

    def take_focus(self) -> None:  # noqa: D102
        session, known = self.frame.session, [sitter.person for sitter in self._sitters]
        comes_back = not session.signed_in and session.person in known
        wanted = self.passphrase if comes_back or len(known) < 2 else self.people
        wanted.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.people.hasFocus():
            self._on_activated()
            return
        super().keyPressEvent(event)

    def _show_people(self, sitters: tuple[Sitter, ...]) -> None:
        self._sitters = sitters
        for sitter in sitters:
            roles = role_titles(self.frame.policy, self._roles_now(sitter)) or "no role"
            name = display(sitter.display_name or sitter.person, MOST_NAME)
            item = QListWidgetItem(f"{name}   {display(sitter.person, MOST_NAME)}   {roles}")
            self.people.addItem(item)
        known = [sitter.person for sitter in sitters]
        here = self.frame.session.person
        self.people.setCurrentRow(known.index(here) if here in known else 0)
        row = self.people.sizeHintForRow(0) if sitters else 20
        self.people.setFixedHeight(row * min(max(len(sitters), 1), ROWS_SEEN) + 8)
        if not sitters:
            self.say("No key of a person is kept on this desk; join a plane first (sync page).")
        self.take_focus()

    def _on_chosen(self, _: int) -> None:
        self._why = ""
        self.passphrase.clear()
        self.say("")

    def _on_activated(self, _: object = None) -> None:
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_unlocked(self, sitter: Sitter, key: Any) -> None:
        self._pauses.right(sitter.person)
        self.signed_in.emit(sitter, key)
        self.left.emit()

    def _on_wrong(self, sitter: Sitter, error: BaseException) -> None:
        self._pauses.wrong(sitter.person)
        self._why = sentence_of(error)
        self._waits.start()
        self._on_tick()
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_tick(self) -> None:
        sitter = self.chosen
        left = self._pauses.left_s(sitter.person) if sitter is not None else 0.0
        told = _wait(left) if left else "You can try again now."
        self.say(" ".join(part for part in (self._why, told) if part))
        if not left:
            self._waits.stop()

    def _on_newcomer(self, _: bool = False) -> None:
        self.newcomer_wanted.emit()


def _wait(left_s: float) -> str:
    return f"Wait {int(left_s) + 1} s before the next try."

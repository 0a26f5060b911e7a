"""The opening sheet: what a person saw, in a title, with the target where it is known; the level follows (INT-1)."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from console.actions.opening import MAX_TITLE, open_by_hand
from console.domain.changes import Changes
from console.ui.frame import Frame
from console.ui.incident.grading import FIRST_URGENCY
from console.ui.incident.sheet import Sheet, choice
from console.ui.text import display

WRITE = "Say in a few words what is wrong."


class OpenSheet(Sheet):
    """Needs no incident and no plane; the new incident is the chosen one afterwards."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(
            frame,
            None,
            "Open an incident",
            "Open it   Enter",
            "For what no signal has told. The level follows from what the inventory says of the target.",
        )
        items, urgencies = frame.policy.inventory.items, frame.policy.severity.urgencies
        self.what = QLineEdit(self)
        self.what.setMaxLength(MAX_TITLE)
        self.what.setPlaceholderText("What is wrong? Enter goes to the button.")
        self.target = choice([("", "Not known, or not in the inventory"), *((i, display(i, 80)) for i in items)])
        self.urgency = choice([(i, text[:1].upper() + text[1:]) for i, text in urgencies.items()], FIRST_URGENCY)
        self.add("What is wrong", self.what)
        self.add("Target", self.target)
        self.add("How urgent is it?", self.urgency)
        self.what.textChanged.connect(self._on_text)
        self._on_text()

    def take_focus(self) -> None:
        """Begins with the title, and goes on to the button once there is one."""
        (self.button if self.what.text().strip() else self.what).setFocus()

    def confirm(self) -> None:  # noqa: D102
        self.set_busy("Opening ...")
        self.frame.bridge.act(
            open_by_hand,
            self.what.text(),
            self.frame.policy.inventory.items.get(self.target.currentData()),
            self.urgency.currentData(),
            self.frame.policy.severity,
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_opened,
            failed=self.fail,
        )

    def _on_text(self, _: str = "") -> None:
        self.set_missing("" if self.what.text().strip() else WRITE)

    def _on_opened(self, changes: Changes) -> None:
        target = self.target.currentData()
        self.finish("")
        self.frame.selection.choose_incident(next(iter(changes.incidents)), target)

"""Somebody new at a desk that is enrolled already: the plane is met and compared again, then their own code is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from console.ui.frame import Frame
from console.ui.sync.sheets import JoinSheet

if TYPE_CHECKING:
    from console.ui.session import Door

INTRO = (
    "The desk stays in the name of whoever enrolled it; from now on this person can sign in here as well. Compare the "
    "plane's words with those that came with your own code."
)


class NewcomerSheet(JoinSheet):
    """Signals: `joined(Joined)`. As joining, at the plane that this desk has."""

    first, last_button = "Somebody new at this desk", "Sign in here from now on"

    def __init__(self, frame: Frame, door: Door) -> None:
        super().__init__(frame, door)
        self.intro.setText(INTRO)
        self.cancel.setAccessibleName("Back to the people page")
        self.plane.setText(str(frame.bridge.desk.settings.plane_url))
        self.plane.setReadOnly(True)
        self.let_in = door.add

    def take_focus(self) -> None:  # noqa: D102
        (self.code if self.met is None else self.root_words.same).setFocus(Qt.FocusReason.OtherFocusReason)

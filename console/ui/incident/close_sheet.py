"""The closing sheet: what was wrong and what ended it, in words, under the person's signature."""

from __future__ import annotations

from console.actions.incidents import MAX_NOTE, close
from console.domain.changes import Changes
from console.domain.incident import CLOSED
from console.queries.standing import Standing
from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.incident.sheet import Sheet
from console.ui.text_box import TextBox

WRITE = "Write in words what was wrong and what ended it."


class CloseSheet(Sheet):
    """Nothing is closed by a reflex: it takes words first, and the button says what is missing until then (LRN-3)."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        super().__init__(
            frame,
            standing,
            "Close the incident",
            "Close it   Enter",
            "Restored, sealed and reviewed. Closing is not resolving: that takes regressions for every variant.",
        )
        self.words = TextBox(90, self)
        self.words.setPlaceholderText("What was wrong, what was done, what ended it. Tab goes on.")
        self.add("Resolution in words", self.words)
        self.words.textChanged.connect(self._on_text)
        self.draft = Draft(frame.bridge, self.words, "close")
        self.draft.open(standing.page.row.incident)
        self._on_text()

    def take_focus(self) -> None:
        """Begins with the words."""
        self.words.setFocus()

    def confirm(self) -> None:  # noqa: D102
        self.set_busy("Closing ...")
        self.frame.bridge.act(
            close,
            self.standing.page.row.incident,
            self.words.toPlainText(),
            self.standing.page.row.opened,
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_closed,
            failed=self.fail,
        )

    def refresh(self, standing: Standing) -> None:
        """Takes up what is missing now."""
        super().refresh(standing)
        self._on_text()

    def _on_text(self) -> None:
        text, missing = self.words.toPlainText(), self.standing.page.missing[CLOSED]
        if missing:
            self.set_missing(" ".join(missing))
        elif not text.strip():
            self.set_missing(WRITE)
        else:
            over = len(text) - MAX_NOTE
            self.set_missing(f"{over} characters too many; attach the rest as evidence." if over > 0 else "")

    def _on_closed(self, _: Changes) -> None:
        self.draft.drop()
        self.finish("The incident is closed.")

"""Keeps what is written in a sheet on this desk until the order is written: reasons only, never the typed name.

The name is a gate; it is typed anew each time.
"""

from __future__ import annotations

from console.ui.drafting import Draft
from console.ui.frame import Frame
from console.ui.switches.draft import Armed
from console.ui.switches.fallback import FallbackCard
from console.ui.switches.form import SheetForm


class Keeping:
    """The drafts of one sheet."""

    def __init__(self, frame: Frame, armed: Armed, form: SheetForm) -> None:
        self._bridge, self._incident = frame.bridge, armed.incident
        self._place = f"{armed.switch.id}:{armed.target}:{armed.want}"
        self._drafts = {"reason": Draft(frame.bridge, form.reason, "switch.reason")}
        if form.second is not None:
            self._drafts["glass"] = Draft(frame.bridge, form.second.glass, "switch.glass")

    def open(self) -> None:
        """Shows what was written for this switch, target and incident before."""
        for draft in self._drafts.values():
            draft.open(self._incident, self._place)

    def open_fallback(self, card: FallbackCard) -> None:
        """The same for what is done by hand instead."""
        self._drafts["by hand"] = Draft(self._bridge, card.note, "switch.by_hand")
        self._drafts["by hand"].open(self._incident, self._place)

    def drop(self) -> None:
        """All of it is recorded."""
        for draft in self._drafts.values():
            draft.drop()

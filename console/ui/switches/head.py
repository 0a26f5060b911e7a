"""What the list of switches is of: the target in full, the incident, and the step that comes next (SWI-5)."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.domain.inventory import Inventory
from console.domain.reach import Proposal
from console.queries.switch_board import SwitchBoard
from console.ui.switches.parts import Dim, Line
from console.ui.switches.reasons import NO_INCIDENT
from console.ui.switches.words import crumbs
from console.ui.theme import Theme

_HOLDS = "is stopped already and the harm goes on."


class Head(QWidget):
    """Three lines; the last is hidden when there is nothing to take."""

    def __init__(self, theme: Theme, inventory: Inventory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inventory = inventory
        self.title = Line(theme, "No incident chosen", "large", wrap=True)
        self.where = Dim(theme, NO_INCIDENT, wrap=True)
        self.step = Line(theme, "", "strong", wrap=True)
        self.step.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        for line in (self.title, self.where, self.step):
            box.addWidget(line)

    def show_board(self, board: SwitchBoard | None) -> None:
        """Shows what a board is of."""
        step = step_words(board.proposal) if board is not None and board.proposal is not None else ""
        self.step.setText(step)
        self.step.setVisible(bool(step))
        if board is None:
            self.title.setText("No incident chosen")
            self.where.setText(NO_INCIDENT)
        elif not board.target:
            self.title.setText(f"Unmapped: {board.named[:100] or 'no target'}")
            self.where.setText("What the incident names is not in the inventory, so nothing can be thrown for it.")
        else:
            self.title.setText(" / ".join(crumbs(self._inventory, board.target, "\u2026")[:3]))
            self.where.setText(f"Switches that reach this target. Incident: {board.title}")


def step_words(proposal: Proposal) -> str:
    """The step to take next; after stops that hold, only the person can say whether the harm goes on."""
    reach = proposal.reach
    if reach is None or not proposal.passed_over or proposal.fails_closed:
        return proposal.sentence
    if all(one.why.endswith(_HOLDS) for one in proposal.passed_over):
        return f"If the harm goes on, the next step is {reach.switch} on {reach.target}."
    return proposal.sentence

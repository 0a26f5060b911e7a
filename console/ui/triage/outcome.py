"""What the walk comes to: class, severity, the smallest step with its warnings, surface, runbook, roles; and conclude.

Until it is concluded it is a proposal that changes with every answer; when it changes afterwards, that is said.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.domain.triage import ContainmentStep, Proposal, TriageTree
from console.queries.triage import Conclusion
from console.ui.chips import SeverityChip, StateChip
from console.ui.text import PlainLabel, plain_tooltip
from console.ui.theme import Theme

_NEXT_STEPS = 2


class Outcome(QFrame):
    """Signals: `conclude_wanted()`, `sheet_wanted()`. Whoever shows it puts its buttons, `keys`, where they stay."""

    conclude_wanted = Signal()
    sheet_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._state = StateChip(theme, "", parent=self)
        self._chip = SeverityChip(theme, "", self)
        self._first = PlainLabel("", self, limit=400)
        self._warning = StateChip(theme, "", "triangle", "warning", self)
        self._rest = PlainLabel("", self, limit=900)
        self.conclude = QPushButton("Conclude  (Ctrl+Enter)", self)
        self.sheet = QPushButton("Switch sheet  (F9)", self)
        self.keys = QWidget(self)
        self._build()

    def _build(self) -> None:
        theme = self._theme
        for label in (self._first, self._rest):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._first.setFont(theme.font("strong"))
        self._rest.setFont(theme.font("small"))
        self.conclude.setAccessibleName("Conclude triage")
        self.sheet.setAccessibleName("Open the switch sheet")
        self.conclude.clicked.connect(self.conclude_wanted)
        self.sheet.clicked.connect(self.sheet_wanted)
        head = QHBoxLayout()
        head.addWidget(self._state, 1)
        head.addWidget(self._chip)
        keys = QHBoxLayout(self.keys)
        keys.setContentsMargins(0, 0, 0, 0)
        keys.setSpacing(theme.px("space_2"))
        keys.addWidget(self.conclude, 1)
        keys.addWidget(self.sheet, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.px("space_1"), 0, 0)
        layout.setSpacing(theme.px("space_1"))
        layout.addLayout(head)
        layout.addWidget(self._first)
        layout.addWidget(self._warning)
        layout.addWidget(self._rest)

    def show_proposal(
        self, proposal: Proposal | None, conclusion: Conclusion | None, tree: TriageTree, blocked: str
    ) -> None:
        """Shows what the walk comes to; `blocked` says why it may not be concluded, "" when it may."""
        self.conclude.setEnabled(not blocked)
        plain_tooltip(self.conclude, blocked)
        self.sheet.setEnabled(conclusion is not None)
        self._say_state(proposal, conclusion)
        if proposal is None:
            self._chip.hide()
            self._warning.hide()
            self._first.setText("")
            self._rest.setText(blocked)
            return
        self._chip.show()
        self._chip.set_level(proposal.severity)
        steps = proposal.containment
        self._first.setText(f"Smallest step: {step_text(steps[0])}" if steps else "No step is known for this.")
        warning = steps[0].warning if steps else ""
        self._warning.setVisible(bool(warning))
        self._warning.set_state(warning or " ", "triangle", "warning")
        self._rest.setText(_rest(proposal, tree))

    def _say_state(self, proposal: Proposal | None, conclusion: Conclusion | None) -> None:
        if proposal is None:
            self._state.set_state("No proposal", "cross", "unknown")
        elif conclusion is None:
            self._state.set_state("Proposed", "ring", "normal")
        elif tuple(proposal.as_body()["branches"]) == conclusion.branches:
            self._state.set_state(f"Concluded {conclusion.at[11:19]}", "circle", "accent")
        else:
            self._state.set_state(f"Changed since {conclusion.at[11:19]}", "half", "warning")


def step_text(step: ContainmentStep) -> str:
    """One step in words."""
    if not step.switch:
        return f"{step.title}, by hand"
    hand = "" if step.adapter else ", by hand: nothing enforces it there"
    return f"{step.switch} on {step.target} ({step.scope}){hand}"


def _rest(proposal: Proposal, tree: TriageTree) -> str:
    then = "; ".join(step_text(step) for step in proposal.containment[1 : 1 + _NEXT_STEPS])
    branches = " and ".join(tree.branch(b).title.lower() for b in proposal.branches)
    lines = [
        f"Class {_words(proposal.incident_class)}, found in {branches}.",
        f"Then: {then}." if then else "",
        f"Roll back {_words(proposal.surface)}; runbook {_words(proposal.runbook)}.",
        f"Roles: {', '.join(_words(role) for role in proposal.roles)}.",
    ]
    return "\n".join(line for line in lines if line)


def _words(name: str) -> str:
    return name.replace("_", " ")[:60]

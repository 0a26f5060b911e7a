"""The focused branch in full: what users see, what to look at, what to do at once, what to roll back, the runbook."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.domain.triage import ANSWERS, InfraQuestion, TriageTree
from console.queries.triage import GivenAnswer, HeldAnswer
from console.ui.text import PlainLabel
from console.ui.theme import Theme
from console.ui.triage.nodes import NodeView

_HISTORY = 4
_ROWS = ("Conflict", "You see", "Look at", "Do at once", "Roll back", "Runbook", "Answers")


class Detail(QFrame):
    """Signals: `answered(answer)` when one of the three buttons is pressed, `settle_wanted()` to go to a conflict."""

    answered = Signal(str)
    settle_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._title = PlainLabel("", self, elide=True)
        self._title.setFont(theme.font("title"))
        self._labels = {name: PlainLabel("", self, limit=600) for name in _ROWS}
        self._names = {name: PlainLabel(name, self) for name in _ROWS}
        self.buttons = {answer: QPushButton(f"&{answer.capitalize()}", self) for answer in ANSWERS}
        self.settle = QPushButton("Settle it  (Ctrl+Shift+C)", self)
        self.settle.setAccessibleName("Settle the conflict on the incident page")
        self.settle.clicked.connect(self.settle_wanted)
        self.settle.hide()
        self._build()

    def _build(self) -> None:
        theme = self._theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px("space_1"))
        layout.addWidget(self._title)
        row = QHBoxLayout()
        row.setSpacing(theme.px("space_2"))
        for answer, button in self.buttons.items():
            button.setProperty("answer", answer)
            button.setText(f"{answer.capitalize()}  ({answer[0].upper()})")
            button.setAccessibleName(f"Answer {answer}")
            button.clicked.connect(self._on_clicked)
            row.addWidget(button, 1)
        layout.addLayout(row)
        for name, label in self._labels.items():
            self._names[name].setFont(theme.font("small"))
            self._names[name].setForegroundRole(self.palette().ColorRole.PlaceholderText)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            line = QHBoxLayout()
            line.setSpacing(theme.px("space_2"))
            self._names[name].setFixedWidth(66)
            line.addWidget(self._names[name], 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(label, 1)
            layout.addLayout(line)
            if name == _ROWS[0]:
                layout.addWidget(self.settle, 0, Qt.AlignmentFlag.AlignLeft)

    def show_conflict(self, held: HeldAnswer | None, answers: Sequence[GivenAnswer]) -> None:
        """Shows every side of a conflict over the shown branch, with who and when; None or a settled one: nothing."""
        disputed = held is not None and held.in_conflict
        self.settle.setVisible(disputed)
        said = {one.event_id: one for one in answers}
        sides = [said[one] for one in held.sides if one in said] if held is not None and disputed else []
        lines = []
        for side in sides:
            holds = held is not None and side.event_id == held.holds
            shape, state = ("\u25b6", "holds meanwhile") if holds else ("\u25b7", "stands beside it")
            lines.append(f"{shape} {side.answer} by {side.actor[:60]} at {side.at[11:19]} UTC; {state}")
        self._say("Conflict", "\n".join(["\u25c6 IN CONFLICT", *lines]) if disputed else "")

    def show_branch(self, node: NodeView, tree: TriageTree, answers: Sequence[GivenAnswer]) -> None:
        """Shows a branch with the answers given to it so far."""
        branch = node.branch
        self._title.setText(f"{node.number}  {branch.title}")
        done = ", ".join(tree.actions[a].title.lower() for a in branch.containment if a in tree.actions)
        self._say("You see", branch.symptom)
        self._say("Look at", branch.artefact)
        self._say("Do at once", done[:1].upper() + done[1:])
        self._say("Roll back", branch.rollback)
        self._say("Runbook", f"{_words(branch.runbook)}; {', '.join(_words(role) for role in branch.roles)}")
        self._say_answers(answers)

    def show_question(self, question: InfraQuestion, answers: Sequence[GivenAnswer]) -> None:
        """Shows one of the infrastructure questions."""
        self._title.setText(question.text)
        self._say("You see", f"The answer {question.infra_answer} points at the infrastructure, not at the model.")
        for name in _ROWS[2:-1]:
            self._say(name, "")
        self._say_answers(answers)

    def enable(self, allowed: bool) -> None:
        """Whether answers may be given."""
        for button in self.buttons.values():
            button.setEnabled(allowed)

    def _say_answers(self, answers: Sequence[GivenAnswer]) -> None:
        told = [f"{a.answer} at {a.at[11:19]} by {a.actor[:60]}" for a in reversed(answers)]
        more = f"; {len(told) - _HISTORY} earlier" if len(told) > _HISTORY else ""
        self._say("Answers", "; ".join(told[:_HISTORY]) + more if told else "none yet")

    def _say(self, name: str, text: str) -> None:
        self._labels[name].setText(text)
        self._labels[name].setVisible(bool(text))
        self._names[name].setVisible(bool(text))

    def _on_clicked(self) -> None:
        self.answered.emit(str(self.sender().property("answer")))


def _words(name: str) -> str:
    return name.replace("_", " ")[:60]

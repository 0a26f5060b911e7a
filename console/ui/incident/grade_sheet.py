"""The grade sheet: scope, urgency and what raises it, preselected from the inventory; level and reasons follow."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from console.actions.incidents import grade
from console.domain.changes import Changes
from console.queries.standing import Standing
from console.ui.chips import SeverityChip
from console.ui.frame import Frame
from console.ui.incident.grading import Answers, first_answers, outcome
from console.ui.incident.sheet import Sheet, choice
from console.ui.words import Words


class GradeSheet(Sheet):
    """Shows what the answers come to while they change; Enter records it with its reasons (SEV-1, SEV-4)."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        super().__init__(frame, standing, "Grade the severity", "Record the grade   Enter")
        model, first = frame.policy.severity, first_answers(standing, frame.policy)
        self.scope = choice(list(model.scopes.items()), first.scope)
        urgencies = [(one, text[:1].upper() + text[1:]) for one, text in model.urgencies.items()]
        self.urgency = choice(urgencies, first.urgency)
        self.chip = SeverityChip(frame.theme, "", self)
        self.result = Words(frame.theme, "", "strong", parent=self)
        self.reasons = Words(frame.theme, "", "small", wrap=True, parent=self)
        line = QHBoxLayout()
        line.addWidget(self.chip)
        line.addWidget(self.result, 1)
        self.rows.addLayout(line)
        self.rows.addWidget(self.reasons)
        self.add("What does it reach?", self.scope)
        self.add("How urgent is it?", self.urgency)
        self.rows.addWidget(Words(frame.theme, "What raises it?", "label", "text_dim", parent=self))
        self.escalators = {
            name: self._box(one.question, name in first.escalators) for name, one in model.escalators.items()
        }
        self.scope.currentIndexChanged.connect(self._on_answered)
        self.urgency.currentIndexChanged.connect(self._on_answered)
        self._on_answered()

    def answers(self) -> Answers:
        """What is chosen now."""
        held = tuple(one for one, box in self.escalators.items() if box.isChecked())
        return Answers(self.scope.currentData(), self.urgency.currentData(), held)

    def confirm(self) -> None:  # noqa: D102
        answers = self.answers()
        found = outcome(self.standing, self.frame.policy, answers)
        self.set_busy("Recording ...")
        self.frame.bridge.act(
            grade,
            self.standing.page.row.incident,
            level=found.level,
            scope=answers.scope,
            urgency=answers.urgency,
            reasons=found.reasons,
            escalators=answers.escalators,
            saw=self.standing.page.row.severity_event,
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_graded,
            failed=self.fail,
        )

    def refresh(self, standing: Standing) -> None:
        """Says so when somebody else graded it meanwhile."""
        other = standing.page.row.severity_event != self.standing.page.row.severity_event
        super().refresh(standing)
        if other:
            self._on_answered()
            self.show_trouble(f"It was graded {standing.page.row.severity} by {standing.graded.by} meanwhile.")

    def _box(self, question: str, checked: bool) -> QCheckBox:
        row, box = QWidget(self), QCheckBox(self)
        box.setAccessibleName(question)
        box.setChecked(checked)
        box.toggled.connect(self._on_answered)
        text = Words(self.frame.theme, question, wrap=True, parent=self)
        text.setBuddy(box)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(box)
        line.addWidget(text, 1)
        self.rows.addWidget(row)
        self.stops.append(box)
        return box

    def _on_answered(self, _: object = None) -> None:
        found = outcome(self.standing, self.frame.policy, self.answers())
        held = self.standing.page.row.severity
        self.chip.set_level(found.level)
        self.result.setText("as it stands" if found.level == held else f"it stands at {held or 'no level'}")
        self.reasons.setText("\n".join(found.reasons))
        self.button.setText(f"Record {found.level}   Enter")
        self.button.setAccessibleDescription(self.reasons.text())

    def _on_graded(self, _: Changes) -> None:
        self.finish("")

"""The validation sheet: a measured run against a target, delivered to nobody, and what it found against the limits."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QSpinBox

from console.queries.standing import Standing, Validated
from console.ui.frame import Frame
from console.ui.incident.sheet import Sheet, choice
from console.ui.text import display
from console.ui.words import Words

CASES, MOST_CASES = 100, 1_000


class ValidateSheet(Sheet):
    """Runs once a press; the result is an event of the plane, shown here when it is back."""

    def __init__(self, frame: Frame, standing: Standing, target: str) -> None:
        super().__init__(
            frame,
            standing,
            "Validate",
            "Run it   Enter",
            "Cases are run against the target while it is stopped for everybody else.",
        )
        names = dict.fromkeys(one for one in (target, *_held_targets(standing), standing.page.row.target) if one)
        known = [(name, display(name, 80)) for name in names if name in frame.policy.inventory.items]
        self.target = choice(known, target)
        self.cases = QSpinBox(self)
        self.cases.setRange(1, MOST_CASES)
        self.cases.setValue(CASES)
        self.result = Words(frame.theme, "", wrap=True, parent=self)
        self.add("Target", self.target)
        self.add("Cases", self.cases)
        self.rows.addWidget(self.result)
        self.set_missing("" if known else "Nothing here is in the systems inventory, so nothing can be validated.")
        self._show_last(standing.validated)

    @property
    def is_over(self) -> bool:
        """Nothing is written in it, so that F8 goes on without Esc unless a run is under way."""
        return not self._busy

    def confirm(self) -> None:  # noqa: D102
        incident, target, cases = self.standing.page.row.incident, self.target.currentData(), self.cases.value()
        self.set_busy(f"Running {cases} cases against {target} ...")
        self.frame.bridge.errand(
            lambda client: client.validate(incident, target, cases), owner=self, then=self._on_run, failed=self.fail
        )

    def refresh(self, standing: Standing) -> None:
        """Shows the run as the record holds it, as soon as it does."""
        super().refresh(standing)
        self._show_last(standing.validated)

    def _on_run(self, exchange: Any) -> None:
        answer = exchange.answer
        self.set_busy("")
        self.button.setText("Run it again")
        self.cancel.setText("Back   Esc")
        self._say(str(answer.passed), str(answer.cases), dict(answer.measures), ())
        self.cancel.setFocus()

    def _show_last(self, run: Validated | None) -> None:
        if run is not None:
            self._say(str(run.passed), str(run.cases), dict(run.measures), run.beyond)

    def _say(self, passed: str, cases: str, measures: dict[str, str], beyond: tuple[str, ...]) -> None:
        lines = [f"{passed} of {cases} cases passed."]
        thresholds = self.frame.policy.thresholds.metrics
        for name, value in sorted(measures.items(), key=lambda one: (one[0] not in beyond, one[0])):
            title = thresholds[name].title if name in thresholds else name
            lines.append(f"{display(title, 60)}: {display(value, 20)}{'  OUT OF BOUNDS' if name in beyond else ''}")
        self.result.setText("\n".join(lines))


def _held_targets(standing: Standing) -> list[str]:
    facts = standing.page.facts
    return [name.partition(" ")[2] for name in sorted(set(facts.stops) - set(facts.restored))]

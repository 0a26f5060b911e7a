"""The restoration criteria of a switch: each with what proves it, or whom to ask for the proof (SWI-3).

What is listed as proof was chosen by `domain.restoring`, the rule that the writer and the plane apply again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from console.domain.restoring import VALIDATION, Piece
from console.domain.switches import RestoreCriterion, Switch
from console.queries.switches import SheetFacts
from console.ui.chips import StateChip
from console.ui.switches.parts import Dim, Line, row_of
from console.ui.theme import Theme


class CriteriaBox(QWidget):
    """Signals: `ask(criterion id)` to ask its owner, `measure()` to have a validation run."""

    ask = Signal(str)
    measure = Signal()

    def __init__(self, theme: Theme, switch: Switch, target: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _CriterionRow] = {}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(Dim(theme, "RESTORATION CRITERIA"))
        for criterion in switch.criteria:
            row = _CriterionRow(theme, criterion, target)
            row.button.clicked.connect(partial(self._on_clicked, criterion))
            self._rows[criterion.id] = row
            box.addWidget(row)

    def show_facts(self, facts: SheetFacts) -> None:
        """Shows what proves each criterion now."""
        for row in self._rows.values():
            row.show_proof(facts)

    def set_busy(self, busy: bool) -> None:
        """Whether a measured run is under way."""
        for row in self._rows.values():
            row.set_measuring(busy)

    @property
    def cited(self) -> Mapping[str, tuple[str, ...]]:
        """The newest proof of each criterion that has one, as an order cites it."""
        return {name: (row.piece.id,) for name, row in self._rows.items() if row.piece is not None}

    def _on_clicked(self, criterion: RestoreCriterion) -> None:
        if criterion.signed_by:
            self.ask.emit(criterion.id)
        else:
            self.measure.emit()


class _CriterionRow(QWidget):
    def __init__(self, theme: Theme, criterion: RestoreCriterion, target: str) -> None:
        super().__init__()
        self._criterion, self._target = criterion, target
        self.piece: Piece | None = None
        self._chip = StateChip(theme, "not shown", "dash", "warning")
        self._what = Dim(theme, wrap=True)
        self.button = QPushButton(self._label())
        self.button.setAutoDefault(False)
        self.button.setAccessibleName(f"{self._label()}: {criterion.text}")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, theme.px("space_1"))
        box.setSpacing(1)
        box.addWidget(Line(theme, criterion.text, wrap=True))
        box.addLayout(row_of(self._chip, self._what, self.button, stretch=1))

    def _label(self) -> str:
        role = self._criterion.signed_by.replace("_", " ")
        return f"Ask the {role}" if role else "Measure now"

    def set_measuring(self, busy: bool) -> None:
        if not self._criterion.signed_by:
            self.button.setEnabled(not busy)
            self.button.setText("Measuring …" if busy else self._label())

    def show_proof(self, facts: SheetFacts) -> None:
        found = facts.candidates.get(self._criterion.id, ())
        self.piece = found[0] if found else None
        asked = self._criterion.id in facts.requested
        failed = self._failed_run(facts) if self.piece is None else ""
        if failed:
            self._chip.set_state("beyond limits", "triangle", "abnormal")
            self._what.setText(failed)
        elif self.piece is None:
            word = ("asked, no answer yet", "half", "warning") if asked else ("not shown", "dash", "warning")
            self._chip.set_state(*word)
            self._what.setText("")
        else:
            waits = self.piece.id in facts.unsent
            self._chip.set_state(
                *(("not at the plane yet", "half", "warning") if waits else ("shown", "circle", "text"))
            )
            self._what.setText(_proof_words(self.piece, facts))
        if self._criterion.signed_by:
            self.button.setText("Ask again" if asked else self._label())

    def _failed_run(self, facts: SheetFacts) -> str:
        """What the newest measured run of the target found beyond its limits, "" when there is none such."""
        runs = [body for body in facts.measured.values() if body.get("target") == self._target]
        beyond = runs[-1].get("beyond") if runs and self._criterion.evidence == "validation" else None
        if not isinstance(beyond, list | tuple) or not beyond:
            return ""
        return f"Measured, but beyond limits: {', '.join(map(str, beyond))}"


def _proof_words(piece: Piece, facts: SheetFacts) -> str:
    short = piece.id[-8:]
    if piece.kind == VALIDATION:
        body = facts.measured.get(piece.id, {})
        measures = body.get("measures")
        pairs = sorted(measures.items())[:3] if isinstance(measures, Mapping) else []
        named = ", ".join(f"{name} {value}" for name, value in pairs)
        passed = f"{body.get('passed', '?')} of {body.get('cases', '?')}"
        return f"Measured: {passed} cases pass. {named} (…{short})"
    return f"Signed off by a holder of {', '.join(sorted(piece.signer_roles))} (…{short})"

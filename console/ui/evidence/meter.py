"""The completeness meter: the seven dimensions with what was captured of each, and how far sealing has come (EVI-6)."""

from __future__ import annotations

from collections import Counter

from PySide6.QtWidgets import QGridLayout, QWidget

from console.domain.evidence import DIMENSIONS
from console.queries.evidence import EvidenceView
from console.ui.chips import StateChip
from console.ui.text import PlainLabel
from console.ui.theme import Theme

COLUMNS = 4


class Meter(QWidget):
    """One chip a dimension: missing ones stand out, captured ones are quiet; below it what is sealed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips = {name: StateChip(theme, "", parent=self) for name in DIMENSIONS}
        self.sealed = PlainLabel("", self, elide=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.px("space_1"))
        for place, chip in enumerate(self._chips.values()):
            grid.addWidget(chip, place // COLUMNS, place % COLUMNS)
        grid.addWidget(self.sealed, 2, 0, 1, COLUMNS)
        grid.setColumnStretch(COLUMNS, 1)
        self.show_view(EvidenceView((), (), tuple(DIMENSIONS)))

    def show_view(self, view: EvidenceView) -> None:
        """Shows how complete this evidence is."""
        counted = Counter(item.dimension for item in view.items)
        for name, chip in self._chips.items():
            missing = name in view.missing
            word = f"{DIMENSIONS[name]}: {'missing' if missing else f'{counted[name]:,}'}"
            chip.set_state(word, "diamond" if missing else "circle", "warning" if missing else "normal")
        closed = {seal.seal for seal in view.seals}
        unsealed = sum(item.seal not in closed for item in view.items)
        have = len(DIMENSIONS) - len(view.missing)
        last = view.seals[-1] if view.seals else None
        parts = [f"{have} of {len(DIMENSIONS)} dimensions", f"{len(view.items):,} items, {unsealed:,} not sealed"]
        if last is not None:
            who = "two people must open it together" if last.nested else "custodian or escrow may open it"
            parts.append(f"seal {last.seal} by {last.sealer}, root {last.root[:16]}, {who}")
        self.sealed.setText("; ".join(parts) + ".")

"""How far a stop reaches, line by line as it was computed: harm first, doubts said, grave lines heavier (TRI-6).

It shows lines of `domain.blast` and works nothing out; what nobody counted is said and never shown as nothing.
"""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from console.domain.blast import BlastLine, BlastReport
from console.ui.chips import StateChip
from console.ui.switches.parts import Dim, Line
from console.ui.text import display
from console.ui.theme import Theme

GRAVE = ("Irreversible effects", "Regulated", "Vulnerable users")
DOUBT, TENANTS = "Not certain", "Tenants"
COUNTED = ("Requests a minute", "Open sessions", "Open streams", "Money a minute")
_NOTHING, _UNCOUNTED = "none", "not counted"


class ReachView(QWidget):
    """The lines of one report; `lines` are those shown, as (label, value, note)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.lines: tuple[BlastLine, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px("space_3"))
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(1, 1)

    def show_report(self, report: BlastReport | None) -> None:
        """Shows another report, or none."""
        self.lines = tuple(_worth_showing(report)) if report is not None else ()
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for place, line in enumerate(self.lines):
            self._add(place, line)
        self.setAccessibleName(display("What this reaches. " + " ".join(_spoken(line) for line in self.lines), 2_000))

    def _add(self, place: int, line: BlastLine) -> None:
        grave, doubt = line.label in GRAVE, line.label == DOUBT or line.value == _UNCOUNTED
        if grave or line.label == DOUBT:
            sign = ("triangle", "abnormal") if grave else ("dash", "unknown")
            label: QWidget = StateChip(self._theme, line.label, *sign)
        else:
            label = Dim(self._theme, line.label)
        words = f"{line.value}  ({line.note})" if line.note else line.value
        font = "title" if grave else "strong" if line.label == TENANTS else "body"
        value = Line(self._theme, f"? {words}" if doubt and line.label != DOUBT else words, font, wrap=True)
        value.setAccessibleName(display(_spoken(line), 600))
        self._grid.addWidget(label, place, 0)
        self._grid.addWidget(value, place, 1)


def _worth_showing(report: BlastReport) -> list[BlastLine]:
    """Grave lines that name something; what is counted stands as large numbers above, only what is not is told here."""
    lines = report.lines()
    found = [one for one in lines if one.label in GRAVE and one.value != _NOTHING]
    found += [
        one
        for one in lines
        if one.label not in GRAVE and one.label != DOUBT and (one.label not in COUNTED or one.value == _UNCOUNTED)
    ]
    quiet = [one.label.lower() for one in lines if one.label in GRAVE and one.value == _NOTHING]
    if quiet:
        found.append(BlastLine("None here", ", ".join(quiet)))
    return [*found, *(one for one in lines if one.label == DOUBT)]


def _spoken(line: BlastLine) -> str:
    return f"{line.label.strip()}: {line.value}{f', {line.note}' if line.note else ''}."

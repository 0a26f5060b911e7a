"""The seven states of an incident as steps: which were entered and when, which may be entered, what blocks the others.

A sentence that already stands under an earlier step is not said again under a later one.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.domain.incident import STATES
from console.domain.next_step import ready_state
from console.queries.standing import Standing
from console.ui.ages import clock_time, moment_of
from console.ui.chips import paint_mark
from console.ui.press import guard
from console.ui.theme import Theme
from console.ui.words import Words

PASSED, NOW, READY, AHEAD, SKIPPED = "passed", "now", "ready", "ahead", "skipped"
_MARKS = {
    PASSED: ("circle", "normal"),
    NOW: ("square", "accent"),
    READY: ("half", "accent"),
    AHEAD: ("ring", "normal"),
    SKIPPED: ("dash", "normal"),
}
"""Where a step stands -> (shape, colour token)."""
_SAID = {
    PASSED: "passed",
    NOW: "entered",
    READY: "may be entered now",
    AHEAD: "not yet",
    SKIPPED: "never entered",
}


class Mark(QWidget):
    """The sign before a step."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._kind = theme, AHEAD
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_kind(self, kind: str) -> None:
        """Shows another sign."""
        self._kind = kind
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        side = self._theme.px("lamp") + 2
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        side = self._theme.px("lamp")
        paint_mark(painter, QRectF(1, 1, side, side), _MARKS[self._kind][0], self._theme, _MARKS[self._kind][1])
        painter.end()


class Step(QWidget):
    """One state: its sign, its name, since when, what is missing, and a button when it may be entered."""

    entered = Signal(str)

    def __init__(self, theme: Theme, state: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        word = state.replace("_", " ")
        self.mark = Mark(theme, self)
        self.name = Words(theme, word, parent=self)
        self.when = Words(theme, "", "small", "text_dim", parent=self)
        self.missing = Words(theme, "", "small", "text_dim", wrap=True, parent=self)
        self.button = QPushButton("Enter   E", self)
        self.button.setAccessibleName(f"Enter the state {word}")
        self.button.setAutoDefault(True)
        guard(self.button)
        self.button.clicked.connect(self._on_clicked)
        line = QHBoxLayout()
        line.setSpacing(theme.px("space_2"))
        line.addWidget(self.name, 1)
        line.addWidget(self.when, 1)
        line.addWidget(self.button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px("space_2"))
        grid.setVerticalSpacing(0)
        grid.addWidget(self.mark, 0, 0)
        grid.addLayout(line, 0, 1)
        grid.addWidget(self.missing, 1, 1)
        grid.setColumnStretch(1, 1)

    def show_step(self, kind: str, when: str, missing: tuple[str, ...]) -> None:
        """Shows where the step stands."""
        self.mark.set_kind(kind)
        self.name.set_colour("text" if kind in (NOW, READY) else "text_dim")
        self.when.setText("never entered" if kind == SKIPPED else when)
        self.missing.setText("\n".join(missing))
        self.missing.setVisible(bool(missing))
        self.button.setVisible(kind == READY)
        self.setAccessibleName(" ".join([self.state.replace("_", " ") + ":", _SAID[kind], when, *missing]).strip())

    def _on_clicked(self) -> None:
        self.entered.emit(self.state)


class LifecycleView(QWidget):
    """All seven; `enter_wanted(state)` when one shall be entered."""

    enter_wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px("space_1"))
        rows.addWidget(Words(theme, "LIFECYCLE", "label", "text_dim", parent=self))
        self.steps = {state: Step(theme, state, self) for state in STATES}
        for step in self.steps.values():
            step.entered.connect(self.enter_wanted)
            rows.addWidget(step)

    def show_standing(self, standing: Standing) -> None:
        """Shows where the incident stands."""
        facts, said = standing.page.facts, set[str]()
        place = STATES.index(facts.state) if facts.state in STATES else 0
        ready = ready_state(facts)
        for number, (state, step) in enumerate(self.steps.items()):
            kind = _kind(number - place, state in standing.entered, state == ready)
            open_still = kind in (READY, AHEAD, SKIPPED)
            missing = tuple(one for one in standing.page.missing[state] if one not in said) if open_still else ()
            said.update(missing)
            step.show_step(kind, "" if open_still else _when(standing.entered.get(state, "")), missing)


def _kind(ahead: int, entered: bool, ready: bool) -> str:
    """What a step is that lies so many states ahead of the present one; a state may be passed by without being it."""
    if ahead == 0:
        return NOW
    if ahead < 0:
        return PASSED if entered else SKIPPED
    return READY if ready else AHEAD


def _when(text: str) -> str:
    moment = moment_of(text)
    return clock_time(moment) if moment is not None else ""

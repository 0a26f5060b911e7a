"""The head of the incident page: severity, title, target, when it was detected, who commands, and the one next step."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from console.domain.gates import COMMANDER
from console.domain.next_step import NextStep
from console.queries.standing import Standing
from console.ui.ages import age, clock_time, moment_of
from console.ui.chips import SeverityChip
from console.ui.press import guard
from console.ui.text import display
from console.ui.theme import Theme
from console.ui.words import Words

BAR = 5


class HeadView(QWidget):
    """What the incident is; `tick` moves its age on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Standing | None = None
        self.chip = SeverityChip(theme, "", self)
        self.title = Words(theme, "", "title", parent=self)
        self.place = Words(theme, "", "small", "text_dim", parent=self)
        self.people = Words(theme, "", "small", "text_dim", parent=self)
        gap = theme.px("space_2")
        first = QHBoxLayout()
        first.setSpacing(gap)
        first.addWidget(self.chip)
        first.addWidget(self.title, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px("space_1") // 2)
        rows.addLayout(first)
        rows.addWidget(self.place)
        rows.addWidget(self.people)

    def show_standing(self, standing: Standing, person: str, now: datetime) -> None:
        """Shows another incident, or the same one anew."""
        self._shown = standing
        row = standing.page.row
        self.chip.set_level(row.severity)
        self.title.setText(row.title or "without a title")
        self.people.setText(_people(standing, person))
        self.tick(now)

    def tick(self, now: datetime) -> None:
        """Moves the age on."""
        if self._shown is None:
            return
        row = self._shown.page.row
        detected = moment_of(row.detected_at)
        when = f"detected {clock_time(detected)}, {age(detected, now)}" if detected else "detected at an unknown time"
        self.place.setText(f"{row.target or 'unmapped'}, {row.incident_class or 'unclassified'}, {when}")


def _people(standing: Standing, person: str) -> str:
    """Who commands, who graded, and who holds which other role; the one who looks is "you"."""
    facts, graded = standing.page.facts, standing.graded.by if standing.progress.graded else ""
    said = [
        f"Commander {_name(facts.commander, person) or 'nobody'}",
        f"graded by {_name(graded, person)}" if graded else "not graded by a person yet",
    ]
    others = {role: who for role, who in sorted(standing.roles.items()) if role != COMMANDER}
    return ", ".join([*said, *(f"{role.replace('_', ' ')} {_name(who, person)}" for role, who in others.items())])


def _name(who: str, person: str) -> str:
    return "you" if who == person else who


class NextCard(QWidget):
    """The next step, large; `wanted` when it shall be done. There is nothing to press when it only waits."""

    wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._waits = theme, False
        self.caption = Words(theme, "NEXT STEP", "label", "text_dim", parent=self)
        self.sentence = Words(theme, "", "large", wrap=True, parent=self)
        self.why = Words(theme, "", "small", "text_dim", wrap=True, parent=self)
        self.button = QPushButton("Do it   F8", self)
        self.button.setAutoDefault(True)
        guard(self.button)
        self.button.clicked.connect(self._on_clicked)
        gap = theme.px("space_2")
        texts = QVBoxLayout()
        texts.setSpacing(theme.px("space_1") // 2)
        for part in (self.caption, self.sentence, self.why):
            texts.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(gap + BAR, gap, gap, gap)
        row.setSpacing(gap)
        row.addLayout(texts, 1)
        row.addWidget(self.button)
        theme.changed.connect(self.update)

    def show_step(self, step: NextStep) -> None:
        """Shows another step."""
        self._waits = step.waits
        self.caption.setText("OVER" if step.panel == "board" else "NEXT: WAIT" if step.waits else "NEXT STEP")
        self.sentence.setText(step.sentence)
        self.why.setText(step.why)
        self.button.setText("Show   F8" if step.waits else "Do it   F8")
        self.button.setAccessibleName(f"{'Show' if step.waits else 'Do it'}: {display(step.sentence)}")
        self.button.setAccessibleDescription(display(step.why, 600))
        self.setAccessibleName(f"Next step: {display(step.sentence)}. {display(step.why, 600)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        colour = self._theme.colour("normal" if self._waits else "accent")
        painter.fillRect(QRectF(0, 0, BAR, self.height()), colour)
        painter.end()

    def _on_clicked(self) -> None:
        self.wanted.emit()

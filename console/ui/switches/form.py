"""The face of a sheet: what is acted on, what it would reach, what the gates ask for, and which are not met yet.

It holds no rule: `ui.switches.sheet` fills it and reads it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from console.domain.blast import BlastReport
from console.domain.gates import Unmet
from console.domain.switches import GateTimes
from console.ui.chips import StateChip
from console.ui.switches.criteria import CriteriaBox
from console.ui.switches.draft import Armed
from console.ui.switches.hold_button import HoldButton
from console.ui.switches.looking import CAPABILITIES, Look
from console.ui.switches.parts import Band, Dim, Line, Numbers, row_of, scrolled
from console.ui.switches.reach_view import ReachView
from console.ui.switches.second import SecondBox
from console.ui.switches.words import Sign
from console.ui.text import PlainLabel
from console.ui.theme import Theme

_REASON_MAX = 4_000
_TWO_COLUMNS = 760


class SheetForm(QWidget):
    """Signals: `changed()` when the person wrote something, `look_again()`, `cancel()`."""

    changed = Signal()
    look_again = Signal()
    cancel = Signal()

    def __init__(self, theme: Theme, armed: Armed, times: GateTimes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._armed = theme, armed
        self.wants_button = False
        """Whether Enter was pressed in the name before the button could take the focus."""
        self.numbers = Numbers(theme)
        self.button = HoldButton(theme, times)
        self.button.set_verb(f"{armed.verb} {armed.item.name}")
        self.reason = QPlainTextEdit()
        self.typed = QLineEdit()
        self.criteria = CriteriaBox(theme, armed.switch, armed.target) if armed.restoring else None
        self.second = SecondBox(theme, may_break=not armed.restoring) if armed.wide else None
        self._state, self._seen = StateChip(theme, "…"), Dim(theme, "", wrap=True)
        self.reach, self._can = ReachView(theme), Dim(theme, "", wrap=True)
        self._said = Dim(theme, "", wrap=True)
        self._said.hide()
        self._gates = Line(theme, "", wrap=True)
        self._again, self._cancel = QPushButton("Look again"), QPushButton("Cancel (Esc)")
        self._role, self._stands = Dim(theme, "", wrap=True), StateChip(theme, "", "diamond", "warning")
        self._stands.hide()
        self._build()

    # -- what it shows

    def show_look(self, look: Look | None, sign: Sign, words: str, report: BlastReport | None = None) -> None:
        """Shows what the plane saw and how far it reaches, or that it is being asked."""
        self._state.set_state(*sign)
        self._state.setAccessibleName(f"Observed now: {sign[0]}. {words}")
        self._seen.setText(words)
        self.numbers.show_preview(look.preview if look is not None else None)
        self.reach.show_report(report)
        if look is None:
            self._can.setText("")
            return
        self._can.setText(f"{look.preview.adapter}: {capability_words(look.capabilities)}.")

    def show_age(self, now: datetime) -> None:
        """Says how old the numbers are."""
        self.numbers.tell_age(now)

    def show_gates(self, unmet: Sequence[Unmet], extra: str) -> None:
        """Lists what is not met, all of it, live; the button works only when there is nothing."""
        lines = [f"•  {gate.sentence}" for gate in unmet]
        self._gates.setText("\n".join(lines) if lines else extra)
        self._gates.setAccessibleName("Gates not met: " + " ".join(g.sentence for g in unmet) if unmet else extra)

    def show_role(self, words: str, stands_for: str = "") -> None:
        """Says in which role this is done, and in the place of which absent owner."""
        self._role.setText(words)
        self._stands.setVisible(bool(stands_for))
        self._stands.set_state(f"for the absent owner: {stands_for}", "diamond", "warning")

    def say(self, words: str) -> None:
        """One line beside the button."""
        self._said.setText(words)
        self._said.setVisible(bool(words))

    @property
    def how_to_fire(self) -> str:
        """Which keys confirm, from where the focus is."""
        if self.window().focusWidget() is self.button:
            return "Hold Space for one second, or press it twice."
        way = "Enter goes" if self.typed.hasFocus() else "Tab goes"
        return f"{way} to the button; hold Space there for one second, or press it twice."

    def first_to_fill(self) -> QWidget | None:
        """The first field that still has to be filled in, else the button, None where it waits for something else."""
        needed = (self.reason, self.typed) if self._armed.gated else ()
        empty = (one for one, text in zip(needed, self.written, strict=False) if not text)
        return next(empty, self.button if self.button.isEnabled() else None)

    @property
    def gates_text(self) -> str:
        """What is listed as not met."""
        return self._gates.text()

    @property
    def written(self) -> tuple[str, str, str]:
        """(reason, typed name, break-glass reason) as they stand."""
        glass = self.second.break_glass if self.second is not None else ""
        return (self.reason.toPlainText().strip(), self.typed.text(), glass)

    @property
    def cited(self) -> Mapping[str, tuple[str, ...]]:
        """What is cited for each criterion."""
        return self.criteria.cited if self.criteria is not None else {}

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        wide = self.width() >= _TWO_COLUMNS
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        self._body.setDirection(direction)

    # -- how it is built

    def _build(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self._head())
        inside = QWidget()
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom, inside)
        self._body.setContentsMargins(0, 0, 4, 0)
        self._body.setSpacing(self._theme.px("space_3"))
        self._body.addWidget(self._left(), 1)
        self._body.addWidget(self._right(), 1)
        box.addWidget(scrolled(inside), 1)
        foot = Band(self._theme, "line")
        inner = QVBoxLayout(foot)
        inner.setContentsMargins(14, 8, 8, 8)
        inner.addWidget(self._gates)
        inner.addWidget(self._said)
        inner.addLayout(row_of(self.button, Line(self._theme), self._again, self._cancel, stretch=1))
        box.addWidget(foot)
        for button, slot in ((self._again, self.look_again), (self._cancel, self.cancel)):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        self.button.said.connect(self.say)

    def _head(self) -> Band:
        head = Band(self._theme, "warning" if self._armed.restoring else "abnormal")
        box = QVBoxLayout(head)
        box.setContentsMargins(16, 8, 8, 8)
        title = Line(self._theme, f"{self._armed.verb}   {self._armed.breadcrumb}", "large", wrap=True)
        title.setAccessibleName(f"{self._armed.verb} {self._armed.breadcrumb}")
        box.addWidget(title)
        what = "Gives back: " if self._armed.restoring else "Cuts: "
        box.addWidget(Dim(self._theme, what + self._armed.switch.cuts, wrap=True, font="body"))
        for words in weights(self._armed):
            chip = StateChip(self._theme, words, "triangle", "abnormal")
            box.addLayout(row_of(chip))
        return head

    def _left(self) -> QWidget:
        left = QWidget()
        box = QVBoxLayout(left)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(Dim(self._theme, "OBSERVED AT THE DATA PATH NOW"))
        box.addLayout(row_of(self._state, self._seen, stretch=1))
        box.addWidget(self.numbers)
        box.addWidget(self.reach)
        box.addWidget(self._can)
        box.addLayout(row_of(self._stands))
        box.addWidget(self._role)
        box.addStretch(1)
        return left

    def _right(self) -> QWidget:
        right = QWidget()
        box = QVBoxLayout(right)
        box.setContentsMargins(0, 0, 0, 0)
        needed = self._armed.gated
        if self.criteria is not None:
            box.addWidget(self.criteria)
        box.addWidget(Dim(self._theme, "REASON" if needed else "REASON (may follow)"))
        self.reason.setTabChangesFocus(True)
        self.reason.setFixedHeight(58)
        self.reason.setAccessibleName("Reason")
        self.reason.setPlaceholderText("Why, in a sentence. Tab goes on.")
        self.reason.textChanged.connect(self._on_edited)
        box.addWidget(self.reason)
        self.typed.setAccessibleName(f"Type the name {self._armed.item.name}")
        self.typed.textChanged.connect(self._on_edited)
        self.typed.returnPressed.connect(self._on_entered)
        if needed:
            box.addWidget(PlainLabel(f"Type  {self._armed.item.name}  to confirm the target"))
        box.addWidget(self.typed)
        self.typed.setVisible(needed)
        if self.second is not None:
            self.second.changed.connect(self._on_edited)
            box.addWidget(self.second)
        box.addStretch(1)
        return right

    def order_tabs(self) -> None:
        """Sets the way of the Tab key; call it once the form stands in its window."""
        chain: list[QWidget] = []
        if self.criteria is not None:
            chain += self.criteria.findChildren(QPushButton)
        chain += [self.reason, self.typed]
        if self.second is not None:
            chain += [self.second.button, self.second.back, self.second.glass]
        chain += [self.button, self._again, self._cancel]
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _on_entered(self) -> None:
        """Enter goes on to what is missing, or to the button; it never presses it."""
        wanted = self.first_to_fill()
        self.wants_button = wanted is None
        if wanted is not None:
            wanted.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_edited(self) -> None:
        self.wants_button = False
        text = self.reason.toPlainText()
        if len(text) > _REASON_MAX:
            self.reason.setPlainText(text[:_REASON_MAX])
        self.changed.emit()


def weights(armed: Armed) -> tuple[str, ...]:
    """What makes this one heavier than others: it reaches several tenants, or it cannot be undone."""
    wide = "WIDE: it reaches more than one tenant" if armed.wide else ""
    final = "CANNOT BE UNDONE" if not armed.switch.reversible and not armed.restoring else ""
    return tuple(one for one in (final, wide) if one)


def capability_words(capabilities: Mapping[str, bool]) -> str:
    """What the back-end declared, and what it cannot do said as plainly."""
    if not capabilities:
        return "what it can do is not known"
    parts = [
        (words if capabilities.get(name) else f"NOT: {words}")
        for name, words in CAPABILITIES.items()
        if name in capabilities
    ]
    return "; ".join(parts)

"""The second person: asked for here, counted down for ten minutes, or replaced by a written reason for a stop.

A break-glass stop is reviewed afterwards; a restore has no such way (SWI-11).
"""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from console.domain.commands import Approval
from console.domain.times import parse_utc
from console.queries.switches import Request
from console.ui.chips import StateChip
from console.ui.switches.parts import Dim, row_of
from console.ui.theme import Theme


class SecondBox(QWidget):
    """Signals: `ask()` for a second person, `changed()` when the break-glass reason was edited."""

    ask = Signal()
    changed = Signal()

    def __init__(self, theme: Theme, *, may_break: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chip = StateChip(theme, "nobody asked yet", "dash", "warning")
        self.button = QPushButton("Ask a second person")
        self.button.setAutoDefault(False)
        self._words = Dim(theme, wrap=True)
        self.glass = QLineEdit()
        self.glass.setPlaceholderText("… or break the glass: write why nobody else can be waited for")
        self.glass.setAccessibleName("Break-glass reason")
        self.glass.setMaxLength(1_000)
        self.glass.setVisible(may_break)
        self.glass.textChanged.connect(self.changed)
        self.button.clicked.connect(self.ask)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(Dim(theme, "SECOND PERSON"))
        box.addLayout(row_of(self._chip, self.button, stretch=0))
        box.addWidget(self._words)
        box.addWidget(self.glass)

    @property
    def break_glass(self) -> str:
        """The written reason, "" without one."""
        return self.glass.text().strip()

    @property
    def state(self) -> str:
        """The word shown."""
        return self._chip.word

    def show_request(self, request: Request | None, approvals: tuple[Approval, ...], now: datetime) -> None:
        """Shows where the request stands; call it every second or so for the countdown."""
        if approvals:
            who = ", ".join(one.person + (" (at this desk)" if one.same_desk else "") for one in approvals)
            self._chip.set_state("approved", "circle", "text")
            self._words.setText(f"By {who}." + (" To be reviewed." if any(a.same_desk for a in approvals) else ""))
            self.button.setEnabled(False)
            return
        left = int((parse_utc(request.expires) - now).total_seconds()) if request is not None else 0
        if request is None or left <= 0:
            self._chip.set_state("nobody asked yet" if request is None else "the request ran out", "dash", "warning")
            self._words.setText("The request lives ten minutes; the approving person sees a preview of their own.")
            self.button.setEnabled(True)
        else:
            self._chip.set_state(f"asked, {left // 60}:{left % 60:02d} left", "half", "warning")
            self._words.setText("Waiting for somebody else to approve; this sheet goes on by itself.")
            self.button.setEnabled(False)

"""The second person: asked for here, counted down for ten minutes, or replaced by a written reason for a stop.

A break-glass stop is reviewed afterwards; a restore has no such way (SWI-11). The line for it is there only for whom
the gate allows it, and only while some are left within the hour.
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
from console.ui.switches.words import countdown
from console.ui.theme import Theme

_ENDED = {
    "declined": ("DECLINED", "triangle", "abnormal", "Somebody said no; the timeline says why. You can ask again."),
    "withdrawn": ("withdrawn", "dash", "warning", "You took it back; what was approved for it counts no more."),
    "used": ("used", "square", "normal", "An order was given with it."),
}
_LIVES = "The request lives ten minutes; the approving person sees a preview of their own."


class SecondBox(QWidget):
    """Signals: `ask()` for a second person, `withdraw(Request)`, `changed()` when the break-glass reason was edited."""

    ask = Signal()
    withdraw = Signal(object)
    changed = Signal()

    def __init__(self, theme: Theme, *, may_break: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._may_break, self._request = may_break, None  # type: bool, Request | None
        self._chip = StateChip(theme, "nobody asked yet", "dash", "warning")
        self.button, self.back = QPushButton("Ask a second person"), QPushButton("Withdraw \u2026")
        self.back.setAccessibleName("Withdraw the request for a second person")
        self._words, self._left = Dim(theme, wrap=True), Dim(theme, wrap=True)
        self.glass = QLineEdit()
        self.glass.setPlaceholderText("\u2026 or break the glass: write why nobody else can be waited for")
        self.glass.setAccessibleName("Break-glass reason")
        self.glass.setMaxLength(1_000)
        self.glass.textChanged.connect(self.changed)
        for button in (self.button, self.back):
            button.setAutoDefault(False)
        self.button.clicked.connect(self.ask)
        self.back.clicked.connect(self._on_back)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(Dim(theme, "SECOND PERSON"))
        box.addLayout(row_of(self._chip, self.button, self.back, stretch=0))
        for widget in (self._words, self.glass, self._left):
            box.addWidget(widget)
        self.back.hide()
        self.show_glass(None, 0)

    @property
    def break_glass(self) -> str:
        """The written reason, "" without one or where the glass may not be broken."""
        return self.glass.text().strip() if self.glass.isEnabled() else ""

    @property
    def state(self) -> str:
        """The word shown."""
        return self._chip.word

    def show_glass(self, left: int | None, most: int) -> None:
        """How often this person may still break the glass within the hour; None: the gate lets somebody else only."""
        self.glass.setVisible(self._may_break and left is not None)
        self.glass.setEnabled(bool(left))
        if left is None:
            words = "Only the commander or the on-call engineer may break the glass." if self._may_break else ""
        else:
            words = f"Break-glass: {left} of {most} left within the hour; a third person reviews each one afterwards."
        self._left.setText(words)
        self._left.setVisible(bool(words))
        self.glass.setAccessibleDescription(words)

    def show_request(self, request: Request | None, approvals: tuple[Approval, ...], now: datetime) -> None:
        """Shows where the request stands; call it every second or so for the countdown."""
        self._request = request
        left = int((parse_utc(request.expires) - now).total_seconds()) if request is not None else 0
        waits = request is not None and left > 0 and request.state in ("open", "approved")
        self.back.setVisible(waits)
        self.button.setEnabled(not waits)
        if approvals and waits:
            self._show_given(approvals)
        elif waits:
            self._chip.set_state(f"asked, {countdown(left)} left", "half", "warning")
            self._words.setText("Waiting for somebody else to approve; this sheet goes on by itself.")
        elif request is not None and request.state in _ENDED:
            word, shape, colour, words = _ENDED[request.state]
            self._chip.set_state(word, shape, colour)
            self._words.setText(words)
        else:
            self._chip.set_state("nobody asked yet" if request is None else "the request ran out", "dash", "warning")
            self._words.setText(_LIVES)

    def _show_given(self, approvals: tuple[Approval, ...]) -> None:
        who = ", ".join(one.person + (" (at this desk)" if one.same_desk else "") for one in approvals)
        self._chip.set_state("approved", "circle", "text")
        self._words.setText(f"By {who}." + (" To be reviewed." if any(a.same_desk for a in approvals) else ""))

    def _on_back(self, _: bool = False) -> None:
        if self._request is not None:
            self.withdraw.emit(self._request)

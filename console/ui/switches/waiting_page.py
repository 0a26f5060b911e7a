"""Everything that waits for a person, over all incidents: requests to answer, one's own requests, looks that are owed.

One list from top to bottom in the order in which it presses: requests run out in minutes, reviews do not.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from console.domain.switches import STOPPED
from console.domain.times import parse_utc
from console.queries.reviews import OwedReview
from console.queries.switches import Request
from console.queries.waiting import Waiting
from console.ui.chips import StateChip
from console.ui.frame import Frame
from console.ui.switches.parts import Band, Dim, Line, row_of, scrolled
from console.ui.switches.settle import KINDS
from console.ui.switches.words import age_words, countdown
from console.ui.text import display

TICK_MS = 1_000
NOTHING = "Nothing waits for you: no request to answer, none of yours open, no review owed."
_MINE = {
    "open": ("asked", "half", "warning"),
    "approved": ("approved", "circle", "text"),
    "declined": ("DECLINED", "triangle", "abnormal"),
}


class WaitingPage(QWidget):
    """Signals: `approve(Request)`, `withdraw(Request)`, `settle(OwedReview)`, `left()`."""

    approve = Signal(object)
    withdraw = Signal(object)
    settle = Signal(object)
    left = Signal()

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self._theme = frame, frame.theme
        self._shown: Waiting | None = None
        self._counting: list[tuple[Request, StateChip]] = []
        self._rows: list[QWidget] = []
        self._inside = QVBoxLayout()
        self.close_button = QPushButton("Back to the switches (Esc)")
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.left)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.addLayout(self._inside)
        column.addStretch(1)
        box = QVBoxLayout(self)
        box.addWidget(Line(self._theme, "What waits for somebody", "large"))
        box.addWidget(scrolled(inside), 1)
        box.addLayout(row_of(self.close_button))
        self.setAccessibleName("Requests and reviews that wait")
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._count_down)
        self._tick.start()

    def show_waiting(self, found: Waiting) -> None:
        """Shows these; the same again changes nothing, so that a focus stays where it is."""
        if found == self._shown:
            return
        self._shown = found
        for row in self._rows:
            self._inside.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows, self._counting = [], []
        self._section("WAITING FOR YOUR ANSWER", [self._for_me(one) for one in found.requests.for_me])
        self._section("ASKED FOR BY YOU", [self._mine(one) for one in found.requests.mine])
        self._section("OWED, AND YOU MAY SETTLE IT", [self._owed(one, mine=True) for one in found.mine])
        self._section("OWED, FOR SOMEBODY ELSE TO SETTLE", [self._owed(one, mine=False) for one in found.others])
        if not self._rows:
            self._add(Dim(self._theme, NOTHING, wrap=True, font="body"))
        self._count_down()

    def take_focus(self) -> None:
        """Goes to the first button."""
        first = next((row for row in (one.findChild(QPushButton) for one in self._rows) if row is not None), None)
        (first or self.close_button).setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _section(self, title: str, rows: list[QWidget]) -> None:
        if rows:
            self._add(Dim(self._theme, f"{title}  ({len(rows)})"))
        for row in rows:
            self._add(row)

    def _add(self, row: QWidget) -> None:
        self._inside.addWidget(row)
        self._rows.append(row)

    def _for_me(self, one: Request) -> QWidget:
        chip = self._counted(one, StateChip(self._theme, "asked", "half", "warning"))
        notes = [f"Asked by {one.asked_by}. Reason: {one.reason}"]
        if one.device == self._frame.bridge.desk.settings.device_key.id:
            notes.append("\u25c6 SAME DESK: it was asked for here, so your approval is reviewed afterwards.")
        return self._row(chip, _what(one), notes, "Look and decide \u2026", partial(self._emit, self.approve, one))

    def _mine(self, one: Request) -> QWidget:
        chip = self._counted(one, StateChip(self._theme, *_MINE.get(one.state, (one.state, "dash", "normal"))))
        who = ", ".join(given.person + (" (same desk)" if given.same_desk else "") for given in one.approvals)
        notes = [f"Reason: {one.reason}", *([f"Approved by {who}."] if who else [])]
        if one.state == "declined":
            return self._row(chip, _what(one), [*notes, "Somebody said no; the timeline says why."], "", None)
        return self._row(chip, _what(one), notes, "Withdraw \u2026", partial(self._emit, self.withdraw, one))

    def _owed(self, one: OwedReview, *, mine: bool) -> QWidget:
        kind = KINDS[one.why]
        chip = StateChip(self._theme, kind.what, "diamond", "warning")
        notes = [f"By {one.by}, {age_words(one.at, self._frame.bridge.now())}."]
        notes += [f"Written then: {one.reason}"] if one.reason else []
        words = f"{one.switch} on {one.target}"
        pressed = partial(self._emit, self.settle, one) if mine else None
        return self._row(chip, words, notes, f"{kind.title} \u2026" if mine else "", pressed)

    def _row(self, chip: StateChip, what: str, notes: list[str], button: str, pressed: object) -> QWidget:
        band = Band(self._theme, "warning")
        box = QVBoxLayout(band)
        box.setContentsMargins(16, 6, 8, 6)
        box.setSpacing(2)
        parts: list[QWidget] = [chip, Line(self._theme, what, "title", wrap=True)]
        if pressed is not None:
            made = QPushButton(button)
            made.setAutoDefault(False)
            made.setAccessibleName(display(f"{button} {what}", 300))
            made.clicked.connect(pressed)
            parts.append(made)
        box.addLayout(row_of(*parts, stretch=1))
        for note in notes:
            box.addWidget(Dim(self._theme, note, wrap=True))
        band.setAccessibleName(display(f"{chip.word}: {what}. {' '.join(notes)}", 600))
        return band

    def _counted(self, one: Request, chip: StateChip) -> StateChip:
        if one.state != "declined":
            self._counting.append((one, chip))
        return chip

    def _count_down(self) -> None:
        now = self._frame.bridge.now()
        for one, chip in self._counting:
            left = int((parse_utc(one.expires) - now).total_seconds())
            word, shape, colour = _MINE.get(one.state, ("asked", "half", "warning"))
            if left > 0:
                chip.set_state(f"{word}, {countdown(left)} left", shape, colour)
            else:
                chip.set_state("ran out", "dash", "normal")

    def _emit(self, signal: object, what: object, _: bool = False) -> None:
        signal.emit(what)  # type: ignore[attr-defined]


def _what(one: Request) -> str:
    return f"{'STOP' if one.want == STOPPED else 'RESTORE'}  {one.switch} on {one.target}"

"""One switch of the panel: its three columns side by side, what it reaches, and the buttons that open its sheet.

The columns are never merged: what is wanted, what the back-end claims and what was seen stand beside each other.
"""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from console.domain.commands import UNKNOWN
from console.domain.inventory import Inventory
from console.domain.reach import Reach
from console.domain.switches import STOPPED
from console.domain.times import parse_utc
from console.queries.automatic_stops import AutomaticStop
from console.queries.commands import UNTOLD
from console.queries.switches import SwitchRow
from console.ui.chips import StateChip
from console.ui.switches.parts import Band, Dim, Line, StateCell, row_of
from console.ui.switches.words import (
    COMMAND_SIGNS,
    age_words,
    breadcrumb,
    claimed_sign,
    countdown,
    desired_sign,
    observed_sign,
    observed_words,
)
from console.ui.theme import Theme

_REPLY = 120


def is_untold(row: SwitchRow) -> bool:
    """Whether users should have been told of the reduced answers and were not seen to be (SWI-10)."""
    return row.last is not None and row.last.state == UNKNOWN and UNTOLD in row.last.detail.get("notice", "")


_FAILING = ("refused", "expired", "stale", UNKNOWN)


class SwitchCard(Band):
    """Signals: `chosen(card)`, `stop(card)`, `restore(card)`, `take_over(AutomaticStop)`."""

    chosen = Signal(object)
    stop = Signal(object)
    restore = Signal(object)
    take_over = Signal(object)

    def __init__(
        self, theme: Theme, inventory: Inventory, reach: Reach, title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, "line", parent)
        self.reach, self._title, self._is_chosen = reach, title, False
        self._row: SwitchRow | None = None
        self.crumb = breadcrumb(inventory, reach.target, reach.switch)
        self._desired, self._claimed = StateCell(theme, "DESIRED"), StateCell(theme, "CLAIMED")
        self.observed = StateCell(theme, "OBSERVED")
        self._command = StateChip(theme)
        self._auto, self._auto_words = StateChip(theme, "AUTOMATIC", "diamond", "warning"), Dim(theme, wrap=True)
        self.take_button = QPushButton("Take over \u2026")
        self._automatic: AutomaticStop | None = None
        self.stop_button = QPushButton("Stop …")
        self.restore_button = QPushButton("Restore …")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._build(theme)

    @property
    def row(self) -> SwitchRow | None:
        """What is shown."""
        return self._row

    @property
    def is_stopped(self) -> bool:
        """Whether a stop is wanted or seen here."""
        return self._row is not None and STOPPED in (self._row.desired.state, self._row.observed.state)

    def show_row(self, row: SwitchRow, now: datetime, fresh_s: int, automatic: AutomaticStop | None = None) -> None:
        """Shows the switch as it stands at `now`; `automatic` is the stop that a breaker made here, if one did."""
        self._row = row
        self._show_automatic(automatic, now)
        wanted = row.desired
        who = f"{age_words(wanted.at, now)}, generation {wanted.generation}" if wanted.at else "never moved"
        self._desired.show_state(desired_sign(wanted), who + (f", {wanted.by}" if wanted.by else ""))
        claim = row.claimed
        reply = f"{age_words(claim.at, now)}: {claim.detail[:_REPLY]}" if claim.at else "the back-end was not asked yet"
        self._claimed.show_state(claimed_sign(claim), reply)
        failing = row.last is not None and row.last.state in _FAILING
        drifted = bool(row.drift.at)
        sign = observed_sign(row.observed, wanted, now, fresh_s, failing=failing or drifted)
        if is_untold(row) and row.observed.state == STOPPED:
            sign = ("stopped, users not told", "triangle", "abnormal")
        self.observed.show_state(sign, observed_words(row.observed, now, fresh_s))
        self._show_command(row, drifted=drifted)
        loud = sign[2] == "abnormal" or failing or drifted
        self._tone = "abnormal" if loud else "warning" if self.is_stopped else "line"
        self.set_tone(self._tone, chosen=self._is_chosen)
        self._enable_buttons(row)
        made = f"{self._auto.word}, {self._auto_words.text()}, " if automatic is not None else ""
        states = f"{made}desired {self._desired.sign}, claimed {self._claimed.sign}, observed {self.observed.sign}"
        self.setAccessibleName(f"{self.crumb}: {states}")

    def _show_automatic(self, stop: AutomaticStop | None, now: datetime) -> None:
        """A breaker's stop is never drawn as a person's: who owns it, until when, and whether somebody has it."""
        self._automatic = stop
        for widget in (self._auto, self._auto_words):
            widget.setVisible(stop is not None)
        self.take_button.setVisible(stop is not None and stop.is_owed)
        if stop is None:
            return
        left = int((parse_utc(stop.expires) - now).total_seconds()) if stop.expires else 0
        until = f"taken over within {countdown(left)}" if left > 0 else "OVERDUE: nobody has taken it over"
        state = until if stop.is_owed else "taken over by a person"
        self._auto.set_state("AUTOMATIC", "diamond", "abnormal" if stop.is_owed and left <= 0 else "warning")
        owner = stop.owner_role.replace("_", " ")
        self._auto_words.setText(f"Breaker {stop.breaker}, owner {owner}, {state}. {stop.sentence}")

    def set_chosen(self, chosen: bool) -> None:
        """Whether the details below are of this one."""
        self._is_chosen = chosen
        self.set_tone(self._tone, chosen=chosen)

    def _show_command(self, row: SwitchRow, *, drifted: bool) -> None:
        if drifted:
            self._command.set_state(f"DRIFTED: {row.drift.state} against the desired state", "triangle", "abnormal")
        elif row.last is not None and (row.pending or row.last.state in _FAILING):
            word, shape, colour = COMMAND_SIGNS.get(row.last.state, ("unknown", "cross", "unknown"))
            verb = "stop" if row.last.want == STOPPED else "restore"
            self._command.set_state(f"{verb}: {word}", shape, colour)
        self._command.setVisible(drifted or bool(row.pending) or (row.last is not None and row.last.state in _FAILING))

    def _enable_buttons(self, row: SwitchRow) -> None:
        by_hand = not self.reach.adapter
        self.stop_button.setEnabled(not row.pending)
        self.stop_button.setText("By hand …" if by_hand else "Stop …")
        self.restore_button.setVisible(not by_hand)
        self.restore_button.setEnabled(not row.pending and self.is_stopped)

    def _build(self, theme: Theme) -> None:
        self._tone = "line"
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 8, 8, 8)
        box.setSpacing(theme.px("space_1"))
        name = Line(theme, self.crumb, "title", wrap=True)
        badge = StateChip(theme, self._badge(), "diamond" if self.reach.proposed else "dash", "normal")
        badge.setVisible(bool(self._badge()))
        box.addLayout(row_of(name, badge, stretch=0))
        box.addWidget(Dim(theme, self._title, wrap=True))
        if self.reach.warning:
            wider = Dim(theme, self.reach.warning, wrap=True)
            box.addLayout(row_of(StateChip(theme, "wider", "triangle", "warning"), wider, stretch=1))
        box.addLayout(row_of(self._auto, self._auto_words, self.take_button, stretch=1))
        for widget in (self._auto, self._auto_words, self.take_button):
            widget.hide()
        states = QHBoxLayout()
        states.setSpacing(theme.px("space_3"))
        for cell in (self._desired, self._claimed, self.observed):
            states.addWidget(cell, 1)
        box.addLayout(states)
        for button, word in (
            (self.stop_button, "Stop"),
            (self.restore_button, "Restore"),
            (self.take_button, "Take over"),
        ):
            button.setAutoDefault(False)
            button.setAccessibleName(f"{word} {self.crumb}: opens its sheet")
        self.stop_button.clicked.connect(self._on_stop)
        self.restore_button.clicked.connect(self._on_restore)
        self.take_button.clicked.connect(self._on_take_over)
        self._command.hide()
        box.addLayout(row_of(self._command, Line(theme), self.restore_button, self.stop_button, stretch=1))

    def _badge(self) -> str:
        if not self.reach.adapter:
            return "by hand only"
        step = {"local": "smallest", "scoped": "scoped", "failover": "failover", "fail_closed": "everything"}
        word = step.get(self.reach.step, self.reach.step)
        return f"proposed, {word}" if self.reach.proposed else word

    def _on_stop(self) -> None:
        self.stop.emit(self)

    def _on_restore(self) -> None:
        self.restore.emit(self)

    def _on_take_over(self) -> None:
        if self._automatic is not None:
            self.take_over.emit(self._automatic)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802
        super().mousePressEvent(event)
        self.chosen.emit(self)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusInEvent(event)
        self.chosen.emit(self)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusOutEvent(event)
        self.update()

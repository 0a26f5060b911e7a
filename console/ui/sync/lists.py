"""What waits for a person on the sync page: alarms to be settled, rejected events with what can be done, conflicts.

Each list is made anew only when its content changed, so that a field that is being typed in keeps its text and focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from console.actions.alarms import MAX_FOUND
from console.actions.rejected import MAX_QUESTION
from console.domain.rejection import ASK_COMMANDER, EXPORT, WRITE_AGAIN
from console.queries.conflicts import Conflict, Side
from console.queries.rejected import Rejected
from console.queries.sync_state import Alarm
from console.ui.page_parts import Plate, Section, button, field, words
from console.ui.sync.words import alarm_sign, alarm_words, at, counted, subject_words
from console.ui.theme import Theme

MOST_SHOWN = 20
MAX_NAME, MAX_REASON = 80, 500
_ACTIONS = {WRITE_AGAIN: "Write again", ASK_COMMANDER: "Ask the commander", EXPORT: "Export"}
HOLDS, STANDS = "\u25b6", "\u25b7"


class AlarmList(Section):
    """Signals: `settled(alarm id, name, what was found)`. Open alarms first; those settled are one line each."""

    settled = Signal(str, str, str)

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, "")
        self._theme, self._shown = theme, ((), ())
        self.name = field("Who settles the alarm", "Your name", MAX_NAME)
        self.name.setText(name)
        self.found = field("What was found out about the alarm", "What you found out (may be empty)", MAX_FOUND)
        self.buttons: dict[str, QPushButton] = {}
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        self._fields = QWidget(self)
        self._fields.setLayout(line)
        line.addWidget(self.name, 1)
        line.addWidget(self.found, 3)
        self.add_fixed(self._fields)

    def show_all(self, alarms: Sequence[Alarm], settled: Sequence[Alarm], now: datetime) -> None:
        """Shows these; the same again changes nothing."""
        key = (tuple(alarms), tuple(settled))
        if key == self._shown:
            return
        self._shown, self.buttons = key, {}
        rows: list[QWidget] = [self._alarm(one, now) for one in alarms[:MOST_SHOWN]]
        if len(alarms) > MOST_SHOWN:
            rows.append(words(self._theme, f"and {len(alarms) - MOST_SHOWN} more", "small", "text_dim"))
        rows += [self._settled(one, now) for one in settled[:3]]
        self._fields.setVisible(bool(alarms))
        title = "Alarms" if alarms else "Settled alarms"
        self.fill(f"{title}: {counted(len(alarms), 'is', 'are')} open" if alarms else title, rows)

    def _alarm(self, alarm: Alarm, now: datetime) -> QWidget:
        happened, did = alarm_words(alarm.kind)
        plate = Plate(self._theme, "triangle", "abnormal")
        head = QHBoxLayout()
        head.addWidget(words(self._theme, f"{alarm_sign(alarm.kind)}: {happened}", "strong"), 1)
        settle = button("Settle", f"Settle the alarm: {happened}", partial(self._on_settle, alarm.alarm_id))
        self.buttons[alarm.alarm_id] = settle
        head.addWidget(settle)
        plate.rows.addLayout(head)
        plate.rows.addWidget(words(self._theme, alarm.sentence))
        plate.rows.addWidget(words(self._theme, f"{did} Raised {at(alarm.raised_at, now)}.", "small", "text_dim"))
        return plate

    def _settled(self, alarm: Alarm, now: datetime) -> QWidget:
        told = f"Settled {at(alarm.settled_at, now)}: {alarm_words(alarm.kind)[0].lower()}."
        return words(self._theme, told, "small", "text_dim")

    def _on_settle(self, alarm_id: str, _: bool = False) -> None:
        self.settled.emit(alarm_id, self.name.text(), self.found.text())


class RejectedList(Section):
    """Signals: `chosen(event id, action, question)` with an action of `console.domain.rejection`."""

    chosen = Signal(str, str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self._theme, self._shown = theme, ()
        self.question = field("Question to the commander", "Question to the commander (may be empty)", MAX_QUESTION)
        self.buttons: dict[tuple[str, str], QPushButton] = {}
        self.add_fixed(self.question)

    def show_all(self, found: Sequence[Rejected], now: datetime) -> None:
        """Shows these; the same again changes nothing."""
        if tuple(found) == self._shown:
            return
        self._shown, self.buttons = tuple(found), {}
        rows: list[QWidget] = [self._row(one, now) for one in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            rows.append(words(self._theme, f"and {len(found) - MOST_SHOWN} more", "small", "text_dim"))
        self.question.setVisible(any(ASK_COMMANDER in one.actions for one in found[:MOST_SHOWN]))
        self.fill(f"Rejected by the plane: {counted(len(found), 'event')}, kept here and struck through", rows)

    def _row(self, one: Rejected, now: datetime) -> QWidget:
        plate = Plate(self._theme, "square", "warning")
        said = words(self._theme, one.sentence, struck=True)
        said.setAccessibleName(f"Rejected: {said.text()}")
        plate.rows.addWidget(said)
        plate.rows.addWidget(words(self._theme, f"Because: {one.reason}", "strong"))
        plate.rows.addWidget(words(self._theme, f"{one.actor}, {at(one.at, now)}", "small", "text_dim"))
        line = QHBoxLayout()
        for action in one.actions:
            text = _ACTIONS[action]
            made = button(text, f"{text}: {said.text()[:80]}", partial(self._on_chosen, one.event_id, action))
            self.buttons[one.event_id, action] = made
            line.addWidget(made)
        line.addStretch(1)
        plate.rows.addLayout(line)
        return plate

    def _on_chosen(self, event_id: str, action: str, _: bool = False) -> None:
        self.chosen.emit(event_id, action, self.question.text())


class ConflictList(Section):
    """Signals: `kept(Conflict, event id, reason)`, `wanted(incident)` to go and look there."""

    kept = Signal(object, str, str)
    wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self._theme, self._shown = theme, ()
        self.reason = field("Reason for keeping a side", "Why this side is kept", MAX_REASON)
        self.buttons: dict[str, QPushButton] = {}
        self.add_fixed(self.reason)

    def show_all(self, found: Sequence[Conflict], now: datetime) -> None:
        """Shows these; the same again changes nothing."""
        if tuple(found) == self._shown:
            return
        self._shown, self.buttons = tuple(found), {}
        rows: list[QWidget] = [self._row(one, now) for one in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            rows.append(words(self._theme, f"and {len(found) - MOST_SHOWN} more", "small", "text_dim"))
        self.fill(f"In conflict: {counted(len(found), 'question')} that two people answered at once", rows)

    def _row(self, one: Conflict, now: datetime) -> QWidget:
        plate = Plate(self._theme, "diamond", "warning")
        head = QHBoxLayout()
        head.addWidget(words(self._theme, f"IN CONFLICT: {subject_words(one.subject)}", "strong"), 1)
        go = button("Go to the incident", f"Go to the incident of {subject_words(one.subject)}", self._go(one))
        head.addWidget(go)
        plate.rows.addLayout(head)
        for side in one.sides:
            plate.rows.addLayout(self._side(one, side, now))
        return plate

    def _side(self, one: Conflict, side: Side, now: datetime) -> QHBoxLayout:
        line = QHBoxLayout()
        texts = QVBoxLayout()
        texts.setSpacing(0)
        shape, state = (HOLDS, "holds meanwhile") if side.holds else (STANDS, "stands beside it")
        texts.addWidget(words(self._theme, f"{shape} {side.sentence}"))
        role = f" as {side.role.replace('_', ' ')}" if side.role else ""
        told = f"{side.actor}{role}, {at(side.at, now)}; {state}"
        texts.addWidget(words(self._theme, told, "small", "text_dim"))
        line.addLayout(texts, 1)
        keep = button("Keep this one", f"Keep what {side.actor} said", partial(self._on_keep, one, side.event_id))
        self.buttons[side.event_id] = keep
        line.addWidget(keep)
        return line

    def _go(self, one: Conflict) -> partial[None]:
        return partial(self._on_go, one.incident)

    def _on_go(self, incident: str, _: bool = False) -> None:
        self.wanted.emit(incident)

    def _on_keep(self, one: Conflict, event_id: str, _: bool = False) -> None:
        self.kept.emit(one, event_id, self.reason.text())

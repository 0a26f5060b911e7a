"""Below the switches: what the chosen one can do, what to do by hand, its last receipt, and its whole history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from console.domain.reach import Reach
from console.domain.switches import Switch
from console.queries.commands import CommandView
from console.queries.switches import HistoryLine, commands_on, switch_history
from console.ui.frame import Frame
from console.ui.switches.form import capability_words
from console.ui.switches.looking import Look
from console.ui.switches.parts import Dim, Line
from console.ui.switches.progress import ReceiptView
from console.ui.switches.words import age_words, breadcrumb, clock
from console.ui.text import display


class DetailView(QWidget):
    """Signal: `look_up(command id)`."""

    look_up = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = frame.theme
        self._frame, self._reach = frame, None  # type: Frame, Reach | None
        self._looks: dict[tuple[str, str], Look] = {}
        self._adapters: tuple[str, ...] = ()
        self._commands: tuple[CommandView, ...] = ()
        self._head = Line(theme, "", "strong")
        self._can = Dim(theme, "", wrap=True, font="body")
        self._card = Dim(theme, "", wrap=True, font="body")
        self.pick = QComboBox()
        self.pick.setAccessibleName("Earlier commands, newest first")
        self.pick.currentIndexChanged.connect(self._on_picked)
        self.receipt = ReceiptView(theme)
        self.receipt.look_up.connect(self.look_up)
        self.history = QListWidget()
        self.history.setAccessibleName("History of the switch, newest first")
        self.history.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.history.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.history.setMinimumHeight(110)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        for widget in (self._head, self._can, self._card, self.pick, self.receipt):
            box.addWidget(widget)
        box.addWidget(Dim(theme, "HISTORY"))
        box.addWidget(self.history)

    def keep_look(self, reach: Reach, look: Look) -> None:
        """What a look told of the back-end's abilities."""
        self._looks[reach.switch, reach.target] = look
        if self._reach == reach:
            self.show_reach(reach)

    def show_reach(self, reach: Reach) -> None:
        """Shows one switch on one item; its receipts and history are read."""
        self._reach, policy = reach, self._frame.policy
        self._adapters = policy.inventory.adapters_for(reach.switch, reach.target)
        look = self._looks.get((reach.switch, reach.target))
        crumb = breadcrumb(policy.inventory, reach.target, reach.switch)
        capabilities = look.capabilities if look is not None else None
        self.show_switch(policy.switches.switch(reach.switch), crumb, capabilities, reach.adapter)
        for noun, then in ((commands_on, self._on_commands), (switch_history, self._on_history)):
            self._frame.bridge.ask(noun, reach.switch, reach.target, owner=self, then=partial(then, reach))

    def _on_commands(self, reach: Reach, commands: Sequence[CommandView]) -> None:
        if reach == self._reach:
            self.show_commands(commands, self._frame.bridge.now())

    def _on_history(self, reach: Reach, lines: Sequence[HistoryLine]) -> None:
        if reach == self._reach:
            self.show_history(lines)

    def show_switch(self, switch: Switch, crumb: str, capabilities: Mapping[str, bool] | None, adapter: str) -> None:
        """Shows what the switch is; `capabilities` None before anybody looked."""
        self._head.setText(crumb)
        can = "known once you have looked (Ctrl+Shift+L)" if capabilities is None else capability_words(capabilities)
        self._can.setText(f"{switch.mechanism} {adapter or 'Nobody enforces it here'}: {can}.")
        self._card.setText(f"Without the plane: {switch.fallback}")

    def show_commands(self, commands: Sequence[CommandView], now: datetime) -> None:
        """Shows the receipts of this desk's commands, the newest one open."""
        held = self.pick.currentData()
        self._commands = tuple(commands)
        self.pick.blockSignals(True)
        self.pick.clear()
        for view in commands:
            when = f"{clock(view.authorised_at)} UTC, {age_words(view.authorised_at, now)}"
            self.pick.addItem(display(f"{when}: {view.want}, {view.state}"), view.command_id)
        place = max(self.pick.findData(held), 0)
        self.pick.setCurrentIndex(place if commands else -1)
        self.pick.blockSignals(False)
        self.pick.setVisible(len(commands) > 1)
        self.receipt.setVisible(bool(commands))
        self._on_picked(self.pick.currentIndex())

    def show_history(self, lines: Sequence[HistoryLine]) -> None:
        """Shows what was recorded, newest first."""
        self.history.clear()
        for line in lines:
            generation = f"generation {line.generation}" if line.generation else ""
            words = "  ".join((clock(line.at), line.kind, line.state, line.actor, generation, line.text))
            self.history.addItem(QListWidgetItem(display(words, 400)))
        if not lines:
            self.history.addItem(QListWidgetItem("Nothing yet: nobody has moved it."))

    def _on_picked(self, place: int) -> None:
        if 0 <= place < len(self._commands):
            self.receipt.show_view(self._commands[place], self._adapters)

"""The switches that reach a target as cards under headings, narrowed by typing; one of them is the chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from console.domain.reach import Reach
from console.policy import Policy
from console.queries.automatic_stops import AutomaticStop
from console.queries.switch_board import SwitchBoard
from console.ui.switches.card import SwitchCard
from console.ui.switches.grouping import grouped, matches, searched
from console.ui.switches.parts import Dim, scrolled
from console.ui.theme import Theme


class CardList(QWidget):
    """Signals: `chosen()` when another one was chosen, `stop(Reach)`, `restore(Reach)`, `take_over(AutomaticStop)`."""

    chosen = Signal()
    stop = Signal(object)
    restore = Signal(object)
    take_over = Signal(object)

    def __init__(self, theme: Theme, policy: Policy, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._policy = theme, policy
        self._heads: list[tuple[Dim, list[SwitchCard]]] = []
        self._texts: dict[SwitchCard, str] = {}
        self._reaches: tuple[Reach, ...] = ()
        self.cards: list[SwitchCard] = []
        self.current: SwitchCard | None = None
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Type to find a switch (Ctrl+Shift+G)")
        self.typed.setAccessibleName("Find a switch")
        self.typed.setMaxLength(80)
        self.typed.setClearButtonEnabled(True)
        self.typed.textChanged.connect(self._narrow)
        self.typed.returnPressed.connect(self._to_first)
        self._nothing = Dim(theme, "No switch has all of these words; Esc shows all of them.")
        self._nothing.hide()
        inside, self._rows = QWidget(), QVBoxLayout()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.addLayout(self._rows)
        column.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget in (self.typed, self._nothing):
            box.addWidget(widget)
        self._area = scrolled(inside)
        box.addWidget(self._area, 1)

    @property
    def first_stopped(self) -> SwitchCard | None:
        """The first one that is stopped and that an adapter enforces."""
        return next((card for card in self.cards if card.is_stopped and card.reach.adapter), None)

    def show_board(self, board: SwitchBoard | None) -> None:
        """Shows the switches of a board; the same ones again keep their cards."""
        reaches = board.reaches if board is not None else ()
        if reaches == self._reaches:
            return
        self._reaches = reaches
        before = self.current.reach if self.current is not None else None
        self._clear()
        for group in grouped(reaches):
            head = Dim(self._theme, group.title)
            self._rows.addWidget(head)
            made = [self._card(reach) for reach in group.reaches]
            self._heads.append((head, made))
            self.cards += made
        again = next((card for card in self.cards if card.reach == before), None)
        self._set_current(again or (self.cards[0] if self.cards else None))
        self.typed.setVisible(bool(self.cards))
        self._narrow(self.typed.text())

    def refresh(
        self, board: SwitchBoard | None, automatic: Mapping[tuple[str, str], AutomaticStop], now: datetime
    ) -> None:
        """Shows how each of them stands at `now`."""
        fresh = self._policy.switches.times.observation_fresh_s
        rows = {(row.switch, row.target): row for row in (board.rows if board is not None else ())}
        for card in self.cards:
            place = (card.reach.switch, card.reach.target)
            if place in rows:
                card.show_row(rows[place], now, fresh, automatic.get(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and self.typed.text():
            self.typed.clear()
            return
        super().keyPressEvent(event)

    def _clear(self) -> None:
        for head, cards in self._heads:
            for widget in (head, *cards):
                self._rows.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        self._heads, self.cards, self.current = [], [], None
        self._texts.clear()

    def _card(self, reach: Reach) -> SwitchCard:
        switch = self._policy.switches.switch(reach.switch)
        card = SwitchCard(self._theme, self._policy.inventory, reach, switch.cuts)
        card.chosen.connect(self._on_chosen)
        card.stop.connect(self._on_stop)
        card.restore.connect(self._on_restore)
        card.take_over.connect(self.take_over)
        self._texts[card] = searched(self._policy.switches, reach, card.crumb)
        self._rows.addWidget(card)
        return card

    def _narrow(self, typed: str) -> None:
        for head, cards in self._heads:
            shown = [card for card in cards if matches(self._texts[card], typed)]
            for card in cards:
                card.setVisible(card in shown)
            head.setVisible(bool(shown))
        none = bool(self.cards) and not any(matches(text, typed) for text in self._texts.values())
        self._nothing.setVisible(none)

    def _to_first(self) -> None:
        """Enter goes on to the first that is left; it opens nothing."""
        first = next((card for card in self.cards if not card.isHidden()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)
            self._area.ensureWidgetVisible(first)

    def _set_current(self, card: SwitchCard | None) -> None:
        for one in self.cards:
            one.set_chosen(one is card)
        self.current = card

    def _on_chosen(self, card: SwitchCard) -> None:
        if card is not self.current:
            self._set_current(card)
            self.chosen.emit()

    def _on_stop(self, card: SwitchCard) -> None:
        self.stop.emit(card.reach)

    def _on_restore(self, card: SwitchCard) -> None:
        self.restore.emit(card.reach)

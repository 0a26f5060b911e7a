"""The page itself: head, next step, lifecycle and actions; in one column where there is little room, else in two."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from console.queries.standing import Standing
from console.ui.incident.actions_view import ActionsView
from console.ui.incident.head import HeadView, NextCard
from console.ui.incident.lifecycle import LifecycleView
from console.ui.theme import Theme

TWO_COLUMNS = 720
LEAST_WIDTH, LEAST_HEIGHT = 280, 160


class Page(QWidget):
    """Signals: `next_wanted()`, `action_chosen(action id)`."""

    next_wanted = Signal()
    action_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head, self.next = HeadView(theme, self), NextCard(theme, self)
        self.lifecycle, self.deeds = LifecycleView(theme, self), ActionsView(theme, self)
        self.next.wanted.connect(self.next_wanted)
        self.lifecycle.enter_wanted.connect(self._on_enter_wanted)
        self.deeds.chosen.connect(self.action_chosen)
        gap = theme.px("space_2")
        self._columns = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._columns.setSpacing(gap * 2)
        for part in (self.lifecycle, self.deeds):
            column = QVBoxLayout()
            column.addWidget(part)
            column.addStretch(1)
            self._columns.addLayout(column, 1)
        body = QWidget(self)
        inner = QVBoxLayout(body)
        inner.setContentsMargins(0, 0, gap, 0)
        inner.addLayout(self._columns)
        inner.addStretch(1)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addWidget(self.head)
        whole.addWidget(self.next)
        whole.addWidget(self.area, 1)
        self.setMinimumSize(LEAST_WIDTH, LEAST_HEIGHT)

    def show_standing(self, standing: Standing, person: str, now: datetime) -> None:
        """Shows where the incident stands; `deeds` shows what is blocked."""
        self.head.show_standing(standing, person, now)
        self.next.show_step(standing.step)
        self.lifecycle.show_standing(standing)

    def tick(self, now: datetime) -> None:
        """Moves ages on."""
        self.head.tick(now)

    def take_focus(self) -> None:
        """Gives the focus to the next step."""
        self.next.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._set_tab_order()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        wide = self.width() >= TWO_COLUMNS
        way = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._columns.direction() != way:
            self._columns.setDirection(way)

    def _set_tab_order(self) -> None:
        """At each showing: being put into another parent, widgets lose the order they were given before."""
        before: QWidget = self.next.button
        enter = (step.button for step in self.lifecycle.steps.values())
        for after in (*enter, *self.deeds.buttons.values()):
            QWidget.setTabOrder(before, after)
            before = after

    def _on_enter_wanted(self, _: str) -> None:
        self.action_chosen.emit("incident.enter_state")

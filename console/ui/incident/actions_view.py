"""What can be done to the incident: a button a row with its key, and beside it why it cannot be done now.

A blocked button keeps the focus and answers with its reason: one that is greyed out tells nobody anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from console.ui.press import guard
from console.ui.theme import Theme
from console.ui.words import Words

ROWS: tuple[tuple[str, str, str], ...] = (
    ("incident.acknowledge", "Acknowledge", "A"),
    ("incident.take_command", "Take command", "C"),
    ("incident.grade", "Grade", "G"),
    ("incident.assign_role", "Assign a role", "R"),
    ("incident.enter_state", "Enter the next state", "E"),
    ("incident.seal", "Seal the evidence", "S"),
    ("incident.validate", "Validate", "V"),
    ("incident.request_criterion", "Ask owner to sign", "O"),
    ("incident.export", "Export package", "X"),
    ("incident.request_review", "Ask for review", "I"),
    ("incident.close", "Close", "L"),
)
"""Action id, what the button says, and its key while the page has the focus."""
BY_KEY = {key: action for action, _, key in ROWS}


class ActionsView(QWidget):
    """Signals: `chosen(action id)`."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._why: Mapping[str, str] = {}
        self._proposed = ""
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px("space_2"))
        grid.setVerticalSpacing(theme.px("space_1") // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(Words(theme, "ACTIONS", "label", "text_dim", parent=self), 0, 0, 1, 2)
        self.buttons: dict[str, QPushButton] = {}
        self.reasons: dict[str, Words] = {}
        for row, (action, text, key) in enumerate(ROWS, start=1):
            button = QPushButton(f"{text}   {key}", self)
            button.setObjectName(action)
            button.setAccessibleName(text)
            button.setAutoDefault(True)
            guard(button)
            button.clicked.connect(self._on_clicked)
            reason = Words(theme, "", "small", "text_dim", parent=self)
            grid.addWidget(button, row, 0)
            grid.addWidget(reason, row, 1)
            self.buttons[action], self.reasons[action] = button, reason
        theme.changed.connect(self._dress)

    def show_states(self, why: Mapping[str, str], proposed: str) -> None:
        """Shows why each action is blocked ("" for one that is not) and which one is the next step."""
        if (why, proposed) == (self._why, self._proposed):
            return
        self._why, self._proposed = why, proposed
        for action, button in self.buttons.items():
            reason = why.get(action, "")
            self.reasons[action].setText(reason or ("the next step" if action == proposed else ""))
            button.setAccessibleDescription(self.reasons[action].text())
            button.setFlat(bool(reason))
        self._dress()

    def _dress(self) -> None:
        dim, full = self._theme.colour("text_dim"), self._theme.colour("text")
        for action, button in self.buttons.items():
            palette = button.palette()
            palette.setColor(QPalette.ColorRole.ButtonText, dim if self._why.get(action) else full)
            button.setPalette(palette)

    def _on_clicked(self) -> None:
        self.chosen.emit(self.sender().objectName())

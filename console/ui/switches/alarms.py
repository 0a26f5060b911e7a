"""The loudest things of the panel: outcomes nobody knows, and what this person is asked to approve (SWI-7)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from console.domain.inventory import Inventory
from console.domain.switches import STOPPED
from console.queries.commands import CommandView
from console.queries.switches import Request
from console.ui.chips import StateChip
from console.ui.switches.parts import Band, Dim, Line, row_of
from console.ui.switches.words import breadcrumb
from console.ui.theme import Theme

_SHOWN = 3


class Alarms(QWidget):
    """Signals: `look_up(command id)`, `approve(Request)`."""

    look_up = Signal(str)
    approve = Signal(object)

    def __init__(self, theme: Theme, inventory: Inventory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._inventory = theme, inventory
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._shown: tuple[object, ...] = ()

    def show_all(self, loud: Sequence[CommandView], requests: Sequence[Request]) -> None:
        """Shows these, the unknown outcomes first; the same again changes nothing."""
        key = (*((view.command_id, view.sentence) for view in loud), *requests)
        if key == self._shown:
            return
        self._shown = key
        while (item := self._box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for view in loud[:_SHOWN]:
            self._box.addWidget(self._unknown(view))
        if len(loud) > _SHOWN:
            self._box.addWidget(Dim(self._theme, f"and {len(loud) - _SHOWN} more with an unknown outcome"))
        for request in requests[:_SHOWN]:
            self._box.addWidget(self._request(request))
        self.setVisible(bool(key))

    def _crumb(self, target: str, switch: str) -> str:
        return (
            breadcrumb(self._inventory, target, switch) if target in self._inventory.items else f"{target} / {switch}"
        )

    def _unknown(self, view: CommandView) -> QWidget:
        verb = "STOP" if view.want == STOPPED else "RESTORE"
        band = Band(self._theme, "abnormal", loud=True)
        box = QVBoxLayout(band)
        box.setContentsMargins(12, 8, 8, 8)
        button = QPushButton("Look it up")
        button.setAutoDefault(False)
        button.clicked.connect(partial(self.look_up.emit, view.command_id))
        head = Line(self._theme, f"OUTCOME UNKNOWN: {verb}", "strong", ink="sunken")
        box.addLayout(row_of(head, button, stretch=0))
        box.addWidget(Line(self._theme, self._crumb(view.target, view.switch), "large", wrap=True, ink="sunken"))
        said = view.sentence or "The outcome is not known."
        box.addWidget(Line(self._theme, f"{said} Assume that it did not work.", wrap=True, ink="sunken"))
        return band

    def _request(self, request: Request) -> QWidget:
        verb = "STOP" if request.want == STOPPED else "RESTORE"
        band = Band(self._theme, "warning")
        box = QVBoxLayout(band)
        box.setContentsMargins(16, 8, 8, 8)
        button = QPushButton("Look and decide …")
        button.setAutoDefault(False)
        button.clicked.connect(partial(self.approve.emit, request))
        head = StateChip(self._theme, f"{request.asked_by} asks you to approve: {verb}"[:58], "half", "warning")
        box.addLayout(row_of(head, button, stretch=0))
        box.addWidget(Line(self._theme, self._crumb(request.target, request.switch), "title", wrap=True))
        box.addWidget(Dim(self._theme, f"Reason: {request.reason}", wrap=True))
        return band

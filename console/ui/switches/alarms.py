"""The loudest things of the panel: stops that cannot be relied on, then what this person is asked to approve (SWI-7).

Of a failed stop it is said what failed, where, what still runs, and what to do next, each with its button.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from console.domain.inventory import Inventory
from console.domain.reach import Reach
from console.domain.switches import STOPPED
from console.queries.failed_stops import FailedStop
from console.queries.switches import Request
from console.ui.chips import StateChip
from console.ui.failed_stop_words import head, next_words, place_words, running_words, whole
from console.ui.switches.parts import Band, Dim, Line, row_of
from console.ui.switches.words import breadcrumb
from console.ui.text import display
from console.ui.theme import Theme

_SHOWN = 3


class Alarms(QWidget):
    """Signals: `look_up(command id)`, `by_hand` and `go_to(FailedStop)`, `wider(Reach)`, `approve(Request)`."""

    look_up = Signal(str)
    by_hand = Signal(object)
    wider = Signal(object)
    go_to = Signal(object)
    approve = Signal(object)

    def __init__(self, theme: Theme, inventory: Inventory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._inventory = theme, inventory
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._shown: object = None
        self._next: Reach | None = None

    def show_all(
        self, loud: Sequence[FailedStop], requests: Sequence[Request], incident: str = "", step: Reach | None = None
    ) -> None:
        """Shows these, the failed stops first; `step` is the next one for `incident`. The same changes nothing."""
        key = (tuple(loud), tuple(requests), incident, step)
        if key == self._shown:
            return
        self._shown, self._next = key, step
        while (item := self._box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for one in loud[:_SHOWN]:
            self._box.addWidget(self._failed(one, here=one.incident == incident))
        if len(loud) > _SHOWN:
            self._box.addWidget(Dim(self._theme, f"and {len(loud) - _SHOWN} more that cannot be relied on"))
        for request in requests[:_SHOWN]:
            self._box.addWidget(self._request(request))
        if len(requests) > _SHOWN:
            more = f"and {len(requests) - _SHOWN} more requests wait for you (Ctrl+Shift+A)"
            self._box.addWidget(Dim(self._theme, more))
        self.setVisible(bool(loud or requests))

    def take_focus(self) -> None:
        """Goes to the first button of the loudest one."""
        buttons = [one for one in self.findChildren(QPushButton) if not one.parentWidget().isHidden()]
        if buttons:
            buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def _crumb(self, target: str, switch: str) -> str:
        return (
            breadcrumb(self._inventory, target, switch) if target in self._inventory.items else f"{target} / {switch}"
        )

    def _failed(self, one: FailedStop, *, here: bool) -> QWidget:
        band = Band(self._theme, "abnormal", loud=True)
        box = QVBoxLayout(band)
        box.setContentsMargins(12, 8, 8, 8)
        box.setSpacing(2)
        band.setAccessibleName(display(whole(one), 600))
        box.addWidget(Line(self._theme, head(one), "large", wrap=True, ink="sunken"))
        box.addWidget(Line(self._theme, self._crumb(one.target, one.switch), "title", wrap=True, ink="sunken"))
        for place in one.places:
            box.addWidget(Line(self._theme, place_words(place), "strong", wrap=True, ink="sunken"))
        said = running_words(one) if one.places else f"{one.sentence} {running_words(one)}"
        box.addWidget(Line(self._theme, said.strip(), wrap=True, ink="sunken"))
        box.addWidget(Line(self._theme, next_words(one), "strong", wrap=True, ink="sunken"))
        if not here and one.title:
            box.addWidget(Line(self._theme, f"Incident: {one.title}", wrap=True, ink="sunken"))
        box.addLayout(row_of(*self._buttons(one, here=here)))
        return band

    def _buttons(self, one: FailedStop, *, here: bool) -> list[QWidget]:
        about = f"{one.switch} on {one.target}"
        made: list[QWidget] = []
        if one.command_id:
            made.append(_button("Look it up", f"Look up {about}", partial(self.look_up.emit, one.command_id)))
        if not here:
            return [*made, _button("Go to its incident", f"Go to the incident of {about}", partial(self._go, one))]
        if one.want == STOPPED:
            made.append(_button("By hand \u2026", f"Do {about} by hand", partial(self._by_hand, one)))
            step = self._next
            if step is not None and (step.switch, step.target) != (one.switch, one.target):
                words = f"Next step: {step.switch} on {step.target} \u2026"
                made.append(_button(display(words, 80), words, partial(self._wider, step)))
        return made

    def _request(self, request: Request) -> QWidget:
        verb = "STOP" if request.want == STOPPED else "RESTORE"
        band = Band(self._theme, "warning")
        box = QVBoxLayout(band)
        box.setContentsMargins(16, 8, 8, 8)
        words = f"{request.asked_by} asks you to approve: {verb}"
        crumb = self._crumb(request.target, request.switch)
        button = _button("Look and decide \u2026", f"{words} {crumb}", partial(self._approve, request))
        chip = StateChip(self._theme, words[:58], "half", "warning")
        box.addLayout(row_of(chip, button, stretch=0))
        box.addWidget(Line(self._theme, crumb, "title", wrap=True))
        box.addWidget(Dim(self._theme, f"Reason: {request.reason}", wrap=True))
        return band

    # signals are called by way of these: a button says whether it is checked besides

    def _go(self, one: FailedStop, _: bool = False) -> None:
        self.go_to.emit(one)

    def _by_hand(self, one: FailedStop, _: bool = False) -> None:
        self.by_hand.emit(one)

    def _wider(self, step: Reach, _: bool = False) -> None:
        self.wider.emit(step)

    def _approve(self, request: Request, _: bool = False) -> None:
        self.approve.emit(request)


def _button(text: str, name: str, pressed: object) -> QPushButton:
    made = QPushButton(text)
    made.setAutoDefault(False)
    made.setAccessibleName(display(name, 300))
    made.clicked.connect(pressed)
    return made

"""A command on its way and its receipt: the states it passed, four clocks, three results; "unknown" louder than all.

Nothing here sends anything: a look-up asks the plane and changes nothing (SWI-4, SWI-7).
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from console.domain.commands import ACKNOWLEDGED, AUTHORISED, DISPATCHED, ENDS, SENT, UNKNOWN, VERIFIED
from console.domain.switches import STOPPED
from console.domain.switches import UNKNOWN as UNSEEN
from console.queries.commands import UNTOLD, CommandView
from console.queries.failed_stops import places_of
from console.ui.chips import StateChip
from console.ui.failed_stop_words import place_words
from console.ui.switches.parts import Band, Dim, Line, row_of
from console.ui.switches.words import COMMAND_SIGNS, clock
from console.ui.theme import Theme

STEPS = (AUTHORISED, SENT, ACKNOWLEDGED, DISPATCHED, VERIFIED)
_STEP_TIME = {
    AUTHORISED: "authorised_at",
    SENT: "sent_at",
    ACKNOWLEDGED: "acknowledged_at",
    DISPATCHED: "dispatched_at",
    VERIFIED: "observed_at",
}
_RESULTS = {
    "refuses_new": "New requests refused",
    "streams_cut": "Streams in flight cut",
    "survives_restart": "Survives a restart",
}
BAD_ENDS = tuple(state for state in ENDS if state != VERIFIED) + (UNKNOWN,)


class ReceiptView(QWidget):
    """The receipt of one command as far as it goes. Signal: `look_up(command id)`."""

    look_up = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._view = theme, None  # type: Theme, CommandView | None
        self._end = Band(theme)
        self._end_chip = StateChip(theme, "…")
        self._loud_word, self._sentence = Line(theme, "", "large"), Line(theme, "", wrap=True)
        self.button = QPushButton("Look it up at the plane")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._on_look_up)
        inner = QVBoxLayout(self._end)
        inner.setContentsMargins(14, 6, 8, 6)
        inner.addLayout(row_of(self._loud_word, self._end_chip, Line(theme), self.button, stretch=2))
        inner.addWidget(self._sentence)
        self._steps = {name: (StateChip(theme), Dim(theme, "–", font="mono")) for name in STEPS}
        self._results = {name: (StateChip(theme), Dim(theme)) for name in _RESULTS}
        self._marks = Line(theme, "", wrap=True)
        self._places = Line(theme, "", wrap=True)
        self._notice = StateChip(theme)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._end)
        box.addLayout(self._clock_grid())
        box.addLayout(self._result_grid())
        box.addWidget(self._marks)
        box.addWidget(self._places)
        box.addLayout(row_of(self._notice))
        self.show_view(None)

    @property
    def state(self) -> str:
        """The state of the command that is shown, "" without one."""
        return self._view.state if self._view is not None else ""

    @property
    def acknowledged_shown(self) -> bool:
        """Whether the plane's acknowledgement is on the screen."""
        return self._view is not None and bool(self._view.acknowledged_at)

    @property
    def words(self) -> str:
        """What is said of each back-end and of the notice to users, "" where nothing is."""
        shown = [one for one in (self._marks.text(), self._places.text(), self._notice.word) if one]
        return "\n".join(shown)

    def show_view(self, view: CommandView | None, adapters: tuple[str, ...] = ()) -> None:
        """Shows another receipt; `adapters` enforce its switch, each is told of by its own word."""
        self._view = view
        self._show_told(view, adapters)
        self._marks.setText(marks(view))
        self._marks.setVisible(bool(self._marks.text()))
        state = view.state if view is not None else AUTHORISED
        sign = COMMAND_SIGNS.get(state, ("unknown", "cross", "unknown"))
        self._end.set_tone(sign[2] if sign[2] in ("abnormal", "warning") else "line")
        loud = sign[2] == "abnormal"
        self._end.set_loud(loud)
        for line in (self._loud_word, self._sentence):
            line.set_ink("sunken" if loud else "text")
        self._loud_word.setText(sign[0] if loud else "")
        self._loud_word.setVisible(loud)
        self._end_chip.setVisible(not loud)
        self._end_chip.set_state(*sign)
        self._sentence.setText(_sentence(view))
        self.button.setVisible(state == UNKNOWN)
        for place, name in enumerate(STEPS):
            moment = getattr(view, _STEP_TIME[name]) if view is not None else ""
            self._show_step(name, moment, stopped=state in BAD_ENDS and not moment, later=place)
        for name, (chip, words) in self._results.items():
            seen = view.results[name] if view is not None else None
            chip.set_state(*_result_sign(name, seen.result if seen else "unknown", view))
            words.setText(f"event …{seen.evidence[-8:]}" if seen and seen.evidence else "")

    def _show_told(self, view: CommandView | None, adapters: tuple[str, ...]) -> None:
        detail = view.detail if view is not None else {}
        places = places_of(detail, adapters)
        self._places.setText("\n".join(place_words(one) for one in places))
        self._places.setVisible(bool(places))
        notice = detail.get("notice", "")
        self._notice.setVisible(bool(notice))
        sign = ("triangle", "abnormal") if UNTOLD in notice else ("circle", "text")
        if notice not in ("seen", UNTOLD):
            sign = sign if UNTOLD in notice else ("dash", "unknown")
        self._notice.set_state(f"Notice to users: {notice}" if notice else "", *sign)

    def _show_step(self, name: str, moment: str, *, stopped: bool, later: int) -> None:
        chip, when = self._steps[name]
        if moment:
            chip.set_state(name, "circle", "text")
        else:
            chip.set_state(name, "dash" if stopped else "ring", "normal")
        when.setText(f"{clock(moment, 3)} UTC" if moment else "–")
        chip.setAccessibleName(f"Step {later + 1}, {name}: {when.text() if moment else 'not reached'}")

    def _clock_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(self._theme.px("space_4"))
        grid.setVerticalSpacing(0)
        for line, (chip, when) in enumerate(self._steps.values()):
            grid.addWidget(chip, line, 0)
            grid.addWidget(when, line, 1)
        grid.setColumnStretch(2, 1)
        return grid

    def _result_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(self._theme.px("space_3"))
        grid.setVerticalSpacing(1)
        for line, (name, (chip, words)) in enumerate(self._results.items()):
            grid.addWidget(Line(self._theme, _RESULTS[name]), line, 0)
            grid.addWidget(chip, line, 1)
            grid.addWidget(words, line, 2)
        grid.setColumnStretch(3, 1)
        return grid

    def _on_look_up(self) -> None:
        if self._view is not None:
            self.look_up.emit(self._view.command_id)


class ReceiptPage(QWidget):
    """A receipt under what was ordered, with its way back. Signal: `left()`; `close_button` may be disabled."""

    left = Signal()

    def __init__(self, theme: Theme, title: str, receipt: ReceiptView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.close_button = QPushButton("Back to the switches (Esc)")
        self.close_button.setAutoDefault(False)
        self.close_button.setEnabled(False)
        self.close_button.clicked.connect(self.left)
        box = QVBoxLayout(self)
        box.addWidget(Line(theme, title, "large", wrap=True))
        box.addWidget(receipt)
        box.addLayout(row_of(self.close_button))
        box.addStretch(1)


def marks(view: CommandView | None) -> str:
    """The two marks of a receipt, each with its own time; "" before a back-end answered."""
    if view is None or not (view.dispatched_at or view.observed_at or view.from_here.state):
        return ""
    plane = f"verified by the plane {clock(view.observed_at)} UTC" if view.state == VERIFIED else "not yet verified"
    here = view.from_here
    if not here.state:
        return f"{plane} \u00b7 not looked at from here"
    if here.state == view.want:
        return f"{plane} \u00b7 verified from here {clock(here.at)} UTC"
    if here.state == UNSEEN:
        return f"{plane} \u00b7 not reachable from here: {here.why or 'nothing was seen'}"
    loud = "THE DESK SEES OTHERWISE: " if view.contradicted else ""
    return f"{plane} \u00b7 {loud}seen {here.state} from here {clock(here.at)} UTC"


def _result_sign(name: str, result: str, view: CommandView | None) -> tuple[str, str, str]:
    if view is None or result not in ("true", "false"):
        return ("unknown", "cross", "unknown")
    if result == "true":
        return ("yes", "circle", "text")
    expected = view.want != STOPPED and name == "refuses_new"
    return ("no, it serves", "ring", "text") if expected else ("NO", "triangle", "abnormal")


def _sentence(view: CommandView | None) -> str:
    if view is None:
        return "Written and signed; on its way to the plane."
    if view.state == UNKNOWN:
        said = view.sentence or "The outcome is not known."
        return f"{said} This desk looks it up by itself and never sends it again. Assume that it did not work."
    if view.state == VERIFIED:
        place = f"observed {clock(view.observed_at, 3)} UTC by the plane's probe through the data path"
        return f"In effect: {view.switch} on {view.target} is {view.want}, {place}."
    if view.state in ENDS:
        return view.sentence or f"It ended as {view.state}; nothing is in effect because of it."
    return "On its way; nothing counts as in effect before a probe has seen it."

"""The incident bar, always in view: what is wrong, who leads, how long, what is contained, both lamps, what is next.

It shows the chosen incident and nothing else, so that nobody reads one incident's clock beside another one's switches.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from console.domain.updates import next_update_due
from console.ui.ages import duration, moment_of
from console.ui.chips import Lamp, SeverityChip, StateChip
from console.ui.text import PlainLabel, display
from console.ui.theme import Theme

if TYPE_CHECKING:
    from console.queries.headline import Headline, OpenIncidents

SOON = timedelta(minutes=2)
"""From so long before an update is due its time is marked."""
MOST = 32
"""Characters of a fact: a name that somebody chose must not push the clocks out of view."""
CONTAINMENT = {
    "none": ("nothing is contained", "hollow_square", "warning"),
    "under_way": ("containing: outcome not seen yet", "half", "warning"),
    "contained": ("contained", "square", "normal"),
    "restored": ("restored", "ring", "normal"),
    "closed": ("closed", "ring", "normal"),
}

CONFLICT = ("diamond", "warning")


class Fact(QWidget):
    """One small caption with its value under the same height; marked when it wants attention."""

    def __init__(self, theme: Theme, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._shown, self._colour = theme, "", ""
        self._caption, self._value = PlainLabel(caption, self), PlainLabel("", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(self._caption)
        row.addWidget(self._value)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def value(self) -> str:
        """The value shown."""
        return self._value.text()

    def set_value(self, value: str, mark: str = "") -> None:
        """Shows another value; `mark` is "", "warning" or "abnormal" and underlines it in that colour."""
        value = _cut(value)
        if (value, mark) == (self._shown, self._colour):
            return
        self._value.setText(value)
        self._shown, self._colour = value, mark
        self.setAccessibleName(f"{self._caption.text()} {self._value.text()}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        if not self._colour:
            return
        painter = QPainter(self)
        place = self._value.geometry()
        painter.fillRect(QRectF(place.left(), self.height() - 3, place.width(), 3), self._theme.colour(self._colour))
        painter.end()

    def _dress(self) -> None:
        self._caption.setFont(self._theme.font("small"))
        self._value.setFont(self._theme.font("strong"))
        palette = self._caption.palette()
        palette.setColor(self._caption.foregroundRole(), self._theme.colour("text_dim"))
        self._caption.setPalette(palette)


class IncidentBar(QWidget):
    """Signals: `next_wanted()` when the next step's button was pressed."""

    next_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._shown: Headline | None = None
        self._worst = ""
        self.chip = SeverityChip(theme, "", self)
        self.title = PlainLabel("Opening the record ...", self, elide=True)
        self.service, self.behaviour = Lamp(theme, "Service", self), Lamp(theme, "Behaviour", self)
        self.commander = Fact(theme, "Commander", self)
        self.since = Fact(theme, "Since detection", self)
        self.update_due = Fact(theme, "Next update due", self)
        self.containment = StateChip(theme, "", "hollow_square", "normal", self)
        self.conflict = StateChip(theme, "", *CONFLICT, parent=self)
        self.conflict.hide()
        self.next_text = PlainLabel("", self, elide=True)
        self.next_button = QPushButton("", self)
        self.next_button.clicked.connect(self.next_wanted)
        self._lay_out()
        theme.changed.connect(self._dress)
        self._dress()
        self._show_parts(False)
        self.set_next("")

    @property
    def incident(self) -> str:
        """The id of the incident shown, "" when none is."""
        return self._shown.incident if self._shown is not None else ""

    def show_headline(self, headline: Headline, now: datetime) -> None:
        """Shows one incident."""
        self._shown = headline
        self.chip.set_level(headline.severity)
        self.title.setText(headline.title)
        self.commander.set_value(headline.commander or "nobody", "" if headline.commander else "warning")
        self._show_containment(headline)
        count = f"{headline.conflicts} things" if headline.conflicts > 1 else "1 thing"
        self.conflict.set_state(f"IN CONFLICT: {count}", *CONFLICT)
        self._show_parts(True)
        self.tick(now)

    def show_none(self, known: OpenIncidents | None) -> None:
        """Says that none is chosen, and what is open."""
        self._shown = None
        self._worst = known.worst if known is not None else ""
        self.chip.set_level(known.severity if known is not None else "")
        if known is None:
            self.title.setText("Opening the record ...")
        elif not known.count:
            self.title.setText("No incident is open.")
        else:
            count = "1 incident is open" if known.count == 1 else f"{_count(known.count)} incidents are open, the worst"
            self.title.setText(f"{count}: {known.title}")
        choose = "None is chosen: take this one, or choose another on the board (Ctrl+1)."
        self.set_next(choose if self._worst else "", "Take it (F8)")
        self._show_parts(False)

    def set_next(self, sentence: str, button: str = "Do it (F8)", why: str = "") -> None:
        """Shows the next step; "" hides it. An empty `button` means that there is nothing to press but to wait."""
        self.next_text.setText(sentence)
        self.next_text.setAccessibleDescription(display(why, 300))
        self.next_button.setText(button)
        self.next_button.setAccessibleName(f"{button}: {self.next_text.text()}")
        self.next_button.setVisible(bool(sentence and button))

    def set_lamps(self, lamps: dict[str, tuple[str, str]]) -> None:
        """Shows both lamps: name -> (state, why)."""
        self.service.set_state(*lamps.get("service", ("unknown", "")))
        self.behaviour.set_state(*lamps.get("behaviour", ("unknown", "")))

    def show_desk(self, shown: bool) -> None:
        """Whether there is a desk whose lamps can be shown; a page of a first start has none."""
        self.service.setVisible(shown)
        self.behaviour.setVisible(shown)

    def tick(self, now: datetime) -> None:
        """Moves the clocks on."""
        shown = self._shown
        if shown is None:
            return
        detected = moment_of(shown.detected_at)
        closed = shown.state == "closed"
        self.since.set_value(duration((now - detected).total_seconds()) if detected and not closed else "-")
        due = next_update_due(shown.severity, detected, moment_of(shown.updated_at)) if detected else None
        self.update_due.set_value(*_due(due, now) if due is not None and not closed else ("none", ""))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), self._theme.colour("line"))
        painter.end()

    def _show_containment(self, headline: Headline) -> None:
        held = set(headline.stops) - set(headline.restored)
        if headline.state == "closed":
            kind = "closed"
        elif headline.under_way:
            kind = "under_way"
        elif held:
            kind = "contained"
        else:
            kind = "restored" if headline.stops else "none"
        word, shape, colour = CONTAINMENT[kind]
        if kind == "contained":
            word = f"contained: {len(held)} {'stop' if len(held) == 1 else 'stops'} in effect"
        self.containment.set_state(word, shape, colour)
        self.containment.setAccessibleDescription(", ".join(sorted(held)))

    def _show_parts(self, shown: bool) -> None:
        for part in (self.commander, self.since, self.update_due, self.containment):
            part.setVisible(shown)
        self.conflict.setVisible(shown and self._shown is not None and self._shown.conflicts > 0)
        self.chip.setVisible(shown or bool(self._worst))

    def _lay_out(self) -> None:
        gap = self._theme.px("space_2")
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for row in (upper, lower):
            row.setSpacing(gap + 4)
        upper.addWidget(self.chip)
        upper.addWidget(self.title, 1)
        for fact in (self.commander, self.since, self.update_due):
            upper.addWidget(fact)
        lower.addWidget(self.containment)
        lower.addWidget(self.conflict)
        lower.addWidget(self.next_text, 1)
        lower.addWidget(self.next_button)
        lower.addWidget(self.service)
        lower.addWidget(self.behaviour)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(gap, 5, gap, 6)
        rows.setSpacing(4)
        rows.addLayout(upper)
        rows.addLayout(lower)

    def _dress(self) -> None:
        self.title.setFont(self._theme.font("title"))
        self.next_text.setFont(self._theme.font("strong"))
        self.update()


def _cut(value: str) -> str:
    """The longest beginning whose display form is not too long; the label makes that form, once."""
    kept = value[:MOST]
    while len(display(kept)) > MOST:
        kept = kept[:-1]
    return kept if kept == value else f"{kept}\u2026"


def lamps_of(sent: Any) -> dict[str, tuple[str, str]]:
    """The plane's lamps as {name: (state, why)}, whatever it sent."""
    found: dict[str, tuple[str, str]] = {}
    for name in ("service", "behaviour"):
        lamp = sent.get(name) if isinstance(sent, dict) else None
        if isinstance(lamp, dict):
            because = lamp.get("because", ())
            reasons = because if isinstance(because, list | tuple) else (because,)
            found[name] = (str(lamp.get("state", "unknown")), "; ".join(str(one)[:200] for one in reasons)[:600])
    return found


def _due(due: datetime, now: datetime) -> tuple[str, str]:
    left = due - now
    if left < timedelta(0):
        return f"overdue by {duration(-left.total_seconds())}", "abnormal"
    return f"in {duration(left.total_seconds())}", "warning" if left <= SOON else ""


def _count(number: int) -> str:
    return "more than 1,000" if number > 1000 else str(number)

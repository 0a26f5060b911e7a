"""The line at the bottom: how the desk stands to its plane and how old that is, what waits, who is here, the time.

Being offline is normal for a desk, so it is a calm word with an age; that nobody is being paged is not, and is marked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from console.domain.times import from_epoch_us
from console.ui.ages import age, clock_of_us, clock_time
from console.ui.chips import StateChip
from console.ui.text import PlainLabel, plain_tooltip
from console.ui.theme import Theme

if TYPE_CHECKING:
    from console.ui.session import Session

MOST_NAME = 24
"""Characters of a name or a role: the clock must stay in view."""
STATES = {
    "online": ("ONLINE", "ring", "normal"),
    "connecting": ("CONNECTING", "half", "unknown"),
    "offline": ("OFFLINE", "dash", "warning"),
    "stopped": ("SYNC STOPPED", "square", "warning"),
    "alarm": ("SYNC ALARM", "triangle", "abnormal"),
    "reading": ("READ ONLY", "square", "warning"),
}


class StatusBar(QWidget):
    """Connection, send queue, what sync asks a person for, paging, freeze, person and clock.

    Signals: `sync_wanted()` when the counts of alarms, conflicts and rejected events are pressed.
    """

    sync_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._connection: Any = None
        self._has_plane = False
        self._has_desk = True
        self.state = StateChip(theme, "NOT OPEN YET", "half", "unknown", self)
        self.synced = PlainLabel("", self)
        self.to_send = StateChip(theme, "", "diamond", "warning", self)
        self.asks = QPushButton("", self)
        self.asks.clicked.connect(self._on_asks)
        self.paging = StateChip(theme, "NOBODY IS BEING PAGED", "triangle", "abnormal", self)
        self.frozen = StateChip(theme, "DISPLAY FROZEN (F5)", "square", "warning", self)
        self.person = StateChip(theme, "", "ring", "normal", self)
        self.hints = PlainLabel("F1 shortcuts   Ctrl+K actions   F8 next step   F9 hold", self)
        self.clock = PlainLabel("", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 1, 8, 2)
        row.setSpacing(14)
        for part in (self.state, self.synced, self.to_send, self.asks, self.paging, self.frozen):
            row.addWidget(part)
        row.addStretch(1)
        for label in (self.hints, self.person, self.clock):
            row.addWidget(label)
        for chip in (self.to_send, self.asks, self.paging, self.frozen):
            chip.hide()
        self.setAccessibleName("Status")
        theme.changed.connect(self._dress)
        self._dress()

    def show_connection(self, connection: Any, has_plane: bool, now: datetime) -> None:
        """Shows how the desk stands to its plane."""
        self._connection, self._has_plane = connection, has_plane
        word, shape, colour = STATES.get(connection.state, STATES["connecting"])
        if not has_plane and connection.state != "reading":
            word, shape, colour = "ALONE", "dash", "normal"
        self.state.set_state(word, shape, colour)
        plain_tooltip(self.state, connection.sentence)
        self.state.setAccessibleDescription(connection.sentence)
        self.to_send.set_state(f"{connection.to_send} to send", "diamond", "warning")
        self.to_send.setVisible(bool(connection.to_send))
        gone = connection.state in ("offline", "stopped", "alarm")  # the window that writes knows, not one that reads
        self.paging.setVisible(gone)
        if has_plane:
            self.paging.set_state("NOBODY IS BEING PAGED", "triangle", "abnormal")
        else:  # chosen, not broken: said, but no alarm
            self.paging.set_state("nobody is being paged", "hollow_square", "normal")
        plain_tooltip(self.paging, "No plane watches, calls or escalates; use the phone list.")
        self.tick(now)

    def show_asks(self, alarms: int, conflicts: int, rejected: int) -> None:
        """Shows how much of the sync page waits for a person; nothing where nothing does."""
        told = [f"{count} {word}" for count, word in ((conflicts, "in conflict"), (rejected, "rejected")) if count]
        told[:0] = [f"{alarms} sync alarm{'s' if alarms > 1 else ''}"] if alarms else []
        self.asks.setText(", ".join(told))
        self.asks.setIcon(self._theme.icon("alert-triangle", "abnormal" if alarms else "warning"))
        self.asks.setAccessibleName(f"{', '.join(told)}: go to the sync page")
        plain_tooltip(self.asks, "Go to the sync page (Ctrl+8)")
        self.asks.setVisible(bool(told))

    def _on_asks(self, _: bool = False) -> None:
        self.sync_wanted.emit()

    def show_person(self, session: Session, role: str = "", until: str = "") -> None:
        """Shows who sits here in which role (its title, `until` when it is lent), loudly when nobody could sign."""
        name = f"{session.name[:MOST_NAME]}\u2026" if len(session.name) > MOST_NAME else session.name
        if session.locked:
            self.person.set_state("LOCKED: SIGN IN", "triangle", "abnormal")
        elif session.enrolled and not session.signed_in:
            self.person.set_state("NOBODY IS SIGNED IN", "triangle", "abnormal")
        elif not session.enrolled:
            self.person.set_state(f"{name} (alone, cannot sign)", "hollow_square", "normal")
        else:
            self.person.set_state(f"{name}: {role[:MOST_NAME] or 'no role'}{until}", "ring", "normal")
        kept = f"The keys of this desk are {session.kept}." if session.kept else ""
        plain_tooltip(self.person, "\n".join(part for part in (session.person, session.locked, kept) if part))

    def show_frozen(self, frozen: bool) -> None:
        """Says that live graphs and tables stand still."""
        self.frozen.setVisible(frozen)

    def show_desk(self, shown: bool) -> None:
        """Whether there is a desk whose keys can be told; a page of a first start has none."""
        self._has_desk = shown
        self._show_hints()

    def tick(self, now: datetime) -> None:
        """Moves the clocks on."""
        self.clock.setText(clock_time(now))
        self.synced.setText(self._synced(now))

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._show_hints()

    def _show_hints(self) -> None:
        self.hints.setVisible(self._has_desk and self.width() >= 1250)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        painter.fillRect(QRectF(0, 0, self.width(), 1), self._theme.colour("line"))
        painter.end()

    def _synced(self, now: datetime) -> str:
        connection = self._connection
        if connection is None:
            return ""
        if connection.state == "reading":
            return "another window writes this record: nothing can be changed here"
        if not self._has_plane:
            return "no plane: everything is kept on this desk"
        if not connection.last_synced_us:
            return "never synced"
        when = f"last synced {clock_of_us(connection.last_synced_us)}"
        if connection.state == "online":
            return when
        return f"{when}, {age(from_epoch_us(connection.last_synced_us), now)}"

    def _dress(self) -> None:
        for label in (self.synced, self.hints, self.asks):
            label.setFont(self._theme.font("small"))
        palette = self.hints.palette()
        palette.setColor(self.hints.foregroundRole(), self._theme.colour("text_dim"))
        self.hints.setPalette(palette)
        self.clock.setFont(self._theme.font("strong"))
        self.update()

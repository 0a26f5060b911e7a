"""How this desk stands to its plane, in a head and a table: connection, its age, what waits, the checkpoint."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from console.domain.times import from_epoch_us
from console.queries.sync_state import SyncPage
from console.ui.ages import age, clock_of_us
from console.ui.chips import StateChip
from console.ui.page_parts import words
from console.ui.root_words import in_fours
from console.ui.status_bar import STATES
from console.ui.sync.words import counted, when
from console.ui.theme import Theme
from console.ui.words import Words

QUIET = "Everything is sent; nothing waits."
ALONE = "This desk works alone: everything is kept here and nothing is sent. Join a plane when you have an invitation."
GONE = ("offline", "stopped", "alarm")
FACTS = ("To send", "Quarantined", "Withheld", "Plane", "Journal", "Epoch", "Recoveries")


class Head(QWidget):
    """The connection as a chip, its age and what it says; below, one sentence of how things stand."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.state = StateChip(theme, "", "half", "unknown", self)
        self.age = words(theme, "", "body")
        self.why = words(theme, "", "body", "text_dim")
        self.quiet = words(theme, QUIET, "title")
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px("space_2") // 2)
        self.line = QHBoxLayout()
        self.line.addWidget(self.state)
        self.line.addWidget(self.age, 1)
        rows.addLayout(self.line)
        rows.addWidget(self.why)
        rows.addWidget(self.quiet)

    def show_connection(self, connection: Any, has_plane: bool, now: datetime) -> None:
        """Shows the line to the plane as it is now."""
        word, shape, colour = STATES.get(connection.state, STATES["connecting"])
        if not has_plane and connection.state != "reading":
            word, shape, colour = "ALONE", "dash", "normal"
        self.state.set_state(word, shape, colour)
        self.age.setText(_synced(connection, has_plane, now))
        says = connection.sentence if has_plane or connection.state == "reading" else ALONE
        if has_plane and connection.state in GONE:
            says += " What is written here is kept and sent later; what is below from the plane is as old as this line."
        self.why.setText(says)
        self.why.setVisible(bool(says))

    def show_quiet(self, quiet: bool) -> None:
        """Whether nothing waits for anybody."""
        self.quiet.setVisible(quiet)


class Facts(QWidget):
    """Counts and names, and the checkpoint as eight words to be read to a colleague."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.values: dict[str, Words] = {}
        self.words = words(theme, "", "title")
        self.of = words(theme, "", "small", "text_dim")
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px("space_2") // 2)
        rows.addWidget(words(theme, "Last checkpoint of the journal", "strong"))
        rows.addWidget(self.words)
        rows.addWidget(self.of)
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        for row, name in enumerate(FACTS):
            self.values[name] = words(theme, "")
            grid.addWidget(words(theme, name, "body", "text_dim"), row, 0)
            grid.addWidget(self.values[name], row, 1)
        grid.setColumnMinimumWidth(0, 110)
        rows.addSpacing(theme.px("space_2"))
        rows.addLayout(grid)

    def show_page(self, page: SyncPage, now: datetime) -> None:
        """Shows these."""
        queued = counted(page.queued, "event")
        told = {
            "To send": f"{queued}, the oldest from {when(page.oldest_queued, now)}" if page.queued else "nothing",
            "Quarantined": f"{counted(page.quarantined, 'text')} that do not fit, kept apart as evidence"
            if page.quarantined
            else "nothing",
            "Withheld": f"{counted(page.withheld, 'event')} of incidents that you may not read"
            if page.withheld
            else "nothing",
            "Plane": page.origin or "none met yet",
            "Journal": f"{page.position:,} of {counted(page.size, 'entry', 'entries')} are here",
            "Epoch": page.epoch or "none",
            "Recoveries": f"{page.recoveries:,}" if page.recoveries else "none",
        }
        for name, text in told.items():
            self.values[name].setText(text)
        known = page.checkpoint
        self.words.setText(in_fours(known.words) if known is not None else "none yet")
        spoken = ", ".join(known.words) if known is not None else "none yet"
        self.words.setAccessibleName(f"Eight words of the checkpoint: {spoken}")
        self.of.setText(
            f"Read these to a colleague whose desk holds {counted(known.size, 'entry', 'entries')}: the same words "
            f"mean the same journal. Received {when(known.received_at, now)}."
            if known is not None
            else "A checkpoint comes with the first sync; its words can then be compared with a colleague's."
        )


def _synced(connection: Any, has_plane: bool, now: datetime) -> str:
    if connection.state == "reading":
        return "another window writes this record and syncs it"
    if not has_plane:
        return "no plane"
    if not connection.last_synced_us:
        return "never synced"
    then = from_epoch_us(connection.last_synced_us)
    return f"last synced {clock_of_us(connection.last_synced_us)}, {age(then, now)}"

"""The lazy model of the timeline: a count, and pages of lines fetched when they are looked at, newest first.

Nothing here waits or touches the database; a line that is not there yet is a dash, and its page is asked for once.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFont

from console.queries.timeline import TimelineRow, timeline_page, timeline_size
from console.ui.bridge import Bridge
from console.ui.tables import DISPLAY, ColumnsModel, Index
from console.ui.text import display

COLUMNS = ("Happened (UTC)", "Written", "Who", "What", "State")
WHAT = COLUMNS.index("What")
PAGE, PAGES_KEPT = 128, 64
PENDING = "–"
CONFLICT = "\u25c6"
SHOWN = 600

_FONT = int(Qt.ItemDataRole.FontRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_STATES = {"pending": "to send", "accepted": "", "rejected": "REJECTED"}


class TimelineModel(ColumnsModel):
    """Signals: `loaded(int)` with the number of lines whenever it is known anew."""

    columns = COLUMNS

    loaded = Signal(int)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._incident, self._kind = "", "everything"
        self._size = self._turn = 0
        self._pages: OrderedDict[int, tuple[TimelineRow, ...]] = OrderedDict()
        self._texts: dict[int, list[tuple[str, ...]]] = {}
        self._asked: set[int] = set()
        self._struck = QFont()
        self._struck.setStrikeOut(True)

    def show(self, incident: str, kind: str) -> None:
        """Asks for an incident's timeline; what is shown stays until the count comes."""
        self._incident, self._kind = incident, kind
        self._turn += 1
        if not incident:
            self._on_size(self._turn, 0)
            return
        self._bridge.ask(timeline_size, incident, kind, owner=self, then=partial(self._on_size, self._turn))

    def row(self, number: int) -> TimelineRow | None:
        """What is known of a line, None while it is not there; asks for its page."""
        page = self._pages.get(number // PAGE)
        if page is None:
            self._want(number // PAGE)
            return None
        return page[number % PAGE] if number % PAGE < len(page) else None

    def count(self) -> int:  # noqa: D102
        return self._size

    def data(self, index: Index, role: int = DISPLAY) -> Any:  # noqa: D102
        role = int(role)
        if role not in (DISPLAY, _FONT, _ACCESSIBLE) or not index.isValid():
            return None
        row = self.row(index.row())
        if row is None:
            return PENDING if role == DISPLAY else None
        if role == _FONT:
            return self._struck if row.status == "rejected" or row.corrected or row.revised else None
        texts = self._texts[index.row() // PAGE][index.row() % PAGE]
        return ", ".join(text for text in texts if text) if role == _ACCESSIBLE else texts[index.column()]

    def _want(self, page: int) -> None:
        if page in self._asked:
            return
        self._asked.add(page)
        self._bridge.ask(
            timeline_page, self._incident, page * PAGE, PAGE, self._kind,
            owner=self, then=partial(self._on_page, self._turn, page),
        )  # fmt: skip

    def _on_size(self, turn: int, size: int) -> None:
        if turn != self._turn:
            return
        self.beginResetModel()
        self._size = size
        self._pages.clear()
        self._texts.clear()
        self._asked.clear()
        self.endResetModel()
        self.loaded.emit(size)

    def _on_page(self, turn: int, page: int, rows: tuple[TimelineRow, ...]) -> None:
        if turn != self._turn:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        self._texts[page] = [_texts(row) for row in rows]
        while len(self._pages) > PAGES_KEPT:
            old, _ = self._pages.popitem(last=False)
            del self._texts[old]
        last = min(self._size, (page + 1) * PAGE) - 1
        if last >= page * PAGE:
            self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, len(COLUMNS) - 1))


def _texts(row: TimelineRow) -> tuple[str, ...]:
    afterwards = "" if row.written[:19] == row.happened[:19] else row.written[11:19]
    state = (
        f"REJECTED: {row.problem}" if row.status == "rejected" and row.problem else _STATES.get(row.status, row.status)
    )
    if row.in_conflict:
        state = f"{CONFLICT} IN CONFLICT"
    elif row.corrected:
        state = "corrected above" if not state else f"{state}, corrected"
    elif row.revised:
        state = "revised above" if not state else f"{state}, revised"
    return (
        f"{row.happened[:10]} {row.happened[11:19]}",
        afterwards,
        display(row.actor),
        display(row.sentence[: 2 * SHOWN].replace("\n", " / "), SHOWN),
        display(state),
    )

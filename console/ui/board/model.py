"""The lazy model of the board: a number a row, lines fetched by the page when they are looked at (a million incidents).

Order and filter are SQL's. The first numbers come with the first page, the rest in slices from a reader's thread; what
is not there yet is shown as a dash and asked for, the newest wish first. Nothing here waits or touches the database.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from console.queries.board import (
    PAGE,
    BoardRow,
    Changed,
    Opening,
    Slice,
    Wanted,
    board_changes,
    board_opening,
    board_page,
    board_slice,
)
from console.ui.board.lines import COLUMNS, Line, line_of
from console.ui.bridge import Bridge, sentence_of
from console.ui.tables import DISPLAY, ROOT, ColumnsModel, Index

PAGES_KEPT = 64
PAGES_AT_ONCE = 2
PAGES_WANTED = 4
"""So many pages may wait to be asked for; who scrolls past a page no longer wants it."""
PENDING = "–"

_TOOLTIP = int(Qt.ItemDataRole.ToolTipRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_AGE = COLUMNS.index("Age")


class BoardModel(ColumnsModel):
    """Signals: `loaded(bool)` whenever numbers arrived, True at the end; `failed(str)` with a sentence."""

    columns = COLUMNS

    loaded = Signal(bool)
    failed = Signal(str)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._wanted = Wanted()
        self._numbers: array[int] = array("q")
        self._lines: OrderedDict[int, Line] = OrderedDict()
        self._turn = 0
        """Counts what was asked for; an answer to an older wish is dropped."""
        self._complete = False
        self._cut = False
        self._asked: dict[int, tuple[int, ...]] = {}
        self._waiting: list[int] = []

    # -- what the panel asks

    @property
    def wanted(self) -> Wanted:
        """What is shown."""
        return self._wanted

    @property
    def is_complete(self) -> bool:
        """Whether every number has come."""
        return self._complete

    @property
    def is_cut(self) -> bool:
        """Whether a search found more than is shown."""
        return self._cut

    def show(self, wanted: Wanted) -> None:
        """Asks for these incidents; what is shown stays until the answer comes."""
        self._wanted = wanted
        self._turn += 1
        self._bridge.ask(
            board_opening, wanted, owner=self, then=partial(self._on_opening, self._turn), failed=self._on_failed
        )

    def refresh(self, incidents: Sequence[str]) -> None:
        """Takes up what changed in these incidents; rows move, come and go one by one, so that a selection stays."""
        self._bridge.ask(
            board_changes,
            self._wanted,
            tuple(incidents),
            owner=self,
            then=partial(self._on_changed, self._turn),
            failed=self._on_failed,
        )

    def line(self, row: int) -> Line | None:
        """What is known of a row, None while it is not there; asks for it."""
        if not 0 <= row < len(self._numbers):
            return None
        found = self._lines.get(self._numbers[row])
        if found is None:
            self._want(row // PAGE)
        return found

    def row_of(self, incident: str) -> int:
        """The row that shows an incident among the lines that are known, -1 otherwise."""
        number = next((number for number, line in self._lines.items() if line.incident == incident), None)
        return -1 if number is None else _place_of(self._numbers, number)

    # -- what Qt asks

    def count(self) -> int:  # noqa: D102
        return len(self._numbers)

    def data(self, index: Index, role: int = DISPLAY) -> Any:  # noqa: D102
        role = int(role)
        if role == DISPLAY:
            line = self.line(index.row())
            if line is None:
                return PENDING if index.isValid() else None
            return line.age(self._bridge.now()) if index.column() == _AGE else line.texts[index.column()]
        if role in (_TOOLTIP, _ACCESSIBLE):
            line = self._lines.get(self._numbers[index.row()]) if index.isValid() else None
            return None if line is None else line.tooltip(index.column()) if role == _TOOLTIP else line.spoken
        return None

    # -- numbers

    def _on_opening(self, turn: int, opening: Opening) -> None:
        if turn != self._turn:
            return
        self.beginResetModel()
        self._numbers = array("q", opening.slice.numbers)
        self._lines.clear()
        self._asked.clear()
        self._waiting.clear()
        self._keep(opening.page)
        self._cut = opening.slice.cut
        self._complete = opening.slice.after is None
        self.endResetModel()
        self.loaded.emit(self._complete)
        self._ask_slice(opening.slice)

    def _ask_slice(self, before: Slice) -> None:
        if before.after is not None:
            self._bridge.ask(
                board_slice,
                self._wanted,
                before.after,
                owner=self,
                then=partial(self._on_slice, self._turn),
                failed=self._on_failed,
            )

    def _on_slice(self, turn: int, more: Slice) -> None:
        if turn != self._turn:
            return
        if more.numbers:
            self.beginInsertRows(ROOT, len(self._numbers), len(self._numbers) + len(more.numbers) - 1)
            self._numbers.extend(more.numbers)
            self.endInsertRows()
        self._complete = more.after is None
        self.loaded.emit(self._complete)
        self._ask_slice(more)

    def _on_failed(self, error: BaseException) -> None:
        self._asked.clear()
        self.failed.emit(sentence_of(error))

    # -- lines

    def _want(self, page: int) -> None:
        """Asks for a page, the newest wish first."""
        if page in self._asked:
            return
        if page in self._waiting:
            self._waiting.remove(page)
        self._waiting.append(page)
        del self._waiting[:-PAGES_WANTED]
        self._ask_page()

    def _ask_page(self) -> None:
        while self._waiting and len(self._asked) < PAGES_AT_ONCE:
            page = self._waiting.pop()
            numbers = tuple(self._numbers[page * PAGE : (page + 1) * PAGE])
            if numbers:
                self._asked[page] = numbers
                self._bridge.ask(
                    board_page,
                    numbers,
                    owner=self,
                    then=partial(self._on_page, self._turn, page),
                    failed=self._on_failed,
                )

    def _on_page(self, turn: int, page: int, rows: tuple[BoardRow, ...]) -> None:
        if turn != self._turn:
            return
        self._asked.pop(page, None)
        self._keep(rows)
        last = min((page + 1) * PAGE, len(self._numbers)) - 1
        if last >= page * PAGE:
            self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, len(COLUMNS) - 1))
        self._ask_page()

    def _keep(self, rows: Sequence[BoardRow]) -> None:
        for row in rows:
            self._lines[row.number] = line_of(row)
            self._lines.move_to_end(row.number)
        while len(self._lines) > PAGES_KEPT * PAGE:
            self._lines.popitem(last=False)

    # -- changes

    def _on_changed(self, turn: int, changed: Changed) -> None:
        if turn != self._turn:
            return
        self._keep(changed.rows)
        if changed.total < 0 or not self._complete:
            self.show(self._wanted)
            return
        for place in changed.places:
            if place.place < 0:
                self._remove(place.number)
        for place in sorted(changed.places, key=lambda one: one.place):
            if place.place >= 0:
                self._put(place.number, place.place)
        if len(self._numbers) != changed.total:  # more changed than was told: begin anew
            self.show(self._wanted)
            return
        self.loaded.emit(True)

    def _remove(self, number: int) -> None:
        row = _place_of(self._numbers, number)
        if row >= 0:
            self.beginRemoveRows(ROOT, row, row)
            del self._numbers[row]
            self.endRemoveRows()

    def _put(self, number: int, place: int) -> None:
        row, place = _place_of(self._numbers, number), min(place, len(self._numbers))
        if row < 0:
            self.beginInsertRows(ROOT, place, place)
            self._numbers.insert(place, number)
            self.endInsertRows()
            return
        place = min(place, len(self._numbers) - 1)
        if row != place and self.beginMoveRows(ROOT, row, row, ROOT, place + (place > row)):
            self._numbers.insert(place, self._numbers.pop(row))
            self.endMoveRows()
        self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))


def _place_of(numbers: array[int], number: int) -> int:
    """Where `number` stands, -1 if nowhere: a search for bytes, a hundred times as quick as one for integers."""
    wanted, held = array("q", (number,)).tobytes(), numbers.tobytes()
    at = held.find(wanted)
    while at >= 0 and at % 8:
        at = held.find(wanted, at + 1)
    return at // 8

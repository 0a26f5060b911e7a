"""Searching a million incidents for a rare word, against a QSortFilterProxyModel over a hundred thousand.

Both until the rows that are left are painted: ours asks the full-text index on a reader's thread, the reference walks
through its rows. What clearing the search costs on both sides stands in the notes.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QHeaderView, QTableView

from console.queries.board import ALL, NEWEST, Wanted
from console.ui.board.lines import COLUMNS
from console.ui.board.model import BoardModel
from console.ui.board.table import TITLE, IncidentTable
from tests.bench.board_store import RARE, WORDS, bridge_on, fill, turn_until
from tests.bench.pairs import in_turn, row

OURS, THEIRS, PAIRS, HITS = 1_000_000, 100_000, 7, 10
SIZE = (1366, 700)
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)


def measure(work: Path) -> dict[str, object]:
    """Milliseconds from the wish to painted rows."""
    fill(work / "desk", OURS, HITS)
    cleared: tuple[list[float], list[float]] = ([], [])
    with bridge_on(work / "desk") as (bridge, theme):
        model = BoardModel(bridge)
        table = IncidentTable(theme, model)
        table.resize(*SIZE)
        table.show()
        model.show(Wanted(shown=ALL, order=NEWEST))
        turn_until(lambda: model.is_complete)
        reference = _Reference()

        def ours() -> float:
            took = _until(model, table, Wanted(text=RARE), HITS)
            cleared[0].append(_until(model, table, Wanted(shown=ALL, order=NEWEST), 1000))
            turn_until(lambda: model.is_complete)
            return took

        def theirs() -> float:
            took = reference.filter(RARE, HITS)
            cleared[1].append(reference.filter("", THEIRS))
            return took

        mine, others = in_turn(ours, theirs, PAIRS)
        table.close()
        reference.close()
    back = [statistics.median(times) for times in cleared]
    return row(mine, others, "ms", [f"cleared in {back[0]:.0f} ms against {back[1]:.0f} ms"])


def _until(model: BoardModel, table: IncidentTable, wanted: Wanted, rows: int) -> float:
    """Until that many rows are there and the first is painted."""
    begun = time.perf_counter()
    model.show(wanted)
    turn_until(lambda: model.wanted == wanted and model.rowCount() == rows)
    table.viewport().grab()
    return (time.perf_counter() - begun) * 1000


class _Lines(QAbstractTableModel):
    """Rows in a list, as cheap as Python makes it."""

    def __init__(self) -> None:
        super().__init__()
        every = THEIRS // HITS
        rare = dict.fromkeys(range(0, THEIRS, every), f" {RARE}")
        rest = ("tenant.borealis", "ic@example.org", "1 d 2 h")
        self._lines = [("SEV-1", "open", f"{WORDS} {k}{rare.get(k, '')}", *rest, f"{k:013x}") for k in range(THEIRS)]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else THEIRS

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        return self._lines[index.row()][index.column()] if int(role) == _DISPLAY else None


class _Reference:
    """The proxy in a table, shown."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._proxy = QSortFilterProxyModel()
        self._proxy.setSourceModel(self._lines)
        self._proxy.setFilterKeyColumn(TITLE)
        self._table = QTableView()
        self._table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._table.setWordWrap(False)
        self._table.setModel(self._proxy)
        self._table.resize(*SIZE)
        self._table.show()

    def filter(self, text: str, rows: int) -> float:
        begun = time.perf_counter()
        self._proxy.setFilterFixedString(text)
        self._table.viewport().grab()
        took = (time.perf_counter() - begun) * 1000
        assert self._proxy.rowCount() == rows
        return took

    def close(self) -> None:
        self._table.close()

"""Opening the board on a million incidents, against a QStandardItemModel of a hundred thousand in the same table.

Both until the first rows are painted: ours from the record through the reader's thread, the reference from a list that
is in memory already. How long ours takes to know every row, and the longest gap meanwhile, stand in the notes.
"""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QHeaderView, QTableView

from console.queries.board import ALL, NEWEST, Wanted
from console.ui.board.lines import COLUMNS
from console.ui.board.model import BoardModel
from console.ui.board.table import IncidentTable
from console.ui.bridge import Bridge
from console.ui.theme import Theme
from tests.bench.board_store import WORDS, bridge_on, fill, turn_until
from tests.bench.pairs import in_turn, row

OURS, THEIRS, PAIRS = 1_000_000, 100_000, 5
SIZE = (1366, 700)


def measure(work: Path) -> dict[str, object]:
    """Milliseconds from nothing to painted rows."""
    fill(work / "desk", OURS, 10)
    rest: list[tuple[float, float]] = []
    with bridge_on(work / "desk") as (bridge, theme):
        mine, theirs = in_turn(lambda: _ours(bridge, theme, rest), _reference, PAIRS)
    whole, gap = min(rest)
    return row(
        mine, theirs, "ms", [f"all {OURS:,} rows known after {whole:.0f} ms, longest gap meanwhile {gap:.1f} ms"]
    )


def _ours(bridge: Bridge, theme: Theme, rest: list[tuple[float, float]]) -> float:
    begun = time.perf_counter()
    model = BoardModel(bridge)
    table = IncidentTable(theme, model)
    table.resize(*SIZE)
    table.show()
    model.show(Wanted(shown=ALL, order=NEWEST))
    turn_until(lambda: model.rowCount() > 0)
    table.viewport().grab()
    took = (time.perf_counter() - begun) * 1000
    rest.append(_the_rest(model, begun))
    assert model.rowCount() == OURS
    assert model.line(0) is not None
    table.close()
    table.deleteLater()
    model.deleteLater()
    return took


def _the_rest(model: BoardModel, begun: float) -> tuple[float, float]:
    """Milliseconds until every row is known, and the longest turn of the event loop meanwhile."""
    longest, app = 0.0, QApplication.instance()
    assert app is not None
    while not model.is_complete:
        turn = time.perf_counter()
        app.processEvents()
        longest = max(longest, (time.perf_counter() - turn) * 1000)
    return (time.perf_counter() - begun) * 1000, longest


def _reference() -> float:
    rest = ("tenant.borealis", "ic@example.org", "1 d 2 h")
    lines = [("SEV-1", "open", f"{WORDS} {k}", *rest, f"{k:013x}") for k in range(THEIRS)]
    begun = time.perf_counter()
    model = QStandardItemModel()
    model.setHorizontalHeaderLabels(list(COLUMNS))
    for line in lines:
        model.appendRow([QStandardItem(text) for text in line])
    table = QTableView()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    table.setWordWrap(False)
    table.setModel(model)
    table.resize(*SIZE)
    table.show()
    table.viewport().grab()
    took = (time.perf_counter() - begun) * 1000
    table.close()
    table.deleteLater()
    model.deleteLater()
    return took

"""What plain tables have in common: a model whose columns are a tuple of titles, and a view that chooses whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from console.ui.rows import RowDelegate

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
DISPLAY = int(Qt.ItemDataRole.DisplayRole)


class ColumnsModel(QAbstractTableModel):
    """Subclasses name `columns` and answer `count` and `data`."""

    columns: ClassVar[tuple[str, ...]] = ()

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: D102, N802
        return 0 if parent.isValid() else self.count()

    def columnCount(self, parent: Index = ROOT) -> int:  # noqa: D102, N802
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY) -> Any:  # noqa: D102, N802
        if orientation == Qt.Orientation.Horizontal and int(role) == DISPLAY and 0 <= section < len(self.columns):
            return self.columns[section]
        return None


def plain_table(table: QTableView, model: QAbstractItemModel, name: str, widths: Sequence[int]) -> None:
    """Makes `table` show `model` in rows chosen one at a time; `widths` of the columns in pixels, `name` is spoken."""
    table.setModel(model)
    table.setItemDelegate(RowDelegate(table))
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setWordWrap(False)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for column, width in enumerate(widths):
        table.setColumnWidth(column, width)

"""How the rows of plain tables are painted: the chosen row as one, without a frame or a shade around its current cell.

Fusion dims the text of the cell that has the focus; in a table whose rows are chosen whole that only hides a word.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem


class RowDelegate(QStyledItemDelegate):
    """For tables that select rows; the focus is seen on the table's outline and the chosen row."""

    def initStyleOption(  # noqa: D102, N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus

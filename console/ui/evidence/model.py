"""The list of captured items: what each is, where it stands, and whether it was found to be what was captured."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from console.domain.evidence import DIMENSIONS
from console.queries.evidence import EvidenceView, ItemRow
from console.ui.tables import DISPLAY, ROOT, ColumnsModel, Index
from console.ui.text import display

COLUMNS = ("Dimension", "Item", "Bytes", "Captured (UTC)", "Seal", "Verified")
VERIFIED = COLUMNS.index("Verified")
_SIGN = int(Qt.ItemDataRole.DecorationRole)
_ALIGN = int(Qt.ItemDataRole.TextAlignmentRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ItemModel(ColumnsModel):
    """Newest capture last; names are known only of items that were opened, they travel encrypted."""

    columns = COLUMNS

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._items: tuple[ItemRow, ...] = ()
        self._sealed: frozenset[int] = frozenset()
        self._opened: dict[str, tuple[str, str]] = {}
        self._loud: Any = None

    def show(self, view: EvidenceView) -> None:
        """Shows these items; what was opened before stays marked."""
        if view.items[: len(self._items)] == self._items and len(view.items) > len(self._items):
            self.beginInsertRows(ROOT, len(self._items), len(view.items) - 1)
            self._items = view.items
            self.endInsertRows()
        elif view.items != self._items:
            self.beginResetModel()
            self._items = view.items
            self.endResetModel()
        self._sealed = frozenset(seal.seal for seal in view.seals)
        self._refresh()

    def mark(self, item: str, name: str, finding: str) -> None:
        """Notes what opening an item showed: its name, and what was wrong with it ("" nothing)."""
        self._opened[item] = (name, finding)
        self._refresh()

    def set_loud(self, sign: Any) -> None:
        """What stands before the word of an item that differs: an icon in the colour of alarm."""
        self._loud = sign
        self._refresh()

    def item(self, row: int) -> ItemRow | None:
        """The item of that row."""
        return self._items[row] if 0 <= row < len(self._items) else None

    def count(self) -> int:  # noqa: D102
        return len(self._items)

    def data(self, index: Index, role: int = DISPLAY) -> Any:  # noqa: D102
        role = int(role)
        if role == _ALIGN:
            return _RIGHT if index.column() == 2 else None
        if role == _SIGN and index.isValid() and index.column() == VERIFIED:
            return self._loud if self._opened.get(self._items[index.row()].item, ("", ""))[1] else None
        if role not in (DISPLAY, _ACCESSIBLE) or not index.isValid():
            return None
        texts = self._texts(self._items[index.row()])
        return ", ".join(text for text in texts if text) if role == _ACCESSIBLE else texts[index.column()]

    def _texts(self, item: ItemRow) -> tuple[str, ...]:
        name, finding = self._opened.get(item.item, ("", ""))
        seen = "" if item.item not in self._opened else "DIFFERS" if finding else "verified"
        return (
            DIMENSIONS.get(item.dimension, display(item.dimension)),
            display(name) if name else f"item {item.index}",
            f"{item.size:,}",
            f"{item.captured_at[:10]} {item.captured_at[11:19]}",
            f"seal {item.seal}" if item.seal in self._sealed else "not sealed",
            seen,
        )

    def _refresh(self) -> None:
        if self._items:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._items) - 1, len(COLUMNS) - 1))

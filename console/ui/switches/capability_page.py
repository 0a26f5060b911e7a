"""What each switch can do where: who enforces it, what that declares, what kills have shown, what is by hand (SWI-4).

Declared is not shown: the two stand in columns of their own, and a dash is "nobody knows", never "no".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from console.domain.switches import SwitchCatalogue
from console.queries.capability import CapabilityRow
from console.ui.switches.grouping import matches
from console.ui.switches.looking import CAPABILITIES
from console.ui.switches.parts import Dim, Line, row_of
from console.ui.text import display
from console.ui.theme import Theme

COLUMNS = ("Switch, and where", "Enforced by", "It declares", "Kills have shown")
_SHOWN = {"refuses_new": "refuses new", "streams_cut": "cuts streams", "survives_restart": "survives a restart"}
_UNKNOWN = "\u2013 nobody has looked yet"


class CapabilityPage(QWidget):
    """Signal: `left()`."""

    left = Signal()

    def __init__(self, theme: Theme, catalogue: SwitchCatalogue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._catalogue = catalogue
        self._texts: list[tuple[QTreeWidgetItem, list[tuple[QTreeWidgetItem, str]]]] = []
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Type to narrow: a switch, a place, a back-end, by hand")
        self.typed.setAccessibleName("Narrow what each switch can do")
        self.typed.textChanged.connect(self._narrow)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("What each switch can do where")
        self.tree.setHeaderLabels(list(COLUMNS))
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setUniformRowHeights(True)
        header = self.tree.header()
        fit, fill = QHeaderView.ResizeMode.ResizeToContents, QHeaderView.ResizeMode.Stretch
        for column, mode in enumerate((fit, fit, fill, fill)):
            header.setSectionResizeMode(column, mode)
        self.close_button = QPushButton("Back to the switches (Esc)")
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.left)
        self.whole = Dim(theme, "", wrap=True, font="body")
        self.whole.setAccessibleName("All of the chosen line")
        self.tree.currentItemChanged.connect(self._on_current)
        self.sum = Dim(theme, "Reading \u2026", wrap=True, font="body")
        box = QVBoxLayout(self)
        for widget in (Line(theme, "What each switch can do where", "large"), self.sum, self.typed):
            box.addWidget(widget)
        box.addWidget(self.tree, 1)
        box.addWidget(self.whole)
        box.addLayout(row_of(self.close_button))
        self.setAccessibleName("What each switch can do where")

    def show_rows(self, rows: Sequence[CapabilityRow]) -> None:
        """Shows them under their switches, in the order of the catalogue."""
        self.tree.clear()
        self._texts = []
        by_switch: dict[str, list[CapabilityRow]] = {}
        for row in rows:
            by_switch.setdefault(row.switch, []).append(row)
        for name, places in by_switch.items():
            self._add(name, places)
        by_hand = sum(1 for row in rows if row.by_hand)
        self.sum.setText(
            f"{len(by_switch)} switches on {len(rows)} places; {by_hand} of them are by hand, by the words shown. "
            "\u25a0 yes   \u25b2 no   \u2013 not known"
        )
        self._narrow(self.typed.text())

    def take_focus(self) -> None:
        """Goes to the line that narrows."""
        self.typed.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _on_current(self, item: QTreeWidgetItem | None, _: QTreeWidgetItem | None) -> None:
        """The chosen line in full: a fallback is longer than its cell."""
        cells = [item.text(column) for column in range(len(COLUMNS))] if item is not None else []
        self.whole.setText("   ".join(cell for cell in cells if cell))
        self.whole.setAccessibleName(self.whole.text() or "All of the chosen line")

    def _add(self, name: str, places: Sequence[CapabilityRow]) -> None:
        switch = self._catalogue.switch(name)
        driven = sum(1 for row in places if not row.by_hand)
        top = QTreeWidgetItem([display(f"{name}: {switch.title}", 120), f"{driven} of {len(places)}", "", ""])
        found = []
        for row in places:
            cells = _cells(row)
            item = QTreeWidgetItem(cells)
            for column, cell in enumerate(cells):
                item.setToolTip(column, cell)
            top.addChild(item)
            found.append((item, f"{name} {switch.title} {' '.join(cells)}".casefold()))
        self.tree.addTopLevelItem(top)
        self._texts.append((top, found))

    def _narrow(self, typed: str) -> None:
        for top, children in self._texts:
            shown = [matches(text, typed) for _, text in children]
            for (item, _), wanted in zip(children, shown, strict=True):
                item.setHidden(not wanted)
            top.setHidden(not any(shown))
            top.setExpanded(any(shown))


def _cells(row: CapabilityRow) -> list[str]:
    if row.by_hand:
        return [display(row.target, 80), "by hand", display(row.fallback, 300), ""]
    return [
        display(row.target, 80), display(", ".join(row.adapters), 80), _declared(row.declared), _shown(row.shown),
    ]  # fmt: skip


def _declared(declared: Mapping[str, bool]) -> str:
    if not declared:
        return _UNKNOWN
    return _marked((words, declared[name]) for name, words in CAPABILITIES.items() if name in declared)


def _shown(shown: Mapping[str, str]) -> str:
    said = _marked((words, shown[name] == "true") for name, words in _SHOWN.items() if name in shown)
    return said or "\u2013 no kill yet"


def _marked(told: Iterable[tuple[str, bool]]) -> str:
    """Each with its shape: a square for yes, a triangle with "not" for no."""
    return display("   ".join(f"\u25a0 {words}" if can else f"\u25b2 NOT {words}" for words, can in told), 300)

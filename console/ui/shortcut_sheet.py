"""F1: every action that has a key, by menu, on one page; made from the table of actions and nothing else."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from console.ui.actions_table import ACTIONS, MENUS, ActionSpec
from console.ui.text import PlainLabel
from console.ui.theme import Theme
from console.ui.world import with_band

INSIDE = (
    ("Tab, Shift+Tab", "Next or previous control"),
    ("Arrow keys", "Move in a list, a tree or a graph"),
    ("Enter or Space", "Press the control that has the focus"),
    ("Escape", "Close a sheet; nothing is done"),
    ("Y, N, U", "In triage: yes, no, unclear"),
    ("Letters", "On the incident page: as its buttons say"),
)


class ShortcutSheet(QDialog):
    """Shown with `open`; Escape closes it."""

    def __init__(self, theme: Theme, exercise: bool | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Shortcuts")
        self._theme = theme
        content = QWidget(self)
        columns = QHBoxLayout()
        columns.setSpacing(30)
        groups = [(title, _with_keys(title)) for title in MENUS]
        groups = [(title, rows) for title, rows in groups if rows]
        groups.append(("Everywhere", list(INSIDE)))
        for share in _shared(groups, 3):
            columns.addLayout(self._column(share))
        page = QWidget(self)
        page.setLayout(columns)
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(page)
        scroll.setAccessibleName("All shortcuts")
        rows = QVBoxLayout(content)
        rows.addWidget(scroll, 1)
        close = QPushButton("Close", self)
        close.clicked.connect(self.accept)
        rows.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        with_band(self, content, theme, exercise)
        self.resize(min(1040, parent.width() - 40), min(620, parent.height() - 40))
        close.setFocus()

    def _column(self, groups: list[tuple[str, list[tuple[str, str]]]]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)  # of its own: from the columns' layout it would take theirs
        for title, rows in groups:
            heading = PlainLabel(title, self)
            heading.setFont(self._theme.font("title"))
            heading.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            column.addWidget(heading)
            grid = QGridLayout()
            grid.setHorizontalSpacing(16)
            grid.setVerticalSpacing(3)
            grid.setColumnStretch(1, 1)
            for place, (key, text) in enumerate(rows):
                key_label = PlainLabel(key, self)
                key_label.setFont(self._theme.font("strong"))
                grid.addWidget(key_label, place, 0)
                grid.addWidget(PlainLabel(text, self), place, 1)
            column.addLayout(grid)
            column.addSpacing(10)
        column.addStretch(1)
        return column


def key_text(spec: ActionSpec) -> str:
    """The key as this system writes it, "" without one."""
    return QKeySequence(spec.shortcut).toString(QKeySequence.SequenceFormat.NativeText) if spec.shortcut else ""


def _with_keys(menu: str) -> list[tuple[str, str]]:
    return [(key_text(spec), spec.text) for spec in ACTIONS if spec.menu == menu and spec.shortcut]


def _shared(
    groups: list[tuple[str, list[tuple[str, str]]]], count: int
) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """The groups over `count` columns, in order, about equally long."""
    whole = sum(len(rows) + 2 for _, rows in groups)
    columns: list[list[tuple[str, list[tuple[str, str]]]]] = [[] for _ in range(count)]
    filled = 0
    for group in groups:
        columns[min(count - 1, filled * count // max(1, whole))].append(group)
        filled += len(group[1]) + 2
    return columns

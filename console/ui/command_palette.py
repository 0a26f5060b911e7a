"""Ctrl+K: every action by a few letters of its name. It opens things; it never does what a gate guards.

A plain widget laid over the window, not a dialog: Escape or a click elsewhere closes it and the focus goes back.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from console.ui.actions_table import ACTIONS, ActionSpec
from console.ui.theme import Theme

SHORTCUT = int(Qt.ItemDataRole.UserRole)
SPEC = SHORTCUT + 1
NEXT = "incident.next_step"
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)


class FoundActions(QAbstractListModel):
    """The rows of the table whose text holds every word that was typed; beginnings of words first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ActionSpec] = list(ACTIONS)
        self._next = ""

    def set_next(self, sentence: str) -> None:
        """The next step of the chosen incident in words, "" when there is none; it is found by them as well."""
        self._next = sentence

    def seek(self, typed: str) -> None:
        """Shows what fits `typed`."""
        words = typed.lower().split()
        fitting = [spec for spec in ACTIONS if _fits(spec, words) or (spec.id == NEXT and self._is_next(words))]
        self.beginResetModel()
        first = NEXT if self._next and not words else ""
        self._rows = sorted(fitting, key=lambda spec: (spec.id != first, _rank(spec, words)))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = _DISPLAY) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        spec, role = self._rows[index.row()], int(role)
        text = self._next if spec.id == NEXT and self._next else f"{spec.menu}: {spec.text}"
        if role == _DISPLAY:
            return text
        if role == _ACCESSIBLE:
            return f"{text} {spec.shortcut}".strip()
        if role == SHORTCUT:
            return spec.shortcut
        return spec if role == SPEC else None

    def _is_next(self, words: list[str]) -> bool:
        return bool(self._next) and all(word in self._next.lower() for word in words)


class _RowWithKey(QStyledItemDelegate):
    """Paints the text on the left and the shortcut on the right."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        key = index.data(SHORTCUT)
        if key:
            painter.save()
            painter.setFont(self._theme.font("label"))
            chosen = bool(option.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
            painter.setPen(self._theme.colour("text" if chosen else "text_dim"))
            room = QRectF(option.rect).adjusted(0, 0, -10, 0)  # type: ignore[attr-defined]
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), key)
            painter.restore()


class CommandPalette(QFrame):
    """Signals: `chosen(action_id)`."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._before: QWidget | None = None
        self.setFrameShape(QFrame.Shape.Box)
        self.setAutoFillBackground(True)
        self.setAccessibleName("Find an action")
        self.line = QLineEdit(self, placeholderText="What do you want to do?")
        self.line.setAccessibleName("What do you want to do?")
        self.line.installEventFilter(self)
        self.model = FoundActions(self)
        self.list = QListView(self)
        self.list.setAccessibleName("Actions found")
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(_RowWithKey(theme, self.list))
        self.list.setModel(self.model)
        self.list.clicked.connect(self._on_list_clicked)
        self.line.textChanged.connect(self._on_line_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        self.hide()

    def open(self, next_step: str = "") -> None:
        """Shows it over the window, empty; the `next_step` in words comes first."""
        self.model.set_next(next_step)
        self._before = QApplication.focusWidget()
        self.line.clear()
        self._on_line_changed("")
        self._place()
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_again(self) -> None:
        """Hides it and gives the focus back."""
        if not self.isVisible():
            return
        self.hide()
        before, self._before = self._before, None
        if before is not None and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        QApplication.instance().focusChanged.connect(self._on_focus_changed)  # type: ignore[union-attr]

    def hideEvent(self, event: QEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)  # type: ignore[arg-type]
        QApplication.instance().focusChanged.disconnect(self._on_focus_changed)  # type: ignore[union-attr]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        painter.setPen(self._theme.colour("accent"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        return False

    def _on_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close_again()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._choose(self.list.currentIndex())
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8}.get(Qt.Key(key), -8)
            row = max(0, min(self.model.rowCount() - 1, self.list.currentIndex().row() + step))
            self.list.setCurrentIndex(self.model.index(row))
        else:
            return False
        return True

    def _choose(self, index: QModelIndex) -> None:
        spec = index.data(SPEC) if index.isValid() else None
        if spec is None:
            return
        self.close_again()
        self.chosen.emit(spec.id)

    def _place(self) -> None:
        parent = self.parentWidget()
        row = QFontMetrics(self.font()).height() + 8
        width, height = min(560, parent.width() - 40), min(13 * row + 60, parent.height() - 120)
        self.setGeometry((parent.width() - width) // 2, 90, width, height)

    def _on_line_changed(self, typed: str) -> None:
        self.model.seek(typed)
        self.list.setCurrentIndex(self.model.index(0))

    def _on_list_clicked(self, index: QModelIndex) -> None:
        self._choose(index)

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and new is not self and not self.isAncestorOf(new):
            self._before = None
            self.close_again()


def _fits(spec: ActionSpec, words: list[str]) -> bool:
    text = f"{spec.menu} {spec.text} {spec.shortcut}".lower()
    return all(word in text for word in words)


def _rank(spec: ActionSpec, words: list[str]) -> int:
    """0 when every typed word begins a word of the action's text; the table's order otherwise decides."""
    parts = spec.text.lower().split()
    return 0 if words and all(any(part.startswith(word) for part in parts) for word in words) else 1

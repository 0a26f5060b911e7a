"""What a screen reader and a keyboard find in a window: `unnamed(widget)` and `unreachable(widget)`, both to be empty.

`unnamed` walks the accessibility tree as an assistive program does, without going into the cells of lists and tables
(a model may hold a million); `unreachable` looks for controls that no Tab, shortcut or view can reach.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QDockWidget, QLineEdit, QTabBar, QWidget

Role = QAccessible.Role
CONTROLS = {
    Role.Button, Role.EditableText, Role.CheckBox, Role.RadioButton, Role.ComboBox, Role.List, Role.Table, Role.Tree,
    Role.Slider, Role.SpinBox, Role.PageTab, Role.ButtonMenu, Role.ButtonDropDown, Role.Graphic, Role.Chart,
    Role.Dialog, Role.Link, Role.HotkeyField, Role.Dial,
}  # fmt: skip
WITHOUT_CHILDREN = {Role.List, Role.Table, Role.Tree, Role.ComboBox, Role.SpinBox, Role.ScrollBar, Role.MenuBar}


def walk(root: QWidget) -> Iterator[QAccessibleInterface]:
    """Every visible object of the accessibility tree below `root`, itself included."""
    first = QAccessible.queryAccessibleInterface(root)
    waiting = [first] if first is not None else []
    while waiting:
        found = waiting.pop()
        if not found.isValid() or found.state().invisible:  # type: ignore[attr-defined]
            continue
        yield found
        if found.role() not in WITHOUT_CHILDREN:
            children = (found.child(number) for number in range(found.childCount()))
            waiting.extend(child for child in children if child is not None)


def unnamed(root: QWidget) -> list[str]:
    """A line for each control without a name, and for each object that takes the focus and has none."""
    return [_described(found) for found in walk(root) if _is_control(found) and not _name(found)]


def unreachable(root: QWidget) -> list[str]:
    """A line for each visible, enabled button or field that the keyboard cannot reach."""
    return [
        f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()!r} takes no focus"
        for widget in root.findChildren(QWidget)
        if isinstance(widget, QAbstractButton | QLineEdit)
        and widget.isVisible()
        and widget.isEnabled()
        and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not _has_another_way(widget)
    ]


def _is_control(found: QAccessibleInterface) -> bool:
    widget = found.object()
    inside_qt = isinstance(widget, QWidget) and widget.objectName().startswith(("qt_", "ScrollLeft", "ScrollRight"))
    return not inside_qt and (found.role() in CONTROLS or bool(found.state().focusable))  # type: ignore[attr-defined]


def _name(found: QAccessibleInterface) -> str:
    return found.text(QAccessible.Text.Name).strip()


def _described(found: QAccessibleInterface) -> str:
    widget = found.object()
    parents = []
    while widget is not None:
        parents.append(f"{type(widget).__name__}{f' {widget.objectName()}' if widget.objectName() else ''}")
        widget = widget.parent()
    return f"{found.role().name} has no name: {' < '.join(parents[:5])}"


def _has_another_way(widget: QWidget) -> bool:
    """Tabs, title bars and cells are reached by their own keys; a button with a shortcut by that."""
    if isinstance(widget, QAbstractButton) and not widget.shortcut().isEmpty():
        return True
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QTabBar | QAbstractItemView):
            return True
        if isinstance(parent, QDockWidget):
            return widget.objectName().startswith("qt_dockwidget")
        parent = parent.parentWidget()
    return False

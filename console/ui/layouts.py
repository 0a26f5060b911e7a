"""Where the docks are by default, and how each is named once: by its tab, or by its title bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from console.ui.docks import PanelDock
from console.ui.kept_layout import VERSION

__all__ = ["VERSION", "arrange", "name_once"]

WIDE = 1_700
"""From so many pixels on the switches have a column of their own; below, they are the first tab but one."""


def arrange(window: QMainWindow, docks: dict[str, PanelDock]) -> None:
    """The default: board over incident on the left, the views as tabs beside them, on wide windows switches apart."""
    for dock in docks.values():
        dock.setFloating(False)
        window.removeDockWidget(dock)
    wide = window.width() >= WIDE
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["board"])
    window.splitDockWidget(docks["board"], docks["triage"], Qt.Orientation.Horizontal)
    if wide:
        window.splitDockWidget(docks["triage"], docks["switches"], Qt.Orientation.Horizontal)
    window.splitDockWidget(docks["board"], docks["incident"], Qt.Orientation.Vertical)
    before = docks["triage"]
    views = ("telemetry", "switches", "evidence", "timeline", "sync", "people")
    for name in (*views[:1], *views[2:]) if wide else views:
        window.tabifyDockWidget(before, docks[name])
        before = docks[name]
    for dock in docks.values():
        dock.show()
    docks["triage"].raise_()
    _share(window, docks, wide)
    name_once(window, docks)


def _share(window: QMainWindow, docks: dict[str, PanelDock], wide: bool) -> None:
    across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
    width, height = max(window.width(), 1_000), max(window.height(), 600)
    left, right = int(width * (0.24 if wide else 0.32)), int(width * 0.3)
    if wide:
        columns = [docks["board"], docks["triage"], docks["switches"]]
        window.resizeDocks(columns, [left, width - left - right, right], across)
    else:
        window.resizeDocks([docks["board"], docks["triage"]], [left, width - left], across)
    window.resizeDocks([docks["board"], docks["incident"]], [int(height * 0.3), int(height * 0.6)], down)


def name_once(window: QMainWindow, docks: dict[str, PanelDock]) -> None:
    """A dock that a tab names has no title bar besides: small screens lose no line to a name said twice."""
    for dock in docks.values():
        dock.name_by_tab(not dock.isFloating() and bool(window.tabifiedDockWidgets(dock)))

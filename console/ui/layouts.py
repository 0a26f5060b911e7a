"""Where the docks are: the default, and what a person made of it, kept beside the settings.

A kept layout is taken only when every screen it was made on is there; otherwise the default stands, and so it does for
a file that is none. Nothing here ever raises.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from console.ui.docks import PanelDock

VERSION = 1
FILE = "layout.json"
MAX_BYTES = 200_000

_log = logging.getLogger(__name__)


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
    for name in ("telemetry", "evidence", "timeline") if wide else ("telemetry", "switches", "evidence", "timeline"):
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


def screens() -> list[list[int]]:
    """The screens that are there: left, top, width, height each."""
    return sorted(
        [geometry.x(), geometry.y(), geometry.width(), geometry.height()]
        for geometry in (screen.geometry() for screen in QGuiApplication.screens())
    )


def keep(window: QMainWindow, folder: Path, theme: str) -> None:
    """Writes layout, place and theme; a folder that cannot be written is logged and nothing else."""
    value = {
        "v": VERSION,
        "screens": screens(),
        "geometry": base64.b64encode(bytes(window.saveGeometry().data())).decode("ascii"),
        "state": base64.b64encode(bytes(window.saveState(VERSION).data())).decode("ascii"),
        "theme": theme,
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{FILE}.new"
        fresh.write_text(json.dumps(value), "ascii")
        fresh.replace(folder / FILE)
    except OSError as error:
        _log.info("the layout could not be kept: %s", error)


def kept(folder: Path) -> dict[str, object]:
    """What was kept, {} when nothing usable was."""
    try:
        text = (folder / FILE).read_bytes()[:MAX_BYTES]
        value = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and value.get("v") == VERSION else {}


def restore(window: QMainWindow, value: dict[str, object]) -> bool:
    """Puts a kept layout on; False, and nothing changed for good, when it does not fit this machine."""
    if not value or value.get("screens") != screens():
        return False
    try:
        geometry = base64.b64decode(str(value["geometry"]), validate=True)
        state = base64.b64decode(str(value["state"]), validate=True)
    except (KeyError, ValueError, binascii.Error):
        return False
    if not window.restoreState(QByteArray(state), VERSION):
        return False
    window.restoreGeometry(QByteArray(geometry))
    return _is_seen(window)


def fit(window: QMainWindow, width: int = 1_366, height: int = 768) -> None:
    """A sensible size in the middle of the first screen, never larger than it."""
    screen = QGuiApplication.primaryScreen()
    room = screen.availableGeometry() if screen is not None else QRect(0, 0, width, height)
    width = min(max(width, int(room.width() * 0.92)), room.width())
    height = min(max(height, int(room.height() * 0.92)), room.height())
    window.resize(width, height)
    window.move(room.center() - QRect(0, 0, width, height).center())


def _is_seen(window: QMainWindow) -> bool:
    """Whether enough of the title lies on a screen to take hold of."""
    top = QRect(window.x(), window.y(), window.width(), 40)
    return any(
        screen.availableGeometry().intersected(top).width() >= 120 and screen.availableGeometry().intersects(top)
        for screen in QGuiApplication.screens()
    )

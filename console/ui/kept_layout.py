"""What a person made of the window, kept beside the settings: its place, its docks, its theme.

A kept layout is taken only when every screen it was made on is there; otherwise the default stands, and so it does for
a file that is none. Nothing here ever raises. Read before the first paint, so it imports no docks.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

VERSION = 2
FILE = "layout.json"
MAX_BYTES = 200_000


def read(folder: Path) -> dict[str, object]:
    """What was kept in `folder`, {} when nothing usable was."""
    try:
        with (folder / FILE).open("rb") as file:
            value = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and value.get("v") == VERSION else {}


def write(window: QMainWindow, folder: Path, theme: str) -> None:
    """Writes place, docks and theme; a folder that cannot be written is logged and nothing else."""
    value = {
        "v": VERSION,
        "screens": screens(),
        "geometry": base64.b64encode(bytes(window.saveGeometry().data())).decode("ascii"),
        "docks": base64.b64encode(bytes(window.saveState(VERSION).data())).decode("ascii"),
        "theme": theme,
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{FILE}.new"
        fresh.write_text(json.dumps(value), "ascii")
        fresh.replace(folder / FILE)
    except OSError as error:
        import logging

        logging.getLogger(__name__).info("the layout could not be kept: %s", error)


def place(window: QMainWindow, value: dict[str, object]) -> bool:
    """Puts the window where it was; on the first screen in a sensible size, and False, where that does not fit."""
    geometry = _bytes(value.get("geometry"))
    known = bool(geometry) and value.get("screens") == screens()
    if known and window.restoreGeometry(QByteArray(geometry)) and _is_seen(window):
        return True
    fit(window)
    return False


def restore_docks(window: QMainWindow, value: dict[str, object]) -> bool:
    """Puts the docks where they were; False for what is no state of this version."""
    state = _bytes(value.get("docks"))
    return bool(state) and window.restoreState(QByteArray(state), VERSION)


def screens() -> list[list[int]]:
    """The screens that are there: left, top, width, height each."""
    return sorted(
        [geometry.x(), geometry.y(), geometry.width(), geometry.height()]
        for geometry in (screen.geometry() for screen in QGuiApplication.screens())
    )


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


def _bytes(text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (ValueError, binascii.Error):
        return b""

"""A whole main window on the frame of the tests, shown offscreen at the smallest size that must work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from console.ui.frame import Frame
from console.ui.main_window import MainWindow
from console.ui.title_marker import TitleMarker


@pytest.fixture
def bare(qapp: QApplication, frame: Frame, qtbot: Any) -> Iterator[MainWindow]:
    """The window after its first paint, without a desk yet."""
    marker = TitleMarker(qapp, True)
    window = MainWindow(frame.theme, frame.notices, True, None)
    qtbot.addWidget(window)
    window.resize(1366, 768)
    with qtbot.waitSignal(window.painted):
        window.show()
    window.furnish()
    with qtbot.waitActive(window):
        window.activateWindow()
    yield window
    qapp.removeEventFilter(marker)
    marker.deleteLater()
    window.close()


@pytest.fixture
def window(bare: MainWindow, frame: Frame, qtbot: Any) -> MainWindow:
    """The window with the desk and all its panels."""
    with qtbot.waitSignal(bare.panels_ready, timeout=20_000):
        bare.attach(frame)
    return bare

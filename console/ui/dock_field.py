"""The field of docks: makes the panels one by one when there is time, brings them into view, freezes them.

A panel that cannot be imported or made is told as one sentence in its place; the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QTabWidget, QWidget

from console.ui import layouts
from console.ui.docks import PanelDock
from console.ui.panels import FIRST, PANELS
from console.ui.theme import Theme

if TYPE_CHECKING:
    from console.ui.frame import Frame

_log = logging.getLogger(__name__)


class DockField(QObject):
    """Attributes: `docks` by panel id, `frozen`. Signals: `ready()` when the last panel was made or failed.

    `run` is called with the id of an action that a panel asks for.
    """

    ready = Signal()

    def __init__(self, window: QMainWindow, theme: Theme, exercise: bool | None, run: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window, self._run = window, run
        self._frame: Frame | None = None
        self._to_make = [*FIRST]
        self._under_page: QByteArray | None = None
        self.frozen = False
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.docks = {spec.id: PanelDock(spec, theme, exercise, window) for spec in PANELS}
        self._making = QTimer(self, interval=0)
        self._making.timeout.connect(self._make_next)
        self._naming = QTimer(self, singleShot=True, interval=0)
        self._naming.timeout.connect(self._on_docks_moved)
        layouts.arrange(window, self.docks)

    def watch(self) -> None:
        """From now on a dock that was moved is named once, by its tab or by its title."""
        for dock in self.docks.values():
            for moved in (dock.topLevelChanged, dock.dockLocationChanged, dock.visibilityChanged):
                moved.connect(self._on_dock_moved)
        self._naming.start()

    def start(self, frame: Frame) -> None:
        """Begins to make the panels."""
        self._frame = frame
        self._making.start()

    def stop(self) -> None:
        """Makes no more panels: the window is closing."""
        self._making.stop()
        self._naming.stop()

    def set_world(self, exercise: bool | None, origin: str) -> None:
        """Shows the world on the band of every floating dock."""
        for dock in self.docks.values():
            dock.set_world(exercise, origin)

    # -- panels

    def panel(self, panel_id: str) -> Any:
        """The panel of that id, made now if need be; None when it could not be made or there is no desk yet."""
        self._ensure(panel_id)
        return self.docks[panel_id].panel

    def bring(self, panel_id: str) -> Any:
        """The panel as `panel`, brought into view without taking the focus; None while a page stands in its place."""
        if self.shows_page:
            return None
        found = self.panel(panel_id)
        self.docks[panel_id].show()
        self.docks[panel_id].raise_()
        return found

    def go_to(self, panel_id: str) -> None:
        """Brings a panel into view and gives it the focus; not while a page stands in its place."""
        if self.shows_page:
            return
        self._ensure(panel_id)
        self.docks[panel_id].come_forward()

    def freeze(self, frozen: bool) -> None:
        """Has every panel stand still, or go on."""
        self.frozen = frozen
        for dock in self.docks.values():
            if hasattr(dock.panel, "freeze"):
                dock.panel.freeze(frozen)

    def float_focused(self) -> None:
        """Floats the dock that has the focus, or docks it again."""
        focus = self._window.focusWidget()
        for dock in self.docks.values():
            if focus is not None and dock.isAncestorOf(focus):
                dock.setFloating(not dock.isFloating())
                dock.come_forward()
                return

    # -- a page in place of the docks

    @property
    def shows_page(self) -> bool:
        """Whether a page stands in place of the docks."""
        return self._under_page is not None

    def show_page(self, page: QWidget) -> None:
        """Shows one page in place of the docks."""
        if self._under_page is None:
            self._under_page = self._window.saveState(layouts.VERSION)
        for dock in self.docks.values():
            dock.hide()
        self._window.setCentralWidget(page)
        page.show()

    def hide_page(self) -> None:
        """Puts the docks back in the place of the page."""
        page = self._window.takeCentralWidget()
        if page is not None:
            page.hide()
            page.deleteLater()
        if self._under_page is None or not self._window.restoreState(self._under_page, layouts.VERSION):
            layouts.arrange(self._window, self.docks)
        self._under_page = None

    # -- inside

    def _make_next(self) -> None:
        if self._to_make:
            self._make(self._to_make.pop(0))
        if not self._to_make:
            self._making.stop()
            self.ready.emit()

    def _ensure(self, panel_id: str) -> None:
        if self._frame is not None and panel_id in self._to_make:
            self._to_make.remove(panel_id)
            self._make(panel_id)

    def _make(self, panel_id: str) -> None:
        dock = self.docks[panel_id]
        try:
            panel = dock.spec.load()(self._frame, dock)
        except Exception as error:  # noqa: BLE001 - one panel that is broken must not take the others along
            _log.warning("the panel %s could not be opened", panel_id, exc_info=True)
            dock.fail(f"The panel '{dock.spec.title}' could not be opened: {type(error).__name__}: {error}")
            return
        dock.mount(panel)
        if hasattr(panel, "action_wanted"):
            panel.action_wanted.connect(self._run)
        if self.frozen and hasattr(panel, "freeze"):
            panel.freeze(True)

    def _on_dock_moved(self, _: object = None) -> None:
        self._naming.start()

    def _on_docks_moved(self) -> None:
        layouts.name_once(self._window, self.docks)

"""The main window: the world's band, menus, the incident bar, notices, docks of panels, and the status line.

It is painted before anything heavy is imported: until `attach` it has no desk, and each panel comes one by one when the
event loop is idle. It holds no rule and asks the record only for its own bars.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMenuBar, QSizePolicy, QTabWidget, QVBoxLayout, QWidget

from console.ui import layouts
from console.ui.command_palette import CommandPalette
from console.ui.desk_actions import Dispatcher
from console.ui.docks import PanelDock
from console.ui.incident_bar import IncidentBar
from console.ui.notice_bars import NoticeBars
from console.ui.notices import Notices
from console.ui.panels import FIRST, PANELS
from console.ui.shortcut_sheet import ShortcutSheet
from console.ui.status_bar import StatusBar
from console.ui.theme import NAMES, Theme
from console.ui.world import WorldBand

if TYPE_CHECKING:
    from console.ui.bars import Bars
    from console.ui.frame import Frame

TITLE = "Incident console"

_log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """Signals: `painted()` once, after the first paint; `panels_ready()` when the last panel was made or failed;
    `closing()` before the window goes.

    Attributes: `frame` (None until attached), `docks` by panel id, `bar`, `status`, `bars`, `dispatcher`.
    """

    painted = Signal()
    panels_ready = Signal()
    closing = Signal()

    def __init__(self, theme: Theme, notices: Notices, exercise: bool | None, layout_folder: Path | None) -> None:
        super().__init__()
        self.frame: Frame | None = None
        self._theme, self._notices, self._exercise = theme, notices, exercise
        self._layout_folder, self._was_painted, self._frozen = layout_folder, False, False
        self._bars: Bars | None = None
        self._under_page: QByteArray | None = None
        """The layout while a page is shown in place of the docks."""
        self._to_make = [*FIRST]
        self.setObjectName("main")
        self.setWindowTitle(TITLE)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.dispatcher = Dispatcher(self, notices, self._own_actions(), self._bring)
        self._build_top()
        self.status = StatusBar(theme, self)
        self._build_bottom()
        self.docks = {spec.id: PanelDock(spec, theme, exercise, self) for spec in PANELS}
        self._naming = QTimer(self, singleShot=True, interval=0)
        self._naming.timeout.connect(self._on_docks_moved)
        layouts.fit(self)
        layouts.arrange(self, self.docks)
        self._restore_layout()
        for dock in self.docks.values():
            for moved in (dock.topLevelChanged, dock.dockLocationChanged, dock.visibilityChanged):
                moved.connect(self._on_dock_moved)
        self.palette_box: CommandPalette | None = None
        for notice in notices.take():
            self.bars.show_notice(notice)
        notices.said.connect(self.bars.show_notice)

    # -- what whoever composes the program calls

    def set_world(self, exercise: bool | None, origin: str = "") -> None:
        """Shows the world on every band of this window."""
        self._exercise = exercise
        self.band.set_world(exercise, origin)
        for dock in self.docks.values():
            dock.set_world(exercise, origin)

    def attach(self, frame: Frame) -> None:
        """Gives the window its frame; the panels follow when there is time."""
        from console.ui.bars import Bars

        self.frame = frame
        self.set_world(frame.session.exercise, frame.session.origin)
        self._bars = Bars(frame, self.bar, self.status, self._on_headline, self)
        QTimer.singleShot(0, self._make_next_panel)

    def show_page(self, page: QWidget) -> None:
        """Shows one page in place of the docks."""
        self._under_page = self.saveState(layouts.VERSION)
        for dock in self.docks.values():
            dock.hide()
        self.setCentralWidget(page)
        page.show()

    def hide_page(self) -> None:
        """Puts the docks in the place of the page."""
        page = self.takeCentralWidget()
        if page is not None:
            page.hide()
            page.deleteLater()
        if self._under_page is None or not self.restoreState(self._under_page, layouts.VERSION):
            layouts.arrange(self, self.docks)
        self._under_page = None

    def go_to(self, panel_id: str) -> None:
        """Brings a panel forward and gives it the focus, making it first when it is not there yet."""
        self._ensure_panel(panel_id)
        self.docks[panel_id].come_forward()

    def panel(self, panel_id: str) -> Any:
        """The panel of that id, None when it could not be made or there is no desk yet."""
        self._ensure_panel(panel_id)
        return self.docks[panel_id].panel

    # -- events

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        if self.palette_box is not None:
            self.palette_box.close_again()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102, N802
        if self._layout_folder is not None and self._under_page is None:
            layouts.keep(self, self._layout_folder, self._theme.name)
        if self._bars is not None:
            self._bars.stop()
        self.closing.emit()
        super().closeEvent(event)

    # -- building

    def _build_top(self) -> None:
        top = QWidget(self)
        rows = QVBoxLayout(top)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        self.band = WorldBand(self._theme, self._exercise, "", top)
        menus = QMenuBar(top)
        menus.setNativeMenuBar(False)
        menus.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.dispatcher.fill_menus(menus)
        self.bar = IncidentBar(self._theme, top)
        self.bar.next_wanted.connect(self._do_next_step)
        self.bars = NoticeBars(self._theme, top)
        self.bars.chosen.connect(self.dispatcher.run)
        for part in (self.band, menus, self.bar, self.bars):
            rows.addWidget(part)
        self.setMenuWidget(top)

    def _build_bottom(self) -> None:
        line = self.statusBar()
        line.setSizeGripEnabled(False)
        line.addWidget(self.status, 1)
        line.setContentsMargins(0, 0, 0, 0)

    def _restore_layout(self) -> None:
        if self._layout_folder is None:
            return
        value = layouts.kept(self._layout_folder)
        if not value:
            return
        if value.get("theme") in NAMES:
            self._theme.use(str(value["theme"]))
        if not layouts.restore(self, value):
            layouts.fit(self)
            layouts.arrange(self, self.docks)
            self._notices.say("The kept layout does not fit the screens that are here, so the default is shown.")

    def _own_actions(self) -> dict[str, Callable[[], None]]:
        own: dict[str, Callable[[], None]] = {
            "desk.sync": self._sync,
            "desk.palette": self._open_palette,
            "desk.quit": self._quit,
            "view.freeze": self._toggle_freeze,
            "view.dismiss": self._dismiss,
            "view.default_layout": self._default_layout,
            "view.float": self._float,
            "incident.next_step": self._do_next_step,
            "help.shortcuts": self._show_shortcuts,
            "help.about": self._about,
        }
        own |= {f"view.{spec.id}": partial(self.go_to, spec.id) for spec in PANELS}
        own |= {f"view.{name}": partial(self._theme.use, name) for name in NAMES}
        return own

    # -- panels

    def _make_next_panel(self) -> None:
        if not self._to_make:
            return
        self._make(self._to_make.pop(0))
        if self._to_make:
            QTimer.singleShot(0, self._make_next_panel)
        else:
            self.panels_ready.emit()

    def _ensure_panel(self, panel_id: str) -> None:
        if self.frame is not None and panel_id in self._to_make:
            self._to_make.remove(panel_id)
            self._make(panel_id)
            if not self._to_make:
                self.panels_ready.emit()

    def _make(self, panel_id: str) -> None:
        dock = self.docks[panel_id]
        try:
            panel = dock.spec.load()(self.frame, dock)
        except Exception as error:  # noqa: BLE001 - one panel that is broken must not take the others along
            _log.warning("the panel %s could not be opened", panel_id, exc_info=True)
            dock.fail(f"The panel '{dock.spec.title}' could not be opened: {type(error).__name__}: {error}")
            return
        dock.mount(panel)
        if hasattr(panel, "action_wanted"):
            panel.action_wanted.connect(self.dispatcher.run)
        if hasattr(panel, "action_wanted"):  # a panel may ask for another one's action, never for the other panel
            panel.action_wanted.connect(self.dispatcher.run)
        if self._frozen and hasattr(panel, "freeze"):
            panel.freeze(True)

    def _bring(self, panel_id: str) -> object | None:
        self._ensure_panel(panel_id)
        self.docks[panel_id].show()
        self.docks[panel_id].raise_()
        return self.docks[panel_id].panel

    # -- actions of the window's own

    def _sync(self) -> None:
        if self.frame is not None:
            self.frame.bridge.sync_now()

    def _quit(self) -> None:
        self.close()

    def _dismiss(self) -> None:
        self.bars.dismiss_newest()

    def _open_palette(self) -> None:
        if self.palette_box is None:
            self.palette_box = CommandPalette(self._theme, self)
            self.palette_box.chosen.connect(self.dispatcher.run)
        if self.palette_box.isVisible():
            self.palette_box.close_again()
        else:
            self.palette_box.open()

    def _toggle_freeze(self) -> None:
        self._frozen = not self._frozen
        for dock in self.docks.values():
            if dock.panel is not None and hasattr(dock.panel, "freeze"):
                dock.panel.freeze(self._frozen)
        self.status.show_frozen(self._frozen)

    def _default_layout(self) -> None:
        layouts.arrange(self, self.docks)

    def _float(self) -> None:
        focus = self.focusWidget()
        for dock in self.docks.values():
            if focus is not None and dock.isAncestorOf(focus):
                dock.setFloating(not dock.isFloating())
                dock.come_forward()
                return

    def _show_shortcuts(self) -> None:
        ShortcutSheet(self._theme, self._exercise, self).open()

    def _about(self) -> None:
        from console.ui.about import AboutSheet

        AboutSheet(self._theme, self._exercise, self.frame, self).open()

    def _on_dock_moved(self, _: object = None) -> None:
        self._naming.start()

    def _on_docks_moved(self) -> None:
        layouts.name_once(self, self.docks)

    # -- the incident bar

    def _on_headline(self, title: str) -> None:
        self.setWindowTitle(f"{title} - {TITLE}" if title else TITLE)

    def _do_next_step(self) -> None:
        """F8: where no incident is chosen, the first step is to take the worst one that is open."""
        if self._bars is None or not self._bars.choose_worst():
            self.dispatcher.run_in_panel("incident.next_step")

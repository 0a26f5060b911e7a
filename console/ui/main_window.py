"""The main window: the world's band, menus, the incident bar, notices, docks of panels, and the status line.

It is painted as bands and bars only; `furnish` brings menus and docks right after the first paint, `attach` the desk.
It holds no rule and asks the record only for its own bars.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QMenuBar, QSizePolicy, QVBoxLayout, QWidget

from console.ui import kept_layout
from console.ui.incident_bar import IncidentBar
from console.ui.notices import Notices
from console.ui.status_bar import StatusBar
from console.ui.theme import NAMES, Theme
from console.ui.world import WorldBand, marked

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent

    from console.ui.bars import Bars
    from console.ui.command_palette import CommandPalette
    from console.ui.desk_actions import Dispatcher
    from console.ui.desk_bands import DeskBands
    from console.ui.dock_field import DockField
    from console.ui.docks import PanelDock
    from console.ui.frame import Frame
    from console.ui.idle_lock import IdleLock
    from console.ui.notice_bars import NoticeBars
    from console.ui.owner_paged import OwnerPaged
    from console.ui.seat_watch import SeatWatch

TITLE = "Incident console"


class MainWindow(QMainWindow):
    """Signals: `painted()` once, after the first paint; `panels_ready()` when the last panel was made or failed;
    `closing()` before the window goes.

    Attributes: `band`, `bar`, `status`; from `furnish` on `dispatcher`, `notice_bars`, `field`, `docks` by panel id;
    `frame` is None until attached. `layout_folder` None keeps no layout.
    """

    painted = Signal()
    panels_ready = Signal()
    closing = Signal()

    def __init__(self, theme: Theme, notices: Notices, exercise: bool | None, layout_folder: Path | None) -> None:
        super().__init__()
        self.frame: Frame | None = None
        self.dispatcher: Dispatcher
        self.notice_bars: NoticeBars
        self.field: DockField
        self._theme, self._notices, self._exercise = theme, notices, exercise
        self._layout_folder, self._was_painted, self._furnished = layout_folder, False, False
        self._bars: Bars | None = None
        self._bands: DeskBands | None = None
        self._idle: IdleLock | None = None
        self._seat: SeatWatch | None = None
        self._paged: OwnerPaged | None = None
        self._palette: CommandPalette | None = None
        self._kept = kept_layout.read(layout_folder) if layout_folder is not None else {}
        theme.use(str(self._kept.get("theme", theme.name)))
        self.setObjectName("main")
        self.setWindowTitle(marked(TITLE, exercise))
        self._build_top()
        self.status = StatusBar(theme, self)
        self.status.sync_wanted.connect(self._show_sync)
        self._build_bottom()
        self._fits = kept_layout.place(self, self._kept)

    # -- what whoever composes the program calls

    def furnish(self) -> None:
        """Brings menus, notices and docks; the first paint does without. Again does nothing."""
        if self._furnished:
            return
        self._furnished = True
        from console.ui.desk_actions import Dispatcher
        from console.ui.dock_field import DockField
        from console.ui.notice_bars import NoticeBars

        self.field = DockField(self, self._theme, self._exercise, self._run)
        self.field.ready.connect(self.panels_ready)
        self.dispatcher = Dispatcher(self, self._notices, self._own_actions(), self.field.bring)
        self.dispatcher.fill_menus(self._menus)
        self.notice_bars = NoticeBars(self._theme, self._top)
        self.notice_bars.chosen.connect(self._run)
        self._rows.addWidget(self.notice_bars)
        for notice in self._notices.take():
            self.notice_bars.show_notice(notice)
        self._notices.said.connect(self.notice_bars.show_notice)
        self._restore_docks()
        self.field.watch()

    def set_world(self, exercise: bool | None, origin: str = "") -> None:
        """Shows the world on every band of this window."""
        self._exercise = exercise
        self.band.set_world(exercise, origin)
        self.setWindowTitle(marked(self.windowTitle(), exercise))
        if self._furnished:
            self.field.set_world(exercise, origin)

    def attach(self, frame: Frame) -> None:
        """Gives the window its frame; the panels follow when there is time."""
        from console.ui.bars import Bars
        from console.ui.desk_bands import DeskBands
        from console.ui.failed_stop_band import FailedStopBand
        from console.ui.idle_lock import IdleLock
        from console.ui.owner_paged import OwnerPaged
        from console.ui.seat_watch import SeatWatch

        self.furnish()
        self.frame = frame
        self.set_world(frame.session.exercise, frame.session.origin)
        self._bars = Bars(frame, self.bar, self.status, self._on_headline, self)
        self._bands = DeskBands(frame, self._top)
        self._bands.wanted.connect(self._run)
        self._rows.insertWidget(self._rows.indexOf(self.notice_bars), self._bands)
        self.failed_stops = FailedStopBand(frame, self._top)
        self.failed_stops.wanted.connect(self._run)
        self._rows.insertWidget(self._rows.indexOf(self._bands), self.failed_stops)
        self._paged = OwnerPaged(frame, self)
        self._seat = SeatWatch(frame, self)
        self._idle = IdleLock(frame, self)
        self._idle.start()
        frame.bridge.person_changed.connect(self._on_person)
        self.field.start(frame)

    def say_in_panels(self, sentence: str) -> None:
        """Says why there are no panels, in the place of each that has not been made."""
        self.furnish()
        for dock in self.docks.values():
            if dock.panel is None:
                dock.fail(sentence)

    def show_page(self, page: QWidget, name: str = "") -> None:
        """Shows one page in place of the docks; the window is named after it until the desk is there."""
        self.furnish()
        self.setWindowTitle(marked(f"{name} - {TITLE}" if name else TITLE, self._exercise))
        self.field.show_page(page)
        self._show_desk(False)

    def hide_page(self) -> None:
        """Puts the docks back."""
        self.field.hide_page()
        self._show_desk(True)

    def _show_desk(self, shown: bool) -> None:
        self.bar.show_desk(shown)
        self.status.show_desk(shown)

    def go_to(self, panel_id: str) -> None:
        """Brings a panel into view and gives it the focus."""
        self.field.go_to(panel_id)

    def panel(self, panel_id: str) -> Any:
        """The panel of that id, None when it could not be made or there is no desk yet."""
        return self.field.panel(panel_id)

    @property
    def docks(self) -> dict[str, PanelDock]:
        """The docks by panel id."""
        return self.field.docks

    # -- events

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        if self._palette is not None:
            self._palette.close_again()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102, N802
        if self._layout_folder is not None and self._furnished and not self.field.shows_page:
            kept_layout.write(self, self._layout_folder, self._theme.name)
        for part in (self._bars, self._idle, self._seat):
            if part is not None:
                part.stop()
        if self._furnished:
            self.field.stop()
        self.closing.emit()
        super().closeEvent(event)

    # -- building

    def _build_top(self) -> None:
        self._top = QWidget(self)
        self._rows = QVBoxLayout(self._top)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self.band = WorldBand(self._theme, self._exercise, "", self._top)
        self._menus = QMenuBar(self._top)
        self._menus.setNativeMenuBar(False)
        self._menus.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._menus.setMinimumHeight(self._theme.px("menu"))
        self.bar = IncidentBar(self._theme, self._top)
        self.bar.next_wanted.connect(self._do_next_step)
        for part in (self.band, self._menus, self.bar):
            self._rows.addWidget(part)
        self.setMenuWidget(self._top)

    def _build_bottom(self) -> None:
        line = self.statusBar()
        line.setSizeGripEnabled(False)
        line.addWidget(self.status, 1)
        line.setContentsMargins(0, 0, 0, 0)

    def _restore_docks(self) -> None:
        if self._kept and not (self._fits and kept_layout.restore_docks(self, self._kept)):
            self._default_layout()
            self._notices.say("The kept layout does not fit the screens that are here, so the default is shown.")

    def _own_actions(self) -> dict[str, Callable[[], None]]:
        own: dict[str, Callable[[], None]] = {
            "desk.sync": self._sync,
            "desk.palette": self._open_palette,
            "desk.quit": self._quit,
            "desk.lock": self._lock,
            "desk.paged": self._go_to_paged,
            "view.freeze": self._toggle_freeze,
            "view.dismiss": self._dismiss,
            "view.default_layout": self._default_layout,
            "view.float": self.field.float_focused,
            "incident.next_step": self._do_next_step,
            "help.shortcuts": self._show_shortcuts,
            "help.about": self._about,
        }
        own |= {f"view.{panel_id}": partial(self.field.go_to, panel_id) for panel_id in self.field.docks}
        own |= {f"view.{name}": partial(self._theme.use, name) for name in NAMES}
        return own

    # -- actions of the window's own

    def _run(self, action_id: str) -> None:
        self.dispatcher.run(action_id)

    def _sync(self) -> None:
        if self.frame is not None:
            self.frame.bridge.sync_now()

    def _show_sync(self) -> None:
        self._run("view.sync")

    def _on_person(self) -> None:
        if self.frame is not None:
            self.set_world(self.frame.session.exercise, self.frame.session.origin)

    def _lock(self) -> None:
        if self._idle is not None:
            self._idle.lock_now()

    def _go_to_paged(self) -> None:
        if self._paged is not None and self._paged.choose():
            self._run("view.incident")

    def _quit(self) -> None:
        self.close()

    def _dismiss(self) -> None:
        self.notice_bars.dismiss_newest()

    def _open_palette(self) -> None:
        from console.ui.command_palette import CommandPalette

        if self._palette is None:
            self._palette = CommandPalette(self._theme, self)
            self._palette.chosen.connect(self._run)
        if self._palette.isVisible():
            self._palette.close_again()
        else:
            self._palette.open(self.bar.next_text.text())

    def _toggle_freeze(self) -> None:
        self.field.freeze(not self.field.frozen)
        self.status.show_frozen(self.field.frozen)

    def _default_layout(self) -> None:
        from console.ui import layouts

        layouts.arrange(self, self.field.docks)

    def _show_shortcuts(self) -> None:
        from console.ui.shortcut_sheet import ShortcutSheet

        ShortcutSheet(self._theme, self._exercise, self).open()

    def _about(self) -> None:
        from console.ui.about import AboutSheet

        AboutSheet(self._theme, self._exercise, self.frame, self).open()

    # -- the incident bar

    def _on_headline(self, title: str) -> None:
        self.setWindowTitle(marked(f"{title} - {TITLE}" if title else TITLE, self._exercise))

    def _do_next_step(self) -> None:
        """F8: where no incident is chosen, the first step is to take the worst one that is open."""
        if self._bars is not None and not self._bars.choose_worst():
            self.dispatcher.run_in_panel("incident.next_step")

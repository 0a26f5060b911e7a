"""The actions of the table as Qt actions: made once, put into menus, triggered by key, menu or palette alike.

Whoever triggers one goes through `Dispatcher.run`: an action that is blocked says why as a notice and does nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QMenuBar

from console.ui.actions_table import ACTIONS, MENUS, ActionSpec
from console.ui.notices import Notices

_log = logging.getLogger(__name__)


class Dispatcher(QObject):
    """Runs actions by id: the window's own from `own`, a panel's through `find_panel(panel_id)`."""

    def __init__(
        self,
        window: QMainWindow,
        notices: Notices,
        own: dict[str, Callable[[], None]],
        find_panel: Callable[[str], object | None],
    ) -> None:
        super().__init__(window)
        self._notices, self._own, self._find_panel = notices, own, find_panel
        self.specs = {spec.id: spec for spec in ACTIONS}
        self.actions = {spec.id: self._action(window, spec) for spec in ACTIONS}

    def run(self, action_id: str) -> None:
        """Does it, or says in a notice why not."""
        spec = self.specs.get(action_id)
        if spec is None:
            _log.warning("no action has the id %s", action_id)
            return
        if spec.panel:
            self._run_in_panel(spec)
        elif spec.id in self._own:
            self._own[spec.id]()

    def blocked(self, spec: ActionSpec) -> str:
        """Why it cannot be done now, "" when it can."""
        if not spec.panel:
            return "" if spec.id in self._own else f"'{spec.text}' is not part of this version."
        panel = self._find_panel(spec.panel)
        if panel is None:
            return f"The panel for '{spec.text}' is still being opened; try again in a moment."
        state = getattr(panel, "action_state", None)
        return str(state(spec.id)) if state is not None else ""

    def fill_menus(self, bar: QMenuBar) -> None:
        """Puts every action into its menu, in the table's order."""
        for title in MENUS:
            rows = [spec for spec in ACTIONS if spec.menu == title]
            if rows:
                menu: QMenu = bar.addMenu(f"&{title}")
                for spec in rows:
                    menu.addAction(self.actions[spec.id])

    def _run_in_panel(self, spec: ActionSpec) -> None:
        why = self.blocked(spec)
        if why:
            self._notices.say(why, "warning")
            return
        panel = self._find_panel(spec.panel)
        handler = getattr(panel, "on_action", None)
        if handler is not None:
            handler(spec.id)

    def _action(self, window: QMainWindow, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, window)
        action.setObjectName(spec.id)
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
            action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        action.setAutoRepeat(False)
        action.triggered.connect(partial(self._on_triggered, spec.id))
        window.addAction(action)
        return action

    def _on_triggered(self, action_id: str, checked: bool = False) -> None:
        self.run(action_id)

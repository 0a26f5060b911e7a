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
    """Runs actions by id: the window's own from `own`, a panel's by `bring(panel_id)`, which brings it into view.

    `bring` answers None while the panel is not there yet.
    """

    def __init__(
        self,
        window: QMainWindow,
        notices: Notices,
        own: dict[str, Callable[[], None]],
        bring: Callable[[str], object | None],
    ) -> None:
        super().__init__(window)
        self._notices, self._own, self._bring = notices, own, bring
        self.specs = {spec.id: spec for spec in ACTIONS}
        self.actions = {spec.id: self._action(window, spec) for spec in ACTIONS}

    def run(self, action_id: str) -> None:
        """Does it, or says in a notice why not."""
        spec = self.specs.get(action_id)
        if spec is None:
            _log.warning("no action has the id %s", action_id)
            return
        if spec.id in self._own:
            self._own[spec.id]()
        elif spec.panel:
            self.run_in_panel(spec.id)

    def fill_menus(self, bar: QMenuBar) -> None:
        """Puts every action into its menu, in the table's order."""
        for title in MENUS:
            rows = [spec for spec in ACTIONS if spec.menu == title]
            if rows:
                menu: QMenu = bar.addMenu(f"&{title}")
                for spec in rows:
                    menu.addAction(self.actions[spec.id])

    def run_in_panel(self, action_id: str) -> None:
        """Has the panel do it that the row names; a panel that says why not is quoted in a notice."""
        spec = self.specs[action_id]
        panel = self._bring(spec.panel)
        if panel is None:
            self._notices.say(f"The panel for '{spec.text}' is not open yet; try again in a moment.", "warning")
            return
        state = getattr(panel, "action_state", None)
        why = str(state(action_id)) if state is not None else ""
        if why:
            self._notices.say(why, "warning")
        elif hasattr(panel, "on_action"):
            panel.on_action(action_id)

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

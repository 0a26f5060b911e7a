"""The docks that hold the panels: a placeholder until the panel is there, a band of the world while floating.

A dock keeps its title bar only where no tab names it, so that small screens lose no line to a name said twice.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from console.ui.panels import PanelSpec
from console.ui.text import PlainLabel, display
from console.ui.theme import Theme
from console.ui.world import WorldBand


class Placeholder(QWidget):
    """Holds the place of a panel: a sentence, and the focus when it is asked for."""

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.label = PlainLabel("", self, limit=2_000)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setMargin(16)
        layout = QVBoxLayout(self)
        layout.addWidget(self.label)
        self.say(sentence)

    def say(self, sentence: str) -> None:
        """Shows another sentence."""
        self.label.setText(sentence)
        self.setAccessibleName(self.label.text())

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusInEvent(event)
        self.update()


class PanelDock(QDockWidget):
    """Attributes: `spec`, `panel` (None until it is made). Signals: `seen(panel_id)` when it comes into view."""

    seen = Signal(str)

    def __init__(self, spec: PanelSpec, theme: Theme, exercise: bool | None, parent: QWidget) -> None:
        super().__init__(spec.title, parent)
        self.spec = spec
        self.panel: Any = None
        self.setObjectName(f"dock.{spec.id}")
        self.setAccessibleName(spec.title)
        self._theme, self._world = theme, (exercise, "")
        self._band: WorldBand | None = None
        self._placeholder = Placeholder("This panel is being opened ...", self)
        self._box = QWidget(self)
        self._layout = QVBoxLayout(self._box)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._placeholder, 1)
        self.setWidget(self._box)
        self.topLevelChanged.connect(self._on_top_level_changed)
        self.visibilityChanged.connect(self._on_visibility_changed)

    def mount(self, panel: QWidget) -> None:
        """Puts the panel in its place."""
        focused = self._placeholder.hasFocus()
        self.panel = panel
        if not panel.accessibleName():
            panel.setAccessibleName(self.spec.title)
        self._layout.replaceWidget(self._placeholder, panel)
        self._placeholder.hide()
        self._placeholder.deleteLater()
        panel.show()
        if focused:
            panel.setFocus(Qt.FocusReason.OtherFocusReason)

    def fail(self, sentence: str) -> None:
        """Says why the panel is not there."""
        self._placeholder.say(display(sentence, 2_000))

    def set_world(self, exercise: bool | None, origin: str) -> None:
        """Shows another world on the band."""
        self._world = (exercise, origin)
        if self._band is not None:
            self._band.set_world(exercise, origin)

    def come_forward(self) -> None:
        """Shows the dock, raises its tab and gives it the focus."""
        self.show()
        self.raise_()
        if self.isFloating():
            self.activateWindow()
        inside = self.panel if self.panel is not None else self._placeholder
        held = self.window().focusWidget()
        if held is None or not inside.isAncestorOf(held) or not held.isVisible():
            target = _first_focus(inside)
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def name_by_tab(self, tabbed: bool) -> None:
        """Without a title bar where a tab says the name."""
        if tabbed == (self.titleBarWidget() is not None):
            return
        bar = self.titleBarWidget()
        self.setTitleBarWidget(QWidget(self) if tabbed else None)  # type: ignore[arg-type]
        if bar is not None:
            bar.deleteLater()

    def _on_top_level_changed(self, floating: bool) -> None:
        if floating and self._band is None:
            self._band = WorldBand(self._theme, *self._world, self._box)
            self._layout.insertWidget(0, self._band)
        if self._band is not None:
            self._band.setVisible(floating)

    def _on_visibility_changed(self, visible: bool) -> None:
        if visible:
            self.seen.emit(self.spec.id)


def _first_focus(inside: QWidget) -> QWidget:
    """What takes the focus of a panel: what it remembers, its proxy, its first part that can, itself."""
    for wanted in (inside.focusWidget(), inside.focusProxy()):
        if wanted is not None and wanted.isVisible() and wanted.isEnabled():
            return wanted
    if inside.focusProxy() is None and inside.focusPolicy() & Qt.FocusPolicy.TabFocus:
        return inside
    at = inside.nextInFocusChain()
    while at is not None and at is not inside:
        takes_it = at.isEnabled() and at.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes_it and inside.isAncestorOf(at) and at.isVisible():
            return at
        at = at.nextInFocusChain()
    return inside

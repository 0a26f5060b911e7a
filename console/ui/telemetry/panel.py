"""Telemetry: twelve live graphs of the chosen target beside everybody, with limits, milestones, gaps and silence.

One timer for all plots. It takes what the metric stream brought, at full pace only while the panel is seen, and
repaints a plot only when something moved by a pixel. Painting touches neither the record nor the network.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from console.domain.changes import Changes
from console.domain.inventory import InventoryItem
from console.domain.times import from_epoch_us, parse_utc, to_epoch_us
from console.queries.milestones import Milestone, milestones
from console.ui.following import BUDGET_S, Following
from console.ui.frame import Frame
from console.ui.readings import ALL, SLOT_S, SLOT_US, TARGET, Readings, breached_metrics
from console.ui.telemetry import wording
from console.ui.telemetry.cell import GraphCell
from console.ui.telemetry.chosen import COLUMNS, METRICS, WINDOWS_S
from console.ui.telemetry.key import Key
from console.ui.telemetry.lines import presence
from console.ui.telemetry.marks import MilestoneLine
from console.ui.text import PlainLabel, display

SHOWN_MS, HIDDEN_MS = 50, 1_000
WORDS_EVERY_S = 0.5
"""How often numbers and words are renewed: faster than that nobody reads."""
MILESTONES = {
    "detected": ("D", "detected"), "contained": ("C", "contained"), "restored": ("R", "restored"),
    "service_recovered": ("S", "service recovered"), "recovered": ("B", "behaviour recovered"),
    "closed": ("X", "closed"),
}  # fmt: skip
_TOUCHING = ("incident", "switch", "timeline")
_NAMED = 6
NARROW_PX = 165
"""A graph narrower than this gives way to fewer columns."""


class TelemetryPanel(QWidget):
    """A panel of the desk."""

    panel_id = "telemetry"
    panel_title = "Telemetry"

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._following: Following | None = None
        self._milestones: tuple[Milestone, ...] = ()
        self._frozen = 0.0
        self._large = ""
        self._window = 1
        self._moved_at = -1.0
        self._words_at = 0.0
        self._stale = True
        rules = frame.policy.thresholds.metrics
        self.cells = {m: GraphCell(frame.theme, rules[m], self) for m in METRICS if m in rules}
        self._build()
        self._timer = QTimer(self, interval=HIDDEN_MS)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start()
        frame.theme.changed.connect(self._on_theme)
        frame.selection.incident_changed.connect(self._on_incident)
        frame.selection.target_changed.connect(self._on_target)
        frame.bridge.changed.connect(self._on_changed)
        self._set_window(self._window)

    def _build(self) -> None:
        theme = self._frame.theme
        self._key = Key(theme, self)
        self._span = QPushButton(self)
        self._span.setToolTip("Change the time shown (W)")
        self._span.clicked.connect(self._on_span)
        self._notes = PlainLabel("", self, elide=True, limit=600)
        self._notes.setFont(theme.font("small"))
        top = QHBoxLayout()
        top.addWidget(self._key, 1)
        top.addWidget(self._span)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.px("space_1"))
        for cell in self.cells.values():
            cell.chosen.connect(self._on_chosen)
            cell.moved.connect(self._on_moved)
        self._columns = 0
        self._arrange(COLUMNS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px("space_2")] * 4)
        layout.setSpacing(theme.px("space_1"))
        layout.addLayout(top)
        layout.addLayout(self._grid, 1)
        layout.addWidget(self._notes)
        before: QWidget = self._span
        for cell in self.cells.values():
            QWidget.setTabOrder(before, cell)
            before = cell
        self.setFocusProxy(next(iter(self.cells.values()), None))
        self._name_target()

    def _arrange(self, columns: int) -> None:
        """Lays the graphs out in so many columns."""
        if columns == self._columns:
            return
        self._columns = columns
        for n, cell in enumerate(self.cells.values()):
            self._grid.addWidget(cell, n // columns, n % columns)

    # -- what the window calls

    def on_action(self, action_id: str) -> None:
        """Does one of the panel's actions."""
        if action_id == "telemetry.window":
            self._on_span()
        elif action_id == "telemetry.enlarge":
            focused = next((m for m, cell in self.cells.items() if cell.hasFocus()), next(iter(self.cells)))
            self._enlarge("" if self._large else focused)

    def freeze(self, frozen: bool) -> None:
        """Holds the graphs as they are; what comes meanwhile is drawn when they go on."""
        if frozen == bool(self._frozen):
            return
        if frozen:
            self._frozen = self._following.edge if self._following is not None else 1.0
            if self._following is not None:
                self._move(self._following, came=True)  # what is held is what was shown at this moment, to the pixel
        else:
            self._frozen = 0.0
            self._mark_all_stale()
        self._name_target()
        self._renew_words()

    @property
    def window_s(self) -> int:
        """Seconds that are shown."""
        return WINDOWS_S[self._window]

    # -- the stream

    def _item(self) -> InventoryItem | None:
        item = self._frame.policy.inventory.items.get(self._frame.selection.target)
        return None if item is None or item.kind == "environment" else item

    def _fresh(self) -> Readings:
        return Readings(self._frame.policy.thresholds, self.cells, self._item())

    def _on_tick(self) -> None:
        rings = self._frame.bridge.rings
        if rings is None:
            return
        if self._following is None:
            self._following = Following(rings, self._fresh)
        following = self._following
        came = self._take(following)
        self._make_lines(following)
        if not self.isVisible():
            return
        now = time.monotonic()
        if now - self._words_at >= WORDS_EVERY_S:
            self._words_at = now
            self._renew_words()
        self._move(following, came)

    def _take(self, following: Following) -> bool:
        """Adds what came to sums and lines; whether anything came."""
        came = False
        for slot in following.step():
            came = True
            if self._frozen:
                continue
            for cell in self.cells.values():
                if not cell.stale:
                    cell.lines.follow(following.readings, slot)
        if following.anew:
            self._mark_all_stale()
        return came

    def _make_lines(self, following: Following) -> None:
        """Makes lines that wait for it from the sums, as many as fit into the budget."""
        if self._frozen or not following.ready or following.readings.newest < 0:
            return
        waiting = [cell for cell in self.cells.values() if cell.stale]
        if not waiting:
            return
        first, there = presence(following.readings, self.cells)
        until = time.monotonic() + BUDGET_S
        scope = TARGET if following.readings.item is not None else ALL
        for cell in waiting:
            cell.begin(scope, following.readings.newest)
            cell.lines.recompute(following.readings, there, first)
            cell.stale = False
            cell.scale()
            if time.monotonic() > until:
                break
        self._moved_at = -1.0

    def _mark_all_stale(self) -> None:
        for cell in self.cells.values():
            cell.stale = True

    def _move(self, following: Following, came: bool) -> None:
        """Repaints when the present has moved by a pixel or something came."""
        edge = self._frozen or following.edge
        columns = max((cell.plot.columns() for cell in self.cells.values() if cell.isVisible()), default=1)
        if not came and abs(edge - self._moved_at) * SLOT_S * columns < self.window_s:
            return
        if self._frozen and self._moved_at == edge:
            return
        self._moved_at = edge
        for cell in self.cells.values():
            if cell.isVisible():
                cell.show_at(edge)

    # -- words, marks, veils

    def _renew_words(self) -> None:
        following = self._following
        if following is None or not self.isVisible():
            return
        edge = self._frozen or following.edge
        edge_us = edge * SLOT_US
        lines = self._milestone_lines(edge_us)
        breached = breached_metrics(self._frame.bridge.lamps, self._item())
        scope = TARGET if following.readings.item is not None else ALL
        for metric, cell in self.cells.items():
            if not self._frozen:
                cell.show_reading(following.readings.reading(metric, scope, int(following.edge), metric in breached))
                cell.scale()
            veil, silent_s, whole = self._veil(following, cell, edge)
            cell.show_marks(lines, veil, silent_s, whole)
        self._say_unmapped(following)

    def _milestone_lines(self, edge_us: float) -> list[MilestoneLine]:
        found = []
        for one in self._milestones:
            letter, word = MILESTONES[one.kind]
            ago_s = (edge_us - to_epoch_us(parse_utc(one.at))) / 1e6
            if 0 <= ago_s <= self.window_s:
                found.append(MilestoneLine(round(ago_s, 1), letter, word))
        return found

    def _veil(self, following: Following, cell: GraphCell, edge: float) -> tuple[tuple[str, ...], float, bool]:
        """(sentences, seconds since silence began, whether the whole plot is silent)."""
        readings, metric = following.readings, cell.rule.metric
        limit = readings.silent_after_s / SLOT_S
        everybody = readings.columns(metric, ALL).measured
        mine = readings.columns(metric, TARGET).measured if readings.item is not None else everybody
        if not following.ready or cell.stale:
            return ("reading what was kept",), 0.0, True
        if everybody < 0:
            return ("no sample yet",), 0.0, True
        if edge - mine <= limit:
            return (), 0.0, False
        ago_s, whole = (edge - mine) * SLOT_S, edge - everybody > limit
        if mine < 0:
            return (f"nothing from {display(readings.item.name if readings.item else '', 40)}",), self.window_s, whole
        return (("silent since", wording.clock(from_epoch_us(mine * SLOT_US))) if whole else ()), ago_s, whole

    def _say_unmapped(self, following: Following) -> None:
        if self._large:
            self._say_large(following)
            return
        strange = sorted(following.readings.unmapped)
        named = ", ".join(name[:60] for name in strange[:_NAMED])
        more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
        notes = f"Unmapped, in no threshold and not drawn: {named}{more}" if strange else self._milestone_words()
        self._notes.setText(notes)

    def _milestone_words(self) -> str:
        told = [
            f"{MILESTONES[one.kind][0]}  {MILESTONES[one.kind][1]} {wording.clock(parse_utc(one.at))}"
            for one in self._milestones
        ]
        return "     ".join(told) or "Arrow keys move between graphs, Enter enlarges one, W changes the time shown."

    def _say_large(self, following: Following) -> None:
        cell = self.cells[self._large]
        names = following.readings.names(self._large, TARGET if following.readings.item is not None else ALL)
        listed = ", ".join(name[:90] for name in names[:3]) + (" ..." if len(names) > 3 else "")
        self._notes.setText(f"{wording.rule_sentence(cell.rule)}. {len(names)} series: {listed}. Esc goes back.")

    # -- choices

    def _set_window(self, place: int) -> None:
        self._window = place % len(WINDOWS_S)
        self._span.setText(f"Last {self.window_s // 60} min")
        self._span.setAccessibleName(f"Time shown: the last {self.window_s // 60} minutes; press to change")
        for cell in self.cells.values():
            cell.set_window(self.window_s)
            cell.scale()
        self._moved_at = -1.0
        self._renew_words()

    def _enlarge(self, metric: str) -> None:
        """Shows one graph alone, or all of them for ""."""
        before, self._large = self._large, metric
        for name, cell in self.cells.items():
            cell.setVisible(metric in ("", name))
            cell.set_large(name == metric)
        focus = self.cells.get(metric or before)
        if focus is not None:
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        self._moved_at = -1.0
        self._renew_words()

    def _name_target(self) -> None:
        item = self._item()
        frozen = ""
        if self._frozen:
            moment = (
                from_epoch_us(round(self._frozen * SLOT_US)) if self._frozen > 1 else datetime.now(UTC) - timedelta(0)
            )
            frozen = f"FROZEN at {wording.clock(moment)}"
        self._key.say(display(item.id, 60) if item is not None else "", frozen)

    # -- slots

    def _on_span(self) -> None:
        self._set_window(self._window + 1)

    def _on_chosen(self, metric: str) -> None:
        self._enlarge("" if self._large else metric)

    def _on_moved(self, metric: str, dx: int, dy: int) -> None:
        names = list(self.cells)
        place = names.index(metric) + dx + dy * self._columns
        if self._large or not 0 <= place < len(names):
            return
        self.cells[names[place]].setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_theme(self) -> None:
        for cell in self.cells.values():
            cell.dress()

    def _on_target(self, _: str) -> None:
        self._following = None
        self._mark_all_stale()
        self._name_target()

    def _on_incident(self, _: str) -> None:
        self._milestones = ()
        self._on_target("")
        self._reload()

    def _on_changed(self, changes: Changes) -> None:
        incident = self._frame.selection.incident
        if any(changes.touches(kind, incident) for kind in _TOUCHING):
            self._reload()

    def _reload(self) -> None:
        incident = self._frame.selection.incident
        self._stale = not self.isVisible()
        if incident and not self._stale:
            self._frame.bridge.ask(milestones, incident, owner=self, then=self._on_milestones)

    def _on_milestones(self, found: tuple[Milestone, ...]) -> None:
        self._milestones = found
        self._renew_words()

    # -- events

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and self._large:
            self._enlarge("")
        elif event.key() == Qt.Key.Key_W and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self._on_span()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        self._arrange(next(n for n in (COLUMNS, 3, 2, 1) if n == 1 or self.width() >= n * NARROW_PX))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._timer.setInterval(SHOWN_MS)
        self._moved_at, self._words_at = -1.0, 0.0
        if self._stale:
            self._reload()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._timer.setInterval(HIDDEN_MS)

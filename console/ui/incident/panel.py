"""The incident panel: shows the page of the chosen incident or a sheet over it, and does what is asked.

What is done is done on what was read last; the next step only when the person can have seen that it is the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from console.domain.next_step import NextStep
from console.domain.times import format_utc
from console.queries.standing import Standing
from console.ui.actions_table import ACTIONS
from console.ui.frame import Frame
from console.ui.incident.actions_view import BY_KEY, ROWS
from console.ui.incident.blocking import NOTHING_CHOSEN, Seat, blocked, seat_of
from console.ui.incident.close_sheet import CloseSheet
from console.ui.incident.conflicts_view import ConflictsView
from console.ui.incident.doing import Doing
from console.ui.incident.evidence_sheet import ExportSheet
from console.ui.incident.grade_sheet import GradeSheet
from console.ui.incident.loading import Loading
from console.ui.incident.open_sheet import OpenSheet
from console.ui.incident.page import Page
from console.ui.incident.people_sheets import AssignSheet, ReviewSheet, TakeOverSheet
from console.ui.incident.sheet import Sheet
from console.ui.incident.validate_sheet import ValidateSheet
from console.ui.words import Words

TICK_MS = 1_000
NEXT, OPEN_BY_HAND, SETTLE = "incident.next_step", "incident.open", "incident.settle"
IDS = frozenset(spec.id for spec in ACTIONS)
OFFLINE = "The plane cannot be reached; this needs it."


class IncidentPanel(QWidget):
    """Signals: `action_wanted(action id)`: another panel's action that the next step asks for."""

    panel_id = "incident"
    panel_title = "Incident"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._sheet: Sheet | None = None
        self._opened_by = ""
        self._step: NextStep | None = None
        self._shown_at = 0.0
        self.loading = Loading(frame, self.isVisible, self)
        self._doing = Doing(frame, self)
        self._sheets: dict[str, Callable[[Standing], Sheet]] = {
            "incident.grade": self._grade_sheet,
            "incident.assign_role": self._assign_sheet,
            "incident.validate": self._validate_sheet,
            "incident.export": self._export_sheet,
            "incident.request_review": self._review_sheet,
            "incident.close": self._close_sheet,
        }
        self.page = Page(frame.theme, self)
        self.conflicts = ConflictsView.put_into(frame, self.page.area.widget(), 0)
        self.nothing = Words(frame.theme, NOTHING_CHOSEN, "title", "text_dim", wrap=True, parent=self)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.nothing)
        self._stack.addWidget(self.page)
        self._clock = QTimer(self, interval=TICK_MS)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._connect()

    # -- what the window asks

    @property
    def standing(self) -> Standing | None:
        """Where the chosen incident stood when it was last read."""
        return self.loading.standing

    @property
    def sheet(self) -> Sheet | None:
        """The sheet that is open."""
        return self._sheet

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on, or says why not; reads first what may have changed."""
        if action_id == SETTLE:
            self._settle()
            return
        if self._doing.busy or (action_id == NEXT and self._is_reflex()):
            return
        if self.loading.stale and self._frame.selection.incident:
            seen = self.standing.step if self._is_looked_at() and self.standing is not None else None
            self.loading.first_read(partial(self._do_after_reading, action_id, seen))
        else:
            self._do(action_id)

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can or when that has to be read first."""
        if action_id == SETTLE:
            return "" if self.conflicts.found else "Nothing is in conflict in this incident."
        return "" if self.loading.stale else blocked(action_id, self.standing, self._seat())

    # -- showing

    def _connect(self) -> None:
        self._frame.selection.incident_changed.connect(self._on_chosen)
        self.loading.read.connect(self._on_read)
        self._clock.timeout.connect(self._on_tick)
        self.page.next_wanted.connect(self._on_next_wanted)
        self.page.action_chosen.connect(self.on_action)
        self.conflicts.join_wanted.connect(self._on_join_wanted)

    def _on_read(self) -> None:
        found = self.standing
        step = found.step if found is not None else None
        if step != self._step:
            self._step, self._shown_at = step, time.monotonic()
        if found is None:
            self._show_nothing()
        else:
            self._show_page(found)

    def _show_nothing(self) -> None:
        if isinstance(self._sheet, OpenSheet):
            return  # it needs no incident
        self._leave_sheet()
        chosen = bool(self._frame.selection.incident)
        self.nothing.setText("The chosen incident is not in this record." if chosen else NOTHING_CHOSEN)
        self._stack.setCurrentWidget(self.nothing)

    def _show_page(self, found: Standing) -> None:
        self.page.show_standing(found, self._frame.session.person, self._frame.bridge.now())
        self._show_blocked(found)
        if self._sheet is not None:
            self._sheet.refresh(found)
        else:
            self._stack.setCurrentWidget(self.page)

    def _show_blocked(self, found: Standing) -> None:
        seat = self._seat()
        why = {action: blocked(action, found, seat) for action, _, _ in ROWS}
        self.page.deeds.show_states(why, found.step.action_id)

    def _on_chosen(self, _: str) -> None:
        self._leave_sheet()

    def _on_tick(self) -> None:
        self.page.tick(self._frame.bridge.now())
        if self.standing is not None:
            self._show_blocked(self.standing)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._clock.start()
        self.loading.look()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._clock.stop()

    # -- doing

    def _do_after_reading(self, action_id: str, seen: NextStep | None) -> None:
        """The next step only while it still is the one that was on the screen when the key was pressed."""
        now = self.standing.step if self.standing is not None else None
        if action_id != NEXT or seen is None or seen == now:
            self._do(action_id)

    def _do(self, action_id: str) -> None:
        if action_id == OPEN_BY_HAND:
            self._opened_by = action_id
            self._open(OpenSheet(self._frame))
            self.action_wanted.emit("view.incident")
            return
        why = blocked(action_id, self.standing, self._seat())
        if why:
            self._frame.notices.say(why, "warning")
            return
        shown = self.standing
        assert shown is not None  # or it would be blocked
        if action_id == NEXT:
            self._do_next(shown)
            return
        before = self._sheet
        self._begin(action_id, shown)
        if self._sheet is not before:
            self._opened_by = action_id

    def _begin(self, action_id: str, shown: Standing) -> None:
        if action_id == "incident.take_command" and shown.page.facts.commander:
            self._open(TakeOverSheet(self._frame, shown))
        elif action_id in self._doing.verbs:
            self._doing.verbs[action_id](shown)
        elif action_id in self._sheets:
            self._open(self._sheets[action_id](shown))

    def _do_next(self, shown: Standing) -> None:
        """Does the next step here, or has the panel do it whose step it is; a sheet that is open for it stays."""
        step = shown.step
        if step.target and step.target in self._frame.policy.inventory.items:
            self._frame.selection.choose_target(step.target)
        if step.action_id not in IDS:
            self.action_wanted.emit(f"view.{step.panel}")
        elif not step.action_id.startswith("incident."):
            self.action_wanted.emit(step.action_id)
        elif self._sheet is not None and (self._opened_by == step.action_id or not self._sheet.is_over):
            self._go_back_to(self._sheet, step)
        else:
            self._leave_sheet()
            self._do(step.action_id)
            if self._sheet is not None:
                self.action_wanted.emit("view.incident")

    def _go_back_to(self, sheet: Sheet, step: NextStep) -> None:
        """A sheet that was begun is never thrown away by the next step: it gets the focus, and says how to leave it."""
        self.action_wanted.emit("view.incident")
        sheet.take_focus()
        if self._opened_by != step.action_id:
            self._frame.notices.say("Finish this sheet, or leave it with Esc; then F8 goes on.", "info")

    def _settle(self) -> None:
        """Goes to what is in conflict; a sheet that is open stays where it is."""
        if self._sheet is not None:
            self._frame.notices.say("Finish this sheet, or leave it with Esc; the conflict stands on the page.", "info")
        else:
            self.conflicts.take_focus()
            self.page.area.ensureWidgetVisible(self.conflicts)

    def _on_join_wanted(self) -> None:
        self.action_wanted.emit("timeline.join")

    def _is_reflex(self) -> bool:
        """Whether the step on the screen is so new that nobody can have read it."""
        reflex = self._frame.policy.switches.times.reflex_fail_ms / 1000
        return self._is_looked_at() and time.monotonic() - self._shown_at < reflex

    def _is_looked_at(self) -> bool:
        return self.isVisible() and self.standing is not None

    def _on_next_wanted(self) -> None:
        self.on_action("incident.next_step")

    def _open(self, sheet: Sheet) -> None:
        self._leave_sheet()
        self._sheet = sheet
        sheet.left.connect(self._leave_sheet)
        sheet.said.connect(self._on_said)
        self._stack.addWidget(sheet)
        self._stack.setCurrentWidget(sheet)

    def _leave_sheet(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is None:
            return
        focused = sheet.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        self._stack.setCurrentWidget(self.page if self.standing is not None else self.nothing)
        self._stack.removeWidget(sheet)
        sheet.hide()
        sheet.deleteLater()
        if focused:
            self.page.take_focus()

    def _on_said(self, sentence: str) -> None:
        self._frame.notices.say(sentence)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        action = BY_KEY.get(event.text().upper(), "")
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if action and plain and self._sheet is None and not event.isAutoRepeat():
            self.on_action(action)
            return
        super().keyPressEvent(event)

    # -- inside

    def _seat(self) -> Seat:
        now = format_utc(self._frame.bridge.now())
        return seat_of(self._frame.session, OFFLINE if self.loading.offline else "", now)

    def _grade_sheet(self, shown: Standing) -> Sheet:
        return GradeSheet(self._frame, shown)

    def _assign_sheet(self, shown: Standing) -> Sheet:
        return AssignSheet(self._frame, shown)

    def _validate_sheet(self, shown: Standing) -> Sheet:
        return ValidateSheet(self._frame, shown, shown.step.target)

    def _export_sheet(self, shown: Standing) -> Sheet:
        return ExportSheet(self._frame, shown)

    def _review_sheet(self, shown: Standing) -> Sheet:
        return ReviewSheet(self._frame, shown)

    def _close_sheet(self, shown: Standing) -> Sheet:
        return CloseSheet(self._frame, shown)

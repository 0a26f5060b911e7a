"""The incident panel: loads where the chosen incident stands, shows the page or a sheet over it, does what is asked.

It reloads when something of that incident changed, gathers changes that come together; while hidden it remembers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from console.domain.changes import Changes
from console.queries.standing import Standing, standing
from console.ui.frame import Frame
from console.ui.incident.actions_view import BY_KEY, ROWS
from console.ui.incident.blocking import NOTHING_CHOSEN, Seat, blocked, seat_of
from console.ui.incident.close_sheet import CloseSheet
from console.ui.incident.doing import Doing
from console.ui.incident.evidence_sheet import ExportSheet
from console.ui.incident.grade_sheet import GradeSheet
from console.ui.incident.page import Page
from console.ui.incident.people_sheets import AssignSheet, ReviewSheet, TakeOverSheet
from console.ui.incident.sheet import Sheet
from console.ui.incident.validate_sheet import ValidateSheet
from console.ui.incident.words import Words

GATHER_MS = 60
TICK_MS = 1_000
OFFLINE = "The plane cannot be reached; this needs it."


class IncidentPanel(QWidget):
    """Signals: `action_wanted(action id)`: another panel's action that the next step asks for."""

    panel_id = "incident"
    panel_title = "Incident"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._standing: Standing | None = None
        self._sheet: Sheet | None = None
        self._stale = True
        self._turn = 0
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
        self.nothing = Words(frame.theme, NOTHING_CHOSEN, "title", "text_dim", wrap=True, parent=self)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.nothing)
        self._stack.addWidget(self.page)
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._clock = QTimer(self, interval=TICK_MS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._connect()

    # -- what the window asks

    @property
    def standing(self) -> Standing | None:
        """Where the chosen incident stood when it was last read."""
        return self._standing

    @property
    def sheet(self) -> Sheet | None:
        """The sheet that is open."""
        return self._sheet

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on, or says why not."""
        why = self.action_state(action_id)
        if why:
            self._frame.notices.say(why, "warning")
            return
        shown = self._standing
        assert shown is not None  # or it would be blocked
        if action_id == "incident.next_step":
            self._do_next(shown)
        elif action_id == "incident.take_command" and shown.page.facts.commander:
            self._open(TakeOverSheet(self._frame, shown))
        elif action_id in self._doing.verbs:
            self._doing.verbs[action_id](shown)
        elif action_id in self._sheets:
            self._open(self._sheets[action_id](shown))

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        return blocked(action_id, self._standing, self._seat())

    # -- loading

    def _connect(self) -> None:
        frame = self._frame
        frame.selection.incident_changed.connect(self._on_chosen)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.connection_changed.connect(self._on_connection)
        frame.bridge.attached.connect(self._load)
        self._gathering.timeout.connect(self._load)
        self._clock.timeout.connect(self._on_tick)
        self.page.next_wanted.connect(self._on_next_wanted)
        self.page.action_chosen.connect(self.on_action)

    def _load(self) -> None:
        """Reads the incident anew; an answer about another one that was chosen meanwhile is dropped."""
        incident = self._frame.selection.incident
        self._stale = not self.isVisible() and self._standing is not None
        if self._stale:
            return
        self._turn += 1
        if not incident or not self._frame.bridge.is_open:
            self._show(self._turn, None)
            return
        turn = self._turn

        def then(found: Standing | None) -> None:
            self._show(turn, found)

        self._frame.bridge.ask(standing, incident, self._frame.policy, not self._offline(), owner=self, then=then)

    def _show(self, turn: int, found: Standing | None) -> None:
        if turn != self._turn:
            return
        self._standing = found
        if found is None:
            self._leave_sheet()
            gone = "The chosen incident is not in this record." if self._frame.selection.incident else NOTHING_CHOSEN
            self.nothing.setText(gone)
            self._stack.setCurrentWidget(self.nothing)
            return
        seat = self._seat()
        why = {action: blocked(action, found, seat) for action, _, _ in ROWS}
        self.page.show_standing(found, seat.person, why, self._frame.bridge.now())
        if self._sheet is not None:
            self._sheet.refresh(found)
        else:
            self._stack.setCurrentWidget(self.page)

    def _on_chosen(self, _: str) -> None:
        self._leave_sheet()
        self._standing = None
        self._load()

    def _on_changed(self, changes: Changes) -> None:
        incident = self._frame.selection.incident
        if incident in changes.incidents or "organisation" in changes.kinds:
            self._stale = True
            if not self._gathering.isActive():
                self._gathering.start()

    def _on_connection(self, _: Any) -> None:
        if self._standing is not None and self._standing.progress.online == self._offline():
            self._gathering.start()

    def _on_tick(self) -> None:
        self.page.tick(self._frame.bridge.now())

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._clock.start()
        if self._stale:
            self._load()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._clock.stop()

    # -- doing

    def _do_next(self, shown: Standing) -> None:
        """Does the next step here, or has the panel do it whose step it is; a sheet that is open for it stays."""
        step = shown.step
        if step.target and step.target in self._frame.policy.inventory.items:
            self._frame.selection.choose_target(step.target)
        if not step.action_id.startswith("incident."):
            self.action_wanted.emit(step.action_id)
        elif self._sheet is not None:
            self._sheet.take_focus()
        else:
            self.on_action(step.action_id)
            self.action_wanted.emit("view.incident")

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
        self._stack.setCurrentWidget(self.page if self._standing is not None else self.nothing)
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
        return seat_of(self._frame.session, OFFLINE if self._offline() else "")

    def _offline(self) -> bool:
        return self._frame.bridge.connection.state != "online"

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

"""The sync panel: what waits for a person first, then how the desk stands to its plane; joining one.

The record is asked again only when something of sync changed; once a second the ages move on without a question.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from console.actions.alarms import settle_alarm_as
from console.actions.conflicts import resolve_conflict
from console.actions.rejected import ask_commander, write_again
from console.domain.changes import Changes
from console.domain.errors import EnvironmentFault
from console.domain.gates import COMMANDER
from console.domain.rejection import ASK_COMMANDER, WRITE_AGAIN
from console.queries.conflicts import Conflict, open_conflicts
from console.queries.rejected import Rejected, rejected, rejected_copy
from console.queries.sync_state import SyncPage, sync_page
from console.ui.frame import Frame
from console.ui.page_parts import button
from console.ui.sync.lists import AlarmList, ConflictList, RejectedList
from console.ui.sync.sheets import JoinSheet
from console.ui.sync.standing import Facts, Head

GATHER_MS, TICK_MS = 250, 1_000
KINDS = ("sync", "alarm", "severity", "role", "triage", "timeline", "organisation")
Found = tuple[SyncPage, tuple[Rejected, ...], tuple[Conflict, ...]]


class SyncPanel(QWidget):
    """Signals: `action_wanted(action id)`."""

    panel_id = "sync"
    panel_title = "Sync"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self.found = frame, None
        self._stale, self._frozen = True, False
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._clock = QTimer(self, interval=TICK_MS)
        theme = frame.theme
        self.head, self.facts = Head(theme), Facts(theme)
        self.alarms = AlarmList(theme, frame.session.name)
        self.rejected, self.conflicts = RejectedList(theme), ConflictList(theme)
        self.sync = button("Sync now", "Sync now", partial(self._want, "desk.sync"))
        self.join = button("Join a plane ...", "Join a plane", partial(self._want, "sync.join"))
        self._lay_out()
        self._connect()
        self._show_line()
        self._reload()

    # -- what the window asks

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on."""
        door = self._frame.session.door
        if door is not None and action_id == "sync.join":
            joining = JoinSheet(self._frame, door)
            joining.joined.connect(self._on_joined)
            self._show_sheet(joining)

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        door = self._frame.session.door
        if action_id == "sync.join":
            return "" if door is not None and not self._frame.bridge.has_plane else "This desk has a plane already."
        return ""

    def freeze(self, frozen: bool) -> None:
        """Holds changes back, or takes up what has gathered."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._reload()

    # -- how it is made

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        buttons = QHBoxLayout()
        for part in (self.sync, self.join):
            part.setMinimumHeight(self._frame.theme.px("button"))
            buttons.addWidget(part)
        buttons.addStretch(1)
        body = QWidget(self)
        rows = QVBoxLayout(body)
        rows.setContentsMargins(gap, gap, gap, gap)
        rows.setSpacing(gap)
        rows.addWidget(self.head)
        rows.addLayout(buttons)
        for part in (self.alarms, self.rejected, self.conflicts, self.facts):
            rows.addWidget(part)
        rows.addStretch(1)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(body)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.area)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self.setFocusProxy(self.sync)

    def _connect(self) -> None:
        bridge = self._frame.bridge
        bridge.changed.connect(self._on_changed)
        bridge.connection_changed.connect(self._on_connection)
        bridge.attached.connect(self._reload)
        bridge.person_changed.connect(self._show_line)
        self._gathering.timeout.connect(self._reload)
        self._clock.timeout.connect(self._on_tick)
        self.alarms.settled.connect(self._on_settled)
        self.rejected.chosen.connect(self._on_remedy)
        self.conflicts.kept.connect(self._on_kept)
        self.conflicts.wanted.connect(self._on_incident_wanted)

    def _want(self, action_id: str, _: bool = False) -> None:
        self.action_wanted.emit(action_id)

    def _show_sheet(self, sheet: JoinSheet) -> None:
        self._close_sheet()
        sheet.left.connect(self._close_sheet)
        self.stack.addWidget(sheet)
        self.stack.setCurrentWidget(sheet)

    def _close_sheet(self) -> None:
        sheet = self.stack.currentWidget()
        if sheet is not self.area and sheet is not None:
            self.stack.setCurrentWidget(self.area)
            self.stack.removeWidget(sheet)
            sheet.deleteLater()
            self.sync.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- loading and showing

    def _state(self) -> str:
        return str(self._frame.bridge.connection.state)

    def _on_changed(self, changes: Changes) -> None:
        if not any(changes.touches(kind) for kind in KINDS):
            return
        if self._frozen or not self.isVisible():
            self._stale = True
        elif not self._gathering.isActive():
            self._gathering.start()

    def _on_connection(self, _: Any) -> None:
        self._show_line()
        self._on_changed(Changes(kinds=frozenset({"sync"})))

    def _reload(self) -> None:
        self._stale = False
        if self._frame.bridge.is_open:
            look = partial(_look, state=self._state(), signed_in=self._frame.session.signed_in)
            self._frame.bridge.ask(look, owner=self, then=self._show)

    def _show(self, found: Found) -> None:
        self.found = found
        page, refused, differing = found
        now = self._frame.bridge.now()
        self.alarms.show_all(page.open_alarms, page.settled_alarms, now)
        self.rejected.show_all(refused, now)
        self.conflicts.show_all(differing, now)
        self.facts.show_page(page, now)
        waits = page.queued or refused or differing or page.open_alarms or page.quarantined
        self.head.show_quiet(self._frame.bridge.has_plane and not waits)

    def _show_line(self) -> None:
        bridge = self._frame.bridge
        self.head.show_connection(bridge.connection, bridge.has_plane, bridge.now())
        self.sync.setEnabled(bridge.has_plane)
        self.join.setVisible(self._frame.session.door is not None and not bridge.has_plane)

    def _on_tick(self) -> None:
        if self._frozen:
            return
        bridge = self._frame.bridge
        self.head.show_connection(bridge.connection, bridge.has_plane, bridge.now())
        if self.found is not None:
            self.facts.show_page(self.found[0], bridge.now())

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._clock.start()
        if self._stale and not self._frozen:
            self._reload()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._clock.stop()

    # -- what a person does

    def _on_settled(self, alarm_id: str, name: str, what: str) -> None:
        if not name.strip():
            self._frame.notices.say("Write who settles this alarm, then press again.", "warning")
            self.alarms.name.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        act = self._frame.bridge.act
        act(settle_alarm_as, alarm_id, name, what, self._frame.session.actor(), owner=self, then=self._on_settled_done)

    def _on_settled_done(self, _: Changes) -> None:
        self.alarms.found.clear()
        self._reload()

    def _on_remedy(self, event_id: str, action: str, question: str) -> None:
        bridge, actor = self._frame.bridge, self._frame.session.actor()
        if action == WRITE_AGAIN:
            bridge.act(write_again, event_id, actor, owner=self, then=partial(self._done, "It was written again."))
        elif action == ASK_COMMANDER:
            told = "The question stands in the incident's timeline."
            bridge.act(ask_commander, event_id, question, actor, owner=self, then=partial(self._done, told))
        else:
            bridge.ask(rejected_copy, event_id, owner=self, then=partial(self._export, event_id))

    def _done(self, sentence: str, _: object) -> None:
        self._frame.notices.say(sentence)
        self.rejected.question.clear()
        self._reload()

    def _export(self, event_id: str, text: str) -> None:
        folder = self._frame.bridge.desk.settings.folder
        to = folder.with_name(f"{folder.name}-rejected") / f"{event_id}.json"
        then = partial(self._done, f"The event was written to {to}.")
        self._frame.bridge.work(partial(_write, to, text), owner=self, then=then)

    def _on_kept(self, conflict: Conflict, event_id: str, reason: str) -> None:
        if not reason.strip():
            self._frame.notices.say("Write why this side is kept, then press again.", "warning")
            self.conflicts.reason.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        over = [side.event_id for side in conflict.sides if side.event_id != event_id]
        session = self._frame.session
        actor = session.actor(COMMANDER if COMMANDER in session.roles else "")
        args = (conflict.incident, conflict.subject, event_id, over, reason, actor)
        self._frame.bridge.act(resolve_conflict, *args, owner=self, then=self._on_resolved)

    def _on_resolved(self, _: Changes) -> None:
        self.conflicts.reason.clear()
        self._reload()

    def _on_incident_wanted(self, incident: str) -> None:
        self._frame.selection.choose_incident(incident)
        self.action_wanted.emit("view.incident")

    def _on_joined(self, found: Any) -> None:
        session = self._frame.session
        session.joined(found)
        self._frame.bridge.seat(session.person)
        told = f"This desk belongs to {session.person} now; what it wrote before is being sent. Keys: {session.kept}."
        self._frame.notices.say(told)
        self._reload()


def _look(db: Any, state: str, signed_in: bool) -> Found:
    return sync_page(db, state), rejected(db, signed_in), open_conflicts(db)


def _write(to: Path, text: str) -> None:
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"The event could not be written to {to} ({error.strerror}).") from error

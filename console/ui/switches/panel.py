"""The kill-switch panel: the incident's target, the switches that reach it, and one sheet at a time over them.

Everything shown comes from one question of the record; opening a sheet captures the target, and nothing that is chosen
afterwards changes it. A confirmed stop starts the capture of evidence at once (SWI-8).
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedLayout, QVBoxLayout, QWidget

from console.domain.changes import Changes
from console.domain.reach import Reach, smallest_hold
from console.domain.switches import RUNNING, STOPPED
from console.proof.ids import uuid7
from console.queries.switch_board import SwitchBoard, switch_board
from console.queries.switches import Request, commands_on, switch_history
from console.ui.frame import Frame
from console.ui.switches.alarms import Alarms
from console.ui.switches.approve import ApproveSheet
from console.ui.switches.card import SwitchCard
from console.ui.switches.detail import DetailView
from console.ui.switches.doing import Doing
from console.ui.switches.draft import Armed
from console.ui.switches.looking import Look
from console.ui.switches.parts import Dim, Line, scrolled
from console.ui.switches.sheet import OFFLINE, ConfirmSheet
from console.ui.switches.words import breadcrumb, crumbs

_AGES_MS = 1_000
_SIDE_BY_SIDE = 1_000
_KINDS = ("command", "switch", "observation", "incident", "triage", "timeline")
SHEET_OPEN = "A sheet is open already; finish it or press Esc to disarm it first."
NO_INCIDENT = "Choose an incident on the board first; a switch is always thrown for one."


class SwitchesPanel(QWidget):
    """Kill switches of the chosen incident."""

    panel_id = "switches"
    panel_title = "Kill switches"

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._board: SwitchBoard | None = None
        self._cards: list[SwitchCard] = []
        self._chosen: SwitchCard | None = None
        self._capabilities: dict[tuple[str, str], Look] = {}
        self._asked, self._stale, self._reading, self._frozen, self._waiting = 0, True, False, False, ""
        self.sheet: ConfirmSheet | ApproveSheet | None = None
        self._title = Line(frame.theme, "No incident chosen", "large", wrap=True)
        self._where = Dim(frame.theme, NO_INCIDENT, wrap=True)
        self._doing = Doing(frame, self)
        self.alarms = Alarms(frame.theme, frame.policy.inventory)
        self.detail = DetailView(frame.theme)
        self._list, self._split = QVBoxLayout(), QSplitter(Qt.Orientation.Vertical)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._build_list())
        self._ages = QTimer(self, interval=_AGES_MS)
        self._ages.timeout.connect(self._on_ages)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.panel_title)
        self._wire()

    # -- actions

    def action_state(self, action_id: str) -> str:
        """Why the action cannot be done now, empty when it can."""
        if self._frame.session.locked and not action_id.startswith("switches.look"):
            return f"{self._frame.session.locked} Then press the key again."
        if self.sheet is not None and not self._shows_receipt():
            return "" if self._is_open_for(action_id) else SHEET_OPEN
        if not self._frame.selection.incident:
            return NO_INCIDENT
        board = self._board
        if board is None or not self._is_fresh():
            return ""  # what is held back or not read yet says nothing
        if action_id in ("switches.hold", "switches.throw", "switches.look") and not board.reaches:
            return f"'{board.named[:60]}' is not in the inventory, so nothing can be thrown; choose a target by hand."
        if action_id == "switches.restore" and self._first_stopped() is None:
            return "Nothing is stopped for this incident, so there is nothing to restore."
        if action_id == "switches.look_up" and not board.loud:
            return "There is no command whose outcome is unknown."
        if action_id == "switches.approve" and not self._to_approve():
            return "Nobody asks you to approve anything in this incident."
        return ""

    def on_action(self, action_id: str) -> None:
        """Does one of the panel's actions; before the incident is loaded it waits for that."""
        why = self.action_state(action_id)
        if why:
            self._frame.notices.say(why, "warning")
            return
        if self.sheet is not None and not self._shows_receipt():
            self.sheet.take_focus()
            return
        if self.sheet is not None:
            self.sheet.disarm()  # only the receipt of a command that is over; it stays in the history
        if not self._is_fresh():
            self._waiting = action_id
            self._reload()
            return
        {
            "switches.hold": self._hold,
            "switches.throw": self._hold,
            "switches.restore": self._restore_first,
            "switches.look": self._look,
            "switches.look_up": self._look_up_first,
            "switches.approve": self._approve_first,
        }[action_id]()

    def _shows_receipt(self) -> bool:
        """Whether what covers the panel is only the receipt of a command that will never change again."""
        return isinstance(self.sheet, ConfirmSheet) and self.sheet.is_over

    def _is_open_for(self, action_id: str) -> bool:
        """Whether the sheet that is open is the one this action would open."""
        restoring = {"switches.hold": False, "switches.throw": False, "switches.restore": True}.get(action_id)
        return isinstance(self.sheet, ConfirmSheet) and self.sheet.armed.restoring is restoring

    def _is_fresh(self) -> bool:
        """Whether what is shown was read after the last change of this incident."""
        same = self._board is not None and self._board.incident == self._frame.selection.incident
        return same and not (self._stale or self._reading)

    def freeze(self, frozen: bool) -> None:
        """Stops the list from moving; an open sheet stays live."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._reload()

    def _hold(self) -> None:
        """Opens the sheet of the smallest reversible stop, already armed (SWI-8)."""
        board = self._board
        reach = smallest_hold(board.reaches) if board is not None else None
        if reach is None:
            self._frame.notices.say("No adapter enforces a reversible stop here; do it by hand.", "warning")
            return
        card = next((card for card in self._cards if card.reach == reach), None)
        if card is not None and card.is_stopped:
            self._frame.notices.say(f"{reach.switch} on {reach.target} is stopped already.", "info")
            return
        self.open_sheet(reach, STOPPED)

    def _restore_first(self) -> None:
        card = self._first_stopped()
        if card is not None:
            self.open_sheet(card.reach, RUNNING)

    def _first_stopped(self) -> SwitchCard | None:
        return next((card for card in self._cards if card.is_stopped and card.reach.adapter), None)

    def _look_up_first(self) -> None:
        if self._board is not None and self._board.loud:
            self._doing.look_up(self._board.loud[0].command_id)

    def _approve_first(self) -> None:
        asked = self._to_approve()
        if asked:
            self._on_approve(asked[0])

    # -- the sheet

    def open_sheet(self, reach: Reach, want: str) -> None:
        """Arms a sheet on exactly this switch and item; does nothing while another one is open."""
        if self.sheet is not None or self._board is None:
            return
        frame, policy = self._frame, self._frame.policy
        armed = Armed(
            incident=self._board.incident,
            switch=policy.switches.switch(reach.switch),
            item=policy.inventory.item(reach.target),
            want=want,
            command_id=uuid7(int(frame.bridge.now().timestamp() * 1000), secrets.token_bytes(10)),
            breadcrumb=breadcrumb(policy.inventory, reach.target, reach.switch),
            wide=policy.inventory.blast_radius(reach.target).is_wide,
        )
        sheet = ConfirmSheet(frame, armed, self)
        sheet.confirmed.connect(self._doing.capture)
        self._put_on(sheet, "" if reach.adapter else f"No adapter enforces {reach.switch} on {reach.target}.")

    def _put_on(self, sheet: ConfirmSheet | ApproveSheet, by_hand: str = "") -> None:
        self.sheet = sheet
        sheet.closed.connect(self._on_closed)
        self._frame.bridge.person_changed.connect(sheet.disarm)  # somebody else, or nobody, would fire it
        self._stack.addWidget(sheet)
        self._stack.setCurrentWidget(sheet)
        sheet.open(by_hand)

    def _on_closed(self) -> None:
        sheet, self.sheet = self.sheet, None
        if sheet is None:
            return
        self._stack.setCurrentIndex(0)
        self._stack.removeWidget(sheet)
        sheet.hide()
        sheet.deleteLater()
        self._reload()
        if self._chosen is not None:
            self._chosen.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_approve(self, request: Request) -> None:
        if self.sheet is None:
            self._put_on(ApproveSheet(self._frame, request, self))

    def _to_approve(self) -> tuple[Request, ...]:
        board, me = self._board, self._frame.session.person
        return tuple(one for one in board.requests if one.asked_by != me) if board is not None else ()

    def _look(self) -> None:
        """Has the plane look at the chosen switch, or at the first one."""
        card = self._chosen or (self._cards[0] if self._cards else None)
        if card is None or self._board is None:
            return
        if not card.reach.adapter or self._frame.bridge.connection.state in OFFLINE:
            self._frame.notices.say("Nobody can look there from here now; what is shown keeps its age.", "warning")
            return
        self._doing.look(self._board.incident, card.reach)

    def _on_looked(self, reach: Reach, look: Look) -> None:
        self._capabilities[reach.switch, reach.target] = look
        self._show_detail()

    # -- loading and showing

    def _reload(self) -> None:
        incident = self._frame.selection.incident
        self._asked += 1
        if not incident:
            self._show(None)
            return
        self._stale, self._reading = False, True
        self._frame.bridge.ask(
            switch_board, incident, self._frame.policy.inventory, self._frame.policy.switches,
            self._frame.selection.target, owner=self, then=partial(self._on_board, self._asked),
        )  # fmt: skip

    def _on_board(self, serial: int, board: SwitchBoard | None) -> None:
        if serial == self._asked:
            self._reading = False
            self._show(board)

    def _show(self, board: SwitchBoard | None) -> None:
        before = self._board
        self._board = board
        self._show_head(board)
        if before is None or board is None or before.reaches != board.reaches:
            self._rebuild(board)
        self._refresh_cards()
        self.alarms.show_all(board.loud if board else (), self._to_approve())
        self._show_detail()
        waiting, self._waiting = self._waiting, ""
        if waiting and board is not None:
            self.on_action(waiting)

    def _show_head(self, board: SwitchBoard | None) -> None:
        if board is None:
            self._title.setText("No incident chosen")
            self._where.setText(NO_INCIDENT)
            return
        if not board.target:
            self._title.setText(f"Unmapped: {board.named[:100] or 'no target'}")
            self._where.setText("What the incident names is not in the inventory, so nothing can be thrown for it.")
            return
        self._title.setText(" / ".join(crumbs(self._frame.policy.inventory, board.target, "…")[:3]))
        self._where.setText(f"Switches that reach this target, the smallest first. Incident: {board.title}")

    def _rebuild(self, board: SwitchBoard | None) -> None:
        chosen = self._chosen.reach if self._chosen is not None else None
        for card in self._cards:
            self._list.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards, self._chosen = [], None
        for reach in board.reaches if board is not None else ():
            title = self._frame.policy.switches.switch(reach.switch).cuts
            card = SwitchCard(self._frame.theme, self._frame.policy.inventory, reach, title)
            card.chosen.connect(self._on_chosen)
            card.stop.connect(self._on_stop)
            card.restore.connect(self._on_restore)
            self._list.addWidget(card)
            self._cards.append(card)
        again = next((card for card in self._cards if card.reach == chosen), None)
        self._choose(again or (self._cards[0] if self._cards else None))

    def _refresh_cards(self) -> None:
        now, fresh = self._frame.bridge.now(), self._frame.policy.switches.times.observation_fresh_s
        rows = self._board.rows if self._board is not None else ()
        for card, row in zip(self._cards, rows, strict=False):
            card.show_row(row, now, fresh)

    def _choose(self, card: SwitchCard | None) -> None:
        for one in self._cards:
            one.set_chosen(one is card)
        self._chosen = card

    def _on_chosen(self, card: SwitchCard) -> None:
        if card is not self._chosen:
            self._choose(card)
            self._show_detail()

    def _on_stop(self, card: SwitchCard) -> None:
        self.open_sheet(card.reach, STOPPED)

    def _on_restore(self, card: SwitchCard) -> None:
        self.open_sheet(card.reach, RUNNING)

    def _show_detail(self) -> None:
        card = self._chosen
        self.detail.setVisible(card is not None)
        if card is None:
            return
        reach = card.reach
        look = self._capabilities.get((reach.switch, reach.target))
        crumb = breadcrumb(self._frame.policy.inventory, reach.target, reach.switch)
        switch = self._frame.policy.switches.switch(reach.switch)
        self.detail.show_switch(switch, crumb, look.capabilities if look is not None else None, reach.adapter)
        for noun, then in ((commands_on, self._on_commands), (switch_history, self._on_history)):
            self._frame.bridge.ask(noun, reach.switch, reach.target, owner=self, then=partial(then, reach))

    def _on_commands(self, reach: Reach, commands: Any) -> None:
        if self._chosen is not None and self._chosen.reach == reach:
            self.detail.show_commands(commands, self._frame.bridge.now())

    def _on_history(self, reach: Reach, lines: Any) -> None:
        if self._chosen is not None and self._chosen.reach == reach:
            self.detail.show_history(lines)

    # -- how it is wired

    def _build_list(self) -> QWidget:
        page, inside = QWidget(), QWidget()
        box, cards = QVBoxLayout(page), QVBoxLayout(inside)
        box.setContentsMargins(8, 8, 8, 8)
        cards.setContentsMargins(0, 0, 4, 0)
        cards.addLayout(self._list)
        cards.addStretch(1)
        for widget in (self._title, self._where, self.alarms):
            box.addWidget(widget)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(scrolled(inside))
        self._split.addWidget(scrolled(self.detail))
        self._split.setSizes([600, 400])
        self._split.setAccessibleName("Switches and details of the chosen one")
        box.addWidget(self._split, 1)
        return page

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        wide = self.width() >= _SIDE_BY_SIDE
        self._split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)

    def _wire(self) -> None:
        frame = self._frame
        frame.bridge.changed.connect(self._on_changed)
        frame.selection.incident_changed.connect(self._on_selected)
        frame.selection.target_changed.connect(self._on_selected)
        self._doing.looked.connect(self._on_looked)
        self.alarms.look_up.connect(self._doing.look_up)
        self.alarms.approve.connect(self._on_approve)
        self.detail.look_up.connect(self._doing.look_up)
        self.detail.hide()
        self.alarms.hide()

    def _on_changed(self, changes: Changes) -> None:
        incident = self._frame.selection.incident
        touched = any(changes.touches(kind, incident) for kind in _KINDS) or bool(
            changes.kinds & {"command", "switch", "observation"}
        )
        if not touched:
            return
        self._stale = True
        if self.isVisible() and not self._frozen and self.sheet is None:  # a sheet covers it and is loaded on its own
            self._reload()

    def _on_selected(self, _: str) -> None:
        self._stale, self._waiting = True, ""
        if self.isVisible():
            self._reload()

    def _on_ages(self) -> None:
        if not self._frozen and self.sheet is None:
            self._refresh_cards()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._ages.start()
        if self._stale:
            self._reload()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._ages.stop()

"""The kill-switch panel: the incident's target, the switches that reach it, and one sheet at a time over them.

Everything shown comes from one question of the record; opening a sheet captures the target, and nothing that is chosen
afterwards changes it. A confirmed stop starts the capture of evidence at once (SWI-8).
"""

from __future__ import annotations

import secrets
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from console.domain.changes import Changes
from console.domain.reach import Reach, smallest_hold
from console.domain.switches import RUNNING, STOPPED
from console.proof.ids import uuid7
from console.queries.failed_stops import FailedStop
from console.queries.switch_board import SwitchBoard, switch_board
from console.queries.switch_surroundings import SwitchSurroundings, switch_surroundings
from console.queries.switches import Request
from console.ui.frame import Frame
from console.ui.switches.alarms import Alarms
from console.ui.switches.approve import ApproveSheet
from console.ui.switches.card import SwitchCard
from console.ui.switches.card_list import CardList
from console.ui.switches.detail import DetailView
from console.ui.switches.doing import Doing
from console.ui.switches.draft import armed_on
from console.ui.switches.head import Head
from console.ui.switches.overlay import Overlay
from console.ui.switches.pages import Pages
from console.ui.switches.parts import scrolled
from console.ui.switches.reasons import EVERYWHERE, Standing, why_not
from console.ui.switches.sheet import OFFLINE, ConfirmSheet

_AGES_MS = 1_000
_SIDE_BY_SIDE = 1_000
_KINDS = ("command", "switch", "observation", "incident", "triage", "timeline")
_EVERYWHERE = frozenset({"command", "switch", "observation", "timeline", "organisation"})
BY_HAND = "The stop cannot be relied on: do it by hand now, then record it here."


class SwitchesPanel(QWidget):
    """Kill switches of the chosen incident."""

    panel_id = "switches"
    panel_title = "Kill switches"

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._board: SwitchBoard | None = None
        self._around = SwitchSurroundings()
        self._asked, self._stale, self._reading, self._frozen, self._waiting = 0, True, False, False, ""
        self._around_of = 0
        self.head = Head(frame.theme, frame.policy.inventory)
        self._doing = Doing(frame, self)
        self.alarms = Alarms(frame.theme, frame.policy.inventory)
        self.detail = DetailView(frame, self)
        self.list, self._split = CardList(frame.theme, frame.policy), QSplitter(Qt.Orientation.Vertical)
        self._overlay = Overlay(self)
        self._overlay.put_list(self._build_list())
        self.pages = Pages(frame, self._overlay, self)
        self._ages = QTimer(self, interval=_AGES_MS)
        self._ages.timeout.connect(self._on_ages)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.panel_title)
        self._wire()

    # -- actions

    @property
    def sheet(self) -> ConfirmSheet | ApproveSheet | None:
        """The sheet that is open."""
        found: ConfirmSheet | ApproveSheet | None = self._overlay.sheet
        return found

    @property
    def _cards(self) -> list[SwitchCard]:
        return self.list.cards

    def action_state(self, action_id: str) -> str:
        """Why the action cannot be done now, empty when it can."""
        busy = self.sheet is not None and not self._shows_receipt()
        standing = Standing(
            locked=self._frame.session.locked,
            has_sheet=busy,
            is_its_sheet=busy and self._is_open_for(action_id),
            has_incident=bool(self._frame.selection.incident),
            board=self._board if self._is_fresh() else None,
            around=self._around if self._knows_around() else None,
            has_stopped=self.list.first_stopped is not None,
        )
        return why_not(action_id, standing)

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
        everywhere = {
            "switches.approve": self._approve_first,
            "switches.waiting": self.pages.open_waiting,
            "switches.capability": self.pages.open_capability,
            "switches.failed": self._go_to_failed,
            "switches.look_up": self._look_up_first,
        }
        if not (self._knows_around() if action_id in everywhere else self._is_fresh()):
            self._waiting = action_id
            self._reload()
            return
        if action_id in everywhere:
            everywhere[action_id]()
            return
        self._overlay.drop_page()
        {
            "switches.hold": self._hold,
            "switches.throw": self._hold,
            "switches.restore": self._restore_first,
            "switches.look": self._look,
            "switches.find": self._find,
        }.get(action_id, self._look)()

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

    def _knows_around(self) -> bool:
        """Whether what is loud and what waits was read after the last change."""
        return self._around_of == self._asked > 0 and not self._stale

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
        card = self.list.first_stopped
        if card is not None:
            self.open_sheet(card.reach, RUNNING)

    def _find(self) -> None:
        self.list.typed.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.list.typed.selectAll()

    def _look_up_first(self) -> None:
        ids = [one.command_id for one in self._around.failed if one.command_id]
        if ids:
            self._doing.look_up(ids[0])

    def _approve_first(self) -> None:
        asked = self._around.waiting.requests.for_me
        if asked:
            self._on_approve(asked[0])

    def _go_to_failed(self) -> None:
        """Brings the newest failed stop into view, in its own incident."""
        found = self._around.failed
        if found:
            self._on_go_to(found[0])

    def _on_go_to(self, one: FailedStop) -> None:
        self._overlay.drop_page()
        if self._frame.selection.incident != one.incident:
            self._frame.selection.choose_incident(one.incident, one.target)
        self.alarms.take_focus()

    def _on_by_hand(self, one: FailedStop) -> None:
        adapters = self._frame.policy.inventory.adapter_names(one.switch, one.target)
        step = self._frame.policy.switches.switch(one.switch).step
        self.open_sheet(Reach(one.switch, one.target, step, "", adapters, "", True, False), one.want, BY_HAND)

    # -- the sheet

    def open_sheet(self, reach: Reach, want: str, by_hand: str = "") -> None:
        """Arms a sheet on exactly this switch and item; does nothing while another one is open.

        With `by_hand` it is the fallback card, because of what that says.
        """
        if self.sheet is not None or self._board is None:
            return
        frame, policy = self._frame, self._frame.policy
        command_id = uuid7(int(frame.bridge.now().timestamp() * 1000), secrets.token_bytes(10))
        armed = armed_on(policy, self._board.incident, reach, want, command_id)
        sheet = ConfirmSheet(frame, armed, self)
        sheet.confirmed.connect(self._doing.capture)
        nobody = "" if reach.adapter else f"No adapter enforces {reach.switch} on {reach.target}."
        self._put_on(sheet, by_hand or nobody)

    def _put_on(self, sheet: ConfirmSheet | ApproveSheet, by_hand: str = "") -> None:
        sheet.closed.connect(self._on_closed)
        self._frame.bridge.person_changed.connect(sheet.disarm)  # somebody else, or nobody, would fire it
        self._overlay.put_sheet(sheet)
        sheet.open(by_hand)

    def _on_closed(self) -> None:
        if self._overlay.drop_sheet():
            self._reload()
            self._focus_list()

    def _focus_list(self) -> None:
        if self.list.current is not None:
            self.list.current.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_approve(self, request: Request) -> None:
        if self.sheet is None:
            self._put_on(ApproveSheet(self._frame, request, self))

    def _look(self) -> None:
        """Has the plane look at the chosen switch, or at the first one."""
        card = self.list.current
        if card is None or self._board is None:
            return
        if not card.reach.adapter or self._frame.bridge.connection.state in OFFLINE:
            self._frame.notices.say("Nobody can look there from here now; what is shown keeps its age.", "warning")
            return
        self._doing.look(self._board.incident, card.reach)

    # -- loading and showing

    def _reload(self) -> None:
        incident, policy = self._frame.selection.incident, self._frame.policy
        self._asked += 1
        self._stale = False
        self._frame.bridge.ask(
            switch_surroundings, policy.inventory, self._frame.bridge.now(), self._frame.session.person,
            owner=self, then=partial(self._on_around, self._asked),
        )  # fmt: skip
        if not incident:
            self._show(None)
            return
        self._reading = True
        self._frame.bridge.ask(
            switch_board, incident, policy.inventory, policy.switches, self._frame.selection.target,
            owner=self, then=partial(self._on_board, self._asked),
        )  # fmt: skip

    def _on_around(self, serial: int, around: SwitchSurroundings) -> None:
        if serial == self._asked:
            self._around, self._around_of = around, serial
            self.pages.show_waiting(around.waiting)
            self._show_around()
            self._go_on()

    def _on_board(self, serial: int, board: SwitchBoard | None) -> None:
        if serial == self._asked:
            self._reading = False
            self._show(board)

    def _show(self, board: SwitchBoard | None) -> None:
        self._board = board
        self.head.show_board(board)
        self.list.show_board(board)
        self._show_around()
        self._show_detail()
        self._go_on()

    def _go_on(self) -> None:
        """Does what was asked for before everything for it was read."""
        known = self._knows_around() if self._waiting in EVERYWHERE else self._is_fresh()
        if self._waiting and known:
            waiting, self._waiting = self._waiting, ""
            self.on_action(waiting)

    def _show_around(self) -> None:
        """What is loud and what waits, and the cards by it; before it was read there is nothing of it."""
        board = self._board
        step = board.proposal.reach if board is not None and board.proposal is not None else None
        incident = board.incident if board is not None else ""
        self.alarms.show_all(self._around.failed, self._around.waiting.requests.for_me, incident, step)
        self._refresh_cards()

    def _refresh_cards(self) -> None:
        self.list.refresh(self._board, self._around.automatic, self._frame.bridge.now())

    def _on_stop(self, reach: Reach) -> None:
        self.open_sheet(reach, STOPPED)

    def _on_restore(self, reach: Reach) -> None:
        self.open_sheet(reach, RUNNING)

    def _show_detail(self) -> None:
        card = self.list.current
        self.detail.setVisible(card is not None)
        if card is not None:
            self.detail.show_reach(card.reach)

    # -- how it is wired

    def _build_list(self) -> QWidget:
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(8, 8, 8, 8)
        for widget in (self.head, self.alarms):
            box.addWidget(widget)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.list)
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
        frame.bridge.person_changed.connect(self._on_person)
        self._doing.looked.connect(self.detail.keep_look)
        self.alarms.look_up.connect(self._doing.look_up)
        self.alarms.by_hand.connect(self._on_by_hand)
        self.alarms.go_to.connect(self._on_go_to)
        self.alarms.wider.connect(self._on_stop)
        for asking in (self.alarms, self.pages):
            asking.approve.connect(self._on_approve)
        self.pages.left.connect(self._focus_list)
        self.list.chosen.connect(self._show_detail)
        self.list.stop.connect(self._on_stop)
        self.list.restore.connect(self._on_restore)
        self.list.take_over.connect(self.pages.take_over)
        self.detail.look_up.connect(self._doing.look_up)
        self.detail.hide()
        self.alarms.hide()

    def _on_changed(self, changes: Changes) -> None:
        incident = self._frame.selection.incident
        if not (changes.kinds & _EVERYWHERE or any(changes.touches(kind, incident) for kind in _KINDS)):
            return
        self._stale = True
        if self.isVisible() and not self._frozen and self.sheet is None:  # a sheet covers it and is loaded on its own
            self._reload()

    def _on_person(self) -> None:
        self._overlay.drop_page()  # what waits is of somebody else now
        self._stale = True
        if self.isVisible():
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

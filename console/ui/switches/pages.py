"""The pages of the panel that only show or settle: what waits, what is owed, what each switch can do where.

None of them moves a switch; whatever does is asked of the panel by a signal.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from console.queries.automatic_stops import AutomaticStop
from console.queries.capability import capability_rows
from console.queries.reviews import OwedReview
from console.queries.switches import Request
from console.queries.waiting import Waiting
from console.ui.frame import Frame
from console.ui.switches.capability_page import CapabilityPage
from console.ui.switches.overlay import Overlay
from console.ui.switches.settle import SettleSheet, WithdrawSheet, as_owed
from console.ui.switches.waiting_page import WaitingPage


class Pages(QObject):
    """Signals: `approve(Request)`, `left()` when the list is to be seen again."""

    approve = Signal(object)
    left = Signal()

    def __init__(self, frame: Frame, overlay: Overlay, parent: QObject) -> None:
        super().__init__(parent)
        self._frame, self._overlay = frame, overlay
        self._waiting: Waiting | None = None
        self._back_to_waiting = False

    def show_waiting(self, found: Waiting) -> None:
        """Keeps what waits, and shows it where its page is open."""
        self._waiting = found
        if isinstance(self._overlay.page, WaitingPage):
            self._overlay.page.show_waiting(found)

    def open_waiting(self) -> None:
        """Opens the page of what waits."""
        page = WaitingPage(self._frame)
        page.approve.connect(self.approve)
        page.withdraw.connect(self._withdraw)
        page.settle.connect(self._settle)
        page.left.connect(self._leave)
        self._back_to_waiting = False
        self._overlay.put_page(page)
        if self._waiting is not None:
            page.show_waiting(self._waiting)
        page.take_focus()

    def open_capability(self) -> None:
        """Opens the page of what each switch can do where."""
        policy = self._frame.policy
        page = CapabilityPage(self._frame.theme, policy.switches)
        page.left.connect(self._leave)
        self._overlay.put_page(page)
        page.take_focus()
        self._frame.bridge.ask(capability_rows, policy.inventory, policy.switches, owner=page, then=page.show_rows)

    def take_over(self, stop: AutomaticStop) -> None:
        """Opens the sheet that takes an automatic stop over."""
        self._open(SettleSheet(self._frame, as_owed(stop)))

    def _settle(self, owed: OwedReview) -> None:
        self._open(SettleSheet(self._frame, owed), back=True)

    def _withdraw(self, request: Request) -> None:
        self._open(WithdrawSheet(self._frame, request), back=True)

    def _open(self, sheet: SettleSheet | WithdrawSheet, *, back: bool = False) -> None:
        self._back_to_waiting = back
        sheet.left.connect(self._leave)
        self._overlay.put_page(sheet)
        sheet.take_focus()

    def _leave(self) -> None:
        if self._back_to_waiting:
            self.open_waiting()
        elif self._overlay.drop_page():
            self.left.emit()

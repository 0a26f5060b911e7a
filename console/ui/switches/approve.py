"""The second person's sheet: their own look at what somebody else wants to do, then a held button that signs it.

What is approved is the request word for word; when their own preview shows anything else, it cannot be approved.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from console.actions.approvals import give_approval
from console.domain.changes import Changes
from console.domain.confirmation import Preview
from console.domain.switches import STOPPED
from console.domain.times import parse_utc
from console.queries.switches import Request
from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.switches.hold_button import HoldButton
from console.ui.switches.looking import look_from
from console.ui.switches.parts import Band, Dim, Line, Numbers, row_of
from console.ui.switches.words import breadcrumb

TICK_MS = 200


class ApproveSheet(QWidget):
    """Signals: `closed()`."""

    closed = Signal()

    def __init__(self, frame: Frame, request: Request, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self._request = frame, request
        self._preview: Preview | None = None
        self._trouble, self._done = "The plane is asked what it sees.", False
        self._verb = "STOP" if request.want == STOPPED else "RESTORE"
        theme, times = frame.theme, frame.policy.switches.times
        self.numbers, self.button = Numbers(theme), HoldButton(theme, times)
        self.button.set_verb("approve")
        self.button.setEnabled(False)
        self._gates, self._left = Line(theme, "", wrap=True), Dim(theme)
        self._cancel = QPushButton("Not now (Esc)")
        self._build()
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._judge)
        self.button.confirmed.connect(self._on_gesture)
        self._cancel.clicked.connect(self.disarm)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def open(self, _: str = "") -> None:
        """Looks with this person's own eyes."""
        self._tick.start()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        one = self._request
        self._frame.bridge.errand(
            lambda client: client.select(one.incident, one.switch, one.target, one.want),
            owner=self,
            then=self._on_selected,
            failed=self._on_failed,
        )
        self._judge()

    @property
    def unmet(self) -> str:
        """Why it cannot be approved now, "" when it can."""
        now, one, preview = self._frame.bridge.now(), self._request, self._preview
        if preview is None:
            return self._trouble
        if parse_utc(one.expires) <= preview.on_plane(now):
            return "The request is over; have it asked again."
        seen = (preview.generation, preview.blast_radius, preview.policy_hash)
        if seen != (one.generation, one.blast_radius, one.policy_hash):
            return "What you see is not what you are asked to approve: it moved meanwhile. Have it asked again."
        if not self._frame.session.signed_in:
            return "Sign in with your passphrase: an approval carries your signature."
        if self.numbers.visible_ms < self._frame.policy.switches.times.dwell_ms:
            return "Read the numbers first."
        return ""

    def disarm(self) -> None:
        """Closes it without a signature."""
        self._tick.stop()
        self.button.fire_no_more()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self.disarm()
        else:
            super().keyPressEvent(event)

    def _on_selected(self, exchange: Any) -> None:
        self._preview = look_from(exchange).preview
        self.numbers.show_preview(self._preview)
        self._judge()

    def _on_failed(self, error: BaseException) -> None:
        self._trouble = sentence_of(error)
        self._judge()

    def _judge(self) -> None:
        if self._done:
            return
        now, why = self._frame.bridge.now(), self.unmet
        self.numbers.tell_age(now)
        plane_now = self._preview.on_plane(now) if self._preview is not None else now
        left = max(int((parse_utc(self._request.expires) - plane_now).total_seconds()), 0)
        self._left.setText(f"The request ends in {left // 60}:{left % 60:02d}.")
        self._gates.setText(why or "Tab to the button and hold Space for one second, or press it twice, to sign.")
        self.button.setEnabled(not why)

    def _on_gesture(self, _: str) -> None:
        self._done = True
        self.button.setEnabled(False)
        self._frame.bridge.act(
            give_approval, self._request.incident, self._request.event_id, self._frame.session.actor(),
            preview=self._preview, owner=self, then=self._on_given, failed=self._on_refused,
        )  # fmt: skip

    def _on_given(self, _: Changes) -> None:
        self._frame.notices.say("Your approval is signed and on its way.", "info")
        self.disarm()

    def _on_refused(self, error: BaseException) -> None:
        self._frame.notices.say(sentence_of(error), "error")
        self.disarm()

    def _build(self) -> None:
        theme, one = self._frame.theme, self._request
        head = Band(theme, "warning")
        inner = QVBoxLayout(head)
        inner.setContentsMargins(16, 8, 8, 8)
        inner.addWidget(Dim(theme, f"{one.asked_by} asks you to approve", font="body"))
        crumb = breadcrumb(self._frame.policy.inventory, one.target, one.switch)
        inner.addWidget(Line(theme, f"{self._verb}   {crumb}", "large", wrap=True))
        inner.addWidget(Line(theme, f"Reason: {one.reason}", wrap=True))
        box = QVBoxLayout(self)
        box.addWidget(head)
        box.addWidget(self.numbers)
        box.addWidget(Line(theme, f"Reaches {', '.join(one.blast_radius.ids)} ({one.blast_radius.scope}).", wrap=True))
        box.addWidget(self._left)
        box.addStretch(1)
        box.addWidget(self._gates)
        self._cancel.setAutoDefault(False)
        box.addLayout(row_of(self._cancel, Dim(theme), self.button, stretch=1))

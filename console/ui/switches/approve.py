"""The second person's sheet: their own look at what somebody else wants to do, then a held button that signs it.

What is approved is the request word for word; when their own preview shows anything else, it cannot be approved.
"""

from __future__ import annotations

import itertools
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from console.actions.approvals import decline_approval, give_approval
from console.domain.blast import blast_report
from console.domain.changes import Changes
from console.domain.confirmation import Preview
from console.domain.switches import STOPPED
from console.domain.times import parse_utc
from console.queries.switches import Request
from console.ui.bridge import sentence_of
from console.ui.chips import StateChip
from console.ui.frame import Frame
from console.ui.switches.comparing import Field, compared, differing
from console.ui.switches.hold_button import HoldButton
from console.ui.switches.looking import look_from
from console.ui.switches.parts import Band, Dim, Line, Numbers, row_of, scrolled
from console.ui.switches.reach_view import ReachView
from console.ui.switches.words import breadcrumb, countdown
from console.ui.text import display

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
        self.reach, self.fields = ReachView(theme), Line(theme, "", wrap=True)
        self.differs = Line(theme, "", "title", wrap=True)
        self.differs.hide()
        self.why_not, self.no = QLineEdit(), QPushButton("Decline")
        self._cancel = QPushButton("Not now (Esc)")
        self._build()
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._judge)
        self.button.confirmed.connect(self._on_gesture)
        self._cancel.clicked.connect(self.disarm)
        self.no.clicked.connect(self._on_declined)
        self.why_not.textChanged.connect(self._on_why_not)
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
        differs = differing(compared(one, preview))
        if differs:
            return f"What you see is not what you are asked to approve ({differs}): have it asked again, or decline."
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
        inventory, one, preview = self._frame.policy.inventory, self._request, self._preview
        if one.target in inventory.items:
            now = self._frame.bridge.now()
            self.reach.show_report(blast_report(inventory, one.target, preview.reached, preview.counted_at, now))
        fields = compared(one, preview)
        self.differs.setText("\n".join(_field_words(field) for field in fields if not field.same))
        self.differs.setVisible(bool(differing(fields)))
        self.fields.setText("\n".join(_field_words(field) for field in fields if field.same))
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
        self._left.setText(f"The request ends in {countdown(left)}.")
        self._gates.setText(why or "Tab to the button and hold Space for one second, or press it twice, to sign.")
        self.button.setEnabled(not why)

    def _on_gesture(self, _: str) -> None:
        self._done = True
        self.button.setEnabled(False)
        self._frame.bridge.act(
            give_approval, self._request.incident, self._request.event_id, self._frame.session.actor(),
            preview=self._preview, approver_age_h=self._frame.policy.switches.limits.approver_age_h,
            owner=self, then=self._on_given, failed=self._on_refused,
        )  # fmt: skip

    def _on_why_not(self, text: str) -> None:
        self.no.setEnabled(bool(text.strip()))

    def _on_declined(self, _: bool = False) -> None:
        self._done = True
        self.button.setEnabled(False)
        self.no.setEnabled(False)
        one = self._request
        self._frame.bridge.act(
            decline_approval, one.incident, one.event_id, self.why_not.text(), actor=self._frame.session.actor(),
            owner=self, then=self._on_said_no, failed=self._on_refused,
        )  # fmt: skip

    def _on_said_no(self, _: Changes) -> None:
        self._frame.notices.say("You declined; whoever asked is told why.", "info")
        self.disarm()

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
        crumb = _crumb(self._frame, one)
        inner.addWidget(Line(theme, f"{self._verb}   {crumb}", "large", wrap=True))
        inner.addWidget(Line(theme, f"Reason: {one.reason}", wrap=True))
        if one.device == self._frame.bridge.desk.settings.device_key.id:
            inner.addLayout(row_of(StateChip(theme, "SAME DESK: a third person reviews it", "diamond", "warning")))
        inside = QWidget()
        middle = QVBoxLayout(inside)
        middle.setContentsMargins(0, 0, 4, 0)
        middle.addWidget(Dim(theme, "WHAT YOU ARE ASKED FOR, BESIDE WHAT YOU SEE YOURSELF"))
        for widget in (self.differs, self.fields):
            middle.addWidget(widget)
        middle.addWidget(Dim(theme, "WHAT YOU SEE YOURSELF"))
        for widget in (self.numbers, self.reach):
            middle.addWidget(widget)
        middle.addStretch(1)
        box = QVBoxLayout(self)
        box.addWidget(head)
        box.addWidget(scrolled(inside), 1)
        box.addWidget(self._left)
        box.addWidget(self._gates)
        self.why_not.setPlaceholderText("To decline, write why")
        self.why_not.setAccessibleName("Why you decline")
        self.why_not.setMaxLength(1_000)
        self.no.setEnabled(False)
        self.no.setAccessibleName(f"Decline: {self._verb} {display(crumb, 200)}")
        for button in (self._cancel, self.no):
            button.setAutoDefault(False)
        box.addLayout(row_of(self.why_not, self.no, stretch=0))
        box.addLayout(row_of(self._cancel, Dim(theme), self.button, stretch=1))
        chain = (self.button, self.why_not, self.no, self._cancel)
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)
        self.setAccessibleName(f"Asked to approve: {self._verb} {display(crumb, 200)}")


def _crumb(frame: Frame, one: Request) -> str:
    known = one.target in frame.policy.inventory.items
    return breadcrumb(frame.policy.inventory, one.target, one.switch) if known else f"{one.target} / {one.switch}"


def _field_words(field: Field) -> str:
    if field.same:
        return f"\u25a0 {field.name}: {field.asked}, and you see the same"
    return f"\u25b2 DIFFERS, {field.name}: asked for {field.asked}; you see {field.seen}"

"""The confirmation sheet: armed on one target for good, it looks, asks for what the gates ask for, and fires once.

Only a held button or a second deliberate press confirms, and only while `draft.judge` finds nothing unmet; the writer
and the plane judge again. Closing it disarms. Whatever is chosen elsewhere meanwhile, the target stays (SWI-3, SWI-8).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from console.actions.sightings import record_sighting
from console.actions.switches import confirm_switch
from console.domain.blast import blast_report
from console.domain.changes import Changes
from console.domain.commands import ENDS
from console.domain.gates import Unmet
from console.queries.commands import CommandView, command
from console.queries.switches import SheetFacts, Word, sheet_facts
from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.switches import draft as drafting
from console.ui.switches.asking import Asking
from console.ui.switches.draft import Armed, Draft
from console.ui.switches.fallback import FallbackCard, FallbackPage
from console.ui.switches.form import SheetForm
from console.ui.switches.keeping import Keeping
from console.ui.switches.looking import Look, look_from
from console.ui.switches.progress import ReceiptPage, ReceiptView
from console.ui.switches.words import observed_sign, observed_words

TICK_MS = 200
OFFLINE = ("offline", "stopped", "alarm")
_TOUCHING = frozenset({"command", "switch", "timeline", "criterion", "evidence", "organisation"})


class ConfirmSheet(QWidget):
    """Signals: `closed()`; `confirmed(Armed)` when the order was written."""

    closed = Signal()
    confirmed = Signal(object)

    def __init__(self, frame: Frame, armed: Armed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self.armed = frame, armed
        self._look: Look | None = None
        self._facts: SheetFacts | None = None
        self._asked_look = self._asked_facts = 0
        self._fired = self._locked = self._approved = False
        self._trouble = ""
        self.form = SheetForm(frame.theme, armed, frame.policy.switches.times)
        self.receipt = ReceiptView(frame.theme)
        self.fallback: FallbackCard | None = None
        self._keeping = Keeping(frame, armed, self.form)
        self._asking = Asking(frame, armed, self)
        self._end = ReceiptPage(frame.theme, f"{armed.verb}   {armed.breadcrumb}", self.receipt)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.form)
        self._stack.addWidget(self._end)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Sheet: {armed.verb} {armed.breadcrumb}")
        self._tick = QTimer(self, interval=TICK_MS)
        self._wire()

    def open(self, by_hand: str = "") -> None:
        """Looks, and begins to watch the gates; offline, or when `by_hand` says why, the fallback card is shown."""
        self._tick.start()
        self._keeping.open()
        self.form.order_tabs()
        self.take_focus()
        if by_hand:
            self._refuse_offline(by_hand, "It is done by hand")
        elif self._frame.bridge.connection.state in OFFLINE:
            self._refuse_offline(self._frame.bridge.connection.sentence)
        else:
            self._select()
        self._reload()

    def take_focus(self) -> None:
        """Gives the focus to where the person goes on: what is still to be filled in, else the button."""
        wanted = self if self._fired else self.fallback or self.form.first_to_fill() or self
        wanted.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def is_fired(self) -> bool:
        """Whether its order was written."""
        return self._fired

    @property
    def is_over(self) -> bool:
        """Whether its command came to an end and the hand that confirmed it has had time to leave the key."""
        return self._fired and not self._locked and self.receipt.state in ENDS

    @property
    def unmet(self) -> tuple[Unmet, ...]:
        """The gates that are not met now."""
        if self._fired:
            return ()
        if self._trouble:
            return (Unmet("select", self._trouble),)
        now = self._frame.bridge.now()
        found = drafting.judge(self.armed, self._draft(), self._facts, self._frame.policy, now)
        if not self._frame.session.signed_in:
            found = (*found, Unmet("signed_in", "Sign in with your passphrase: a switch carries your signature."))
        if self._frame.bridge.connection.state in OFFLINE:
            found = (*found, Unmet("offline", "The plane is out of reach, so nothing can be sent."))
        return found

    def disarm(self) -> None:
        """Closes it, unless the order has just been written and the hand may still be moving."""
        if self._locked:
            return
        self._tick.stop()
        self.form.button.fire_no_more()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self.disarm()
        else:
            super().keyPressEvent(event)

    # -- looking

    def _select(self) -> None:
        armed, self._look, self._trouble = self.armed, None, ""
        self._asked_look += 1
        self.form.show_look(None, ("looking …", "half", "normal"), "The plane is asked what it sees.")
        self._frame.bridge.errand(
            lambda client: client.select(armed.incident, armed.switch.id, armed.target, armed.want),
            owner=self,
            then=partial(self._on_selected, self._asked_look),
            failed=partial(self._on_select_failed, self._asked_look),
        )
        self._judge()

    def _on_selected(self, serial: int, exchange: Any) -> None:
        if serial != self._asked_look or self._fired:
            return
        look = look_from(exchange)
        self._look = look
        self._frame.bridge.act(
            record_sighting, switch=self.armed.switch.id, target=self.armed.target, preview=look.preview,
            method=look.method, seen_at=look.seen_at, command_id=look.command_id, capabilities=look.capabilities,
            owner=self, failed=_ignore,
        )  # fmt: skip
        self._show_look()
        self._judge()

    def _on_select_failed(self, serial: int, error: BaseException) -> None:
        if serial != self._asked_look or self._fired:
            return
        self._trouble = sentence_of(error)
        self.form.show_look(None, ("no answer", "cross", "abnormal"), self._trouble)
        if self._frame.bridge.connection.state in OFFLINE:
            self._refuse_offline(self._trouble)
        self._judge()

    def _show_look(self) -> None:
        if self._look is None:
            return
        preview, now = self._look.preview, self._frame.bridge.now()
        fresh = self._frame.policy.switches.times.observation_fresh_s
        word = Word(preview.state, preview.observed_at, "plane", self._look.method)
        words = observed_words(word, now, fresh)
        if preview.state == self.armed.want:
            words += f"; it is {preview.state} already"
        report = blast_report(self._frame.policy.inventory, self.armed.target, preview.reached, preview.counted_at, now)
        self.form.show_look(self._look, observed_sign(word, word, now, fresh), words, report)

    # -- what the record knows

    def _reload(self) -> None:
        armed = self.armed
        if self._fired:
            self._frame.bridge.ask(command, armed.command_id, owner=self, then=self._on_receipt)
            return
        self._asked_facts += 1
        self._frame.bridge.ask(
            sheet_facts, armed.incident, armed.switch, armed.target, armed.command_id, self._frame.bridge.now(),
            self._frame.session.person, owner=self, then=partial(self._on_facts, self._asked_facts),
        )  # fmt: skip

    def _on_facts(self, serial: int, facts: SheetFacts) -> None:
        if serial != self._asked_facts or self._fired:
            return
        self._facts = facts
        if self.form.criteria is not None:
            self.form.criteria.show_facts(facts)
        self._tell_role(facts)
        if self.armed.wide and not self._approved and self._approvals():
            self._approved = True  # the last signature looks again, then the order's 30 s begin
            self._select()
        self._judge()

    def _tell_role(self, facts: SheetFacts) -> None:
        role = drafting.role_of(self.armed, self._draft(), facts)
        stands_for = drafting.for_owner(self.armed, role)
        words = f"You act as {role.replace('_', ' ')}." if role else "You hold no role here."
        owner = stands_for.replace("_", " ")
        if owner:
            words += (
                f" It is not yours: you stop it for the absent owner ({owner}), who is named in the order and paged."
            )
        self.form.show_role(words, owner)
        if self.form.second is not None:
            left = drafting.glass_left(self.armed, self._draft(), facts, self._frame.policy)
            self.form.second.show_glass(left, self._frame.policy.switches.limits.break_glass_per_hour)

    def _approvals(self) -> tuple[Any, ...]:
        if self._facts is None:
            return ()
        return drafting.approvals(self.armed, self._draft(), self._facts, self._frame.bridge.now())

    def _draft(self) -> Draft:
        reason, typed, glass = self.form.written
        return Draft(
            person=self._frame.session.person,
            preview=self._look.preview if self._look is not None else None,
            reason=reason,
            typed_name=typed,
            break_glass=glass,
            dwell_ms=self.form.numbers.visible_ms,
            cited=self.form.cited,
        )

    # -- the gates, live

    def _judge(self) -> None:
        if self._fired:
            return
        unmet = self.unmet
        ready = not unmet
        if ready != self.form.button.isEnabled():
            self.form.button.setEnabled(ready)
            waits = self.focusWidget() in (None, self) and not self.armed.gated
            if ready and (waits or self.form.wants_button):
                self.form.button.setFocus(Qt.FocusReason.OtherFocusReason)
        self.form.show_gates(unmet, "Every gate is met. " + self.form.how_to_fire)
        if self.form.second is not None:
            request = self._facts.request if self._facts is not None else None
            now = self._frame.bridge.now()
            now = self._look.preview.on_plane(now) if self._look is not None else now
            self.form.second.show_request(request, self._approvals(), now)

    def _on_tick(self) -> None:
        now: datetime = self._frame.bridge.now()
        if not self._fired:
            self.form.show_age(now)
            self._judge()

    def _on_edited(self) -> None:
        self.form.button.take_back()
        self._judge()

    # -- firing

    def _on_gesture(self, gesture: str) -> None:
        unmet = self.unmet
        if unmet or self._fired or self._facts is None or self._look is None:
            self.form.button.set_verb(f"{self.armed.verb} {self.armed.item.name}")
            self._judge()
            return
        now = self._frame.bridge.now()
        made, facts = self._draft(), self._facts
        order = drafting.confirmation(self.armed, made, facts, gesture, now)
        role = drafting.role_of(self.armed, made, facts)
        self._fired = self._locked = True
        self.form.button.setEnabled(False)
        self._frame.bridge.act(
            confirm_switch,
            order,
            inventory=self._frame.policy.inventory,
            catalogue=self._frame.policy.switches,
            policy_hash=self._frame.policy.hash,
            actor=self._frame.session.actor(role),
            owner=self,
            then=self._on_written,
            failed=self._on_refused,
        )
        QTimer.singleShot(self._frame.policy.switches.times.lockout_ms, self, self._on_lockout_over)

    def _on_written(self, _: Changes) -> None:
        mine = self._has_focus()
        self._keeping.drop()
        self._stack.setCurrentIndex(1)
        if mine:  # the button is gone, and Esc must still be heard here
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.confirmed.emit(self.armed)
        self._reload()

    def _on_refused(self, error: BaseException) -> None:
        self._fired = False
        self.form.say("")
        self.form.button.set_verb(f"{self.armed.verb} {self.armed.item.name}")
        self._frame.notices.say(sentence_of(error), "error")
        self._select()
        self._reload()
        self.take_focus()

    def _on_lockout_over(self) -> None:
        self._locked = False
        self._end.close_button.setEnabled(True)
        if self._fired and self.isVisible() and self._has_focus():
            self._end.close_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _has_focus(self) -> bool:
        held = self.window().focusWidget()
        return held is None or held is self or self.isAncestorOf(held)

    def _on_receipt(self, view: CommandView | None) -> None:
        self.receipt.show_view(view, self._frame.policy.inventory.adapters_for(self.armed.switch.id, self.armed.target))

    # -- asking others

    def _on_ask_second(self) -> None:
        reason = self.form.written[0]
        if self._look is None or not reason:
            self.form.say("Write the reason first; the second person decides by it.")
            self.form.reason.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._approved = False
        self._asking.ask_second(self._look.preview, reason)

    def _on_measuring(self, busy: bool) -> None:
        if self.form.criteria is not None:
            self.form.criteria.set_busy(busy)

    # -- offline, or nobody enforces it

    def _refuse_offline(self, why: str, head: str = "") -> None:
        if self.fallback is not None or self._fired:
            return
        theme, armed = self._frame.theme, self.armed
        self.fallback = FallbackCard(theme, armed.switch, why, head)
        self.fallback.used.connect(self._asking.note_by_hand)
        self._keeping.open_fallback(self.fallback)
        page = FallbackPage(theme, f"{armed.verb}   {armed.breadcrumb}", self.fallback)
        page.left.connect(self.disarm)
        self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        self.take_focus()

    def _on_recorded(self) -> None:
        if self.fallback is not None:
            self._keeping.drop()
            self.fallback.show_recorded("It stands in the timeline, with the time. The switch itself was not moved.")

    # -- how it is wired

    def _wire(self) -> None:
        form, bridge = self.form, self._frame.bridge
        form.button.setEnabled(False)
        form.button.confirmed.connect(self._on_gesture)
        form.changed.connect(self._on_edited)
        form.look_again.connect(self._select)
        form.cancel.connect(self.disarm)
        self._end.left.connect(self.disarm)
        form.numbers.seen.connect(self._judge, Qt.ConnectionType.QueuedConnection)
        if form.criteria is not None:
            form.criteria.ask.connect(self._asking.ask_owner)
            form.criteria.measure.connect(self._asking.measure)
        if form.second is not None:
            form.second.ask.connect(self._on_ask_second)
            form.second.withdraw.connect(self._asking.withdraw)
        self.receipt.look_up.connect(self._asking.look_up)
        self._asking.said.connect(form.say)
        self._asking.measuring.connect(self._on_measuring)
        self._asking.recorded.connect(self._on_recorded)
        self._tick.timeout.connect(self._on_tick)
        bridge.changed.connect(self._on_changed)
        bridge.connection_changed.connect(self._on_connection)

    def _on_changed(self, changes: Changes) -> None:
        if changes.kinds & _TOUCHING and (self.armed.incident in changes.incidents or "organisation" in changes.kinds):
            self._reload()

    def _on_connection(self, connection: Any) -> None:
        if connection.state in OFFLINE and not self._fired and self._look is None:
            self._refuse_offline(connection.sentence)
        self._judge()


def _ignore(_: BaseException) -> None:
    """A sighting that could not be kept is no reason to stop anybody."""

"""Lending a role for a while, and taking it back: two small sheets; the rules are those of the record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox

from console.actions.people import delegate_role, recall_role
from console.domain.changes import Changes
from console.domain.times import format_utc
from console.ui.frame import Frame
from console.ui.page_parts import field
from console.ui.page_sheet import PageSheet
from console.ui.people.words import role_title, time_left
from console.ui.text import display

MAX_REASON = 500
SHIFT_ENDS = (6, 14, 22)
"""Hours of the day (UTC) at which a shift ends."""
SPANS = ((1, "1 hour"), (4, "4 hours"), (0, "end of the shift"), (24, "24 hours"))
MOST_NAME = 60
WHEN = ", as soon as the plane has it"


def end_of_shift(now: datetime) -> datetime:
    """The next end of a shift that is at least a minute away."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = [day + timedelta(days=days, hours=hour) for days in (0, 1) for hour in SHIFT_ENDS]
    return next(end for end in ends if end - now >= timedelta(minutes=1))


class LendSheet(PageSheet):
    """Signals: `done(str)` with what was done, in one sentence."""

    done = Signal(str)

    def __init__(self, frame: Frame, people: Sequence[tuple[str, str]], roles: Sequence[str]) -> None:
        super().__init__(
            frame, "Lend a role", "The person can act in this role until it ends by itself. It is signed by you, every "
            "desk sees it, and it cannot be lent on. You keep the role.", "Lend it", "the people page",
        )  # fmt: skip
        self.person, self.role, self.span = QComboBox(), QComboBox(), QComboBox()
        for person, name in people:
            self.person.addItem(_named(name, person), person)
        for role in roles:
            self.role.addItem(role_title(frame.policy, role), role)
        for hours, text in (span for span in SPANS if span[0] <= self._most_h()):
            self.span.addItem(f"{text}, until {self._end(hours):%d %b %H:%M} UTC", hours)
        self.reason = field("Why the role is lent", "Why, in one line", MAX_REASON)
        _named_fields(self, (("To whom", self.person), ("Which role", self.role), ("Until", self.span)))
        self.add("Why", self.reason)

    def missing(self) -> str:  # noqa: D102
        return "" if self.reason.text().strip() else "Write why the role is lent; it stands in the record."

    def confirm(self) -> None:  # noqa: D102
        person, role = str(self.person.currentData()), str(self.role.currentData())
        until = self._end(int(self.span.currentData()))
        lasts = time_left(format_utc(until), self._now())
        told = f"{self.role.currentText()} is lent to {self.person.currentText()} {lasts}{WHEN}."
        self.frame.bridge.act(
            delegate_role, person, role, until, self.reason.text().strip(), actor=self.frame.session.actor(role),
            most_h=self._most_h(), owner=self, then=partial(self._on_done, told), failed=self.failed,
        )  # fmt: skip

    def _end(self, hours: int) -> datetime:
        if not hours:
            return end_of_shift(self._now())
        # A minute short of the longest, so that a plane whose clock is a little behind does not refuse it.
        return self._now() + timedelta(hours=hours, minutes=-1 if hours == self._most_h() else 0)

    def _most_h(self) -> int:
        return self.frame.policy.switches.limits.delegation_max_h

    def _now(self) -> datetime:
        now: datetime = self.frame.bridge.now()
        return now

    def _on_done(self, told: str, _: Changes) -> None:
        self.done.emit(told)
        self.left.emit()


class TakeBackSheet(PageSheet):
    """Signals: `done(str)`. `loans` are (person, their name, role, until)."""

    done = Signal(str)

    def __init__(self, frame: Frame, loans: Sequence[tuple[str, str, str, str]]) -> None:
        super().__init__(
            frame, "Take a role back", "It ends at once, for every desk that hears of it; one that is offline goes by "
            "the end that was set.", "Take it back", "the people page",
        )  # fmt: skip
        self.loan = QComboBox()
        for person, name, role, until in loans:
            left = time_left(until, frame.bridge.now())
            self.loan.addItem(f"{role_title(frame.policy, role)}: {_named(name, person)}, {left}", (person, role))
        self.reason = field("Why it is taken back", "Why, in one line", MAX_REASON)
        _named_fields(self, (("Which one", self.loan),))
        self.add("Why", self.reason)

    def missing(self) -> str:  # noqa: D102
        return "" if self.reason.text().strip() else "Write why it is taken back; it stands in the record."

    def confirm(self) -> None:  # noqa: D102
        person, role = self.loan.currentData()
        told = f"{role_title(self.frame.policy, role)} is taken back from {display(person, MOST_NAME)}{WHEN}."
        self.frame.bridge.act(
            recall_role, person, role, self.reason.text().strip(), actor=self.frame.session.actor(role),
            owner=self, then=partial(self._on_done, told), failed=self.failed,
        )  # fmt: skip

    def _on_done(self, told: str, _: Changes) -> None:
        self.done.emit(told)
        self.left.emit()


def _named(name: str, person: str) -> str:
    person = display(person, MOST_NAME)
    return f"{display(name, MOST_NAME)} ({person})" if name and name != person else person


def _named_fields(sheet: PageSheet, fields: Sequence[tuple[str, QComboBox]]) -> None:
    for name, box in fields:
        box.setAccessibleName(name)
        box.setMinimumContentsLength(20)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        sheet.add(name, box)

"""Whom to phone: for each role this incident needs the people of the roster, with numbers that can be selected.

It is made of data alone, so that it is there when the plane, the pager and the network are not. Numbers are text and
no links: nothing here dials.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from console.domain.roster import RosterEntry
from console.ui.frame import Frame
from console.ui.page_parts import Plate, button, words
from console.ui.people.words import role_title
from console.ui.words import Words

NO_INCIDENT = "No incident is chosen: this is everybody."
FOR = "For {}{}: the owners first, then whom its severity pages."
NOBODY = "The phone list names nobody for: {}. Ask whoever you reach first who takes it."
MOST_NAME, MOST_PHONE, MOST_HOURS = 60, 40, 120
NAME_PX, PHONE_PX = 260, 170


class PhoneList(QWidget):
    """Signals: `left()`."""

    left = Signal()

    def __init__(self, frame: Frame, roles: Sequence[str], about: str) -> None:
        super().__init__()
        theme = frame.theme
        gap = theme.px("space_2")
        self.phones: list[Words] = []
        body = QWidget(self)
        rows = QVBoxLayout(body)
        rows.setContentsMargins(0, 0, gap, 0)
        nobody = []
        for role in roles:
            people = frame.policy.roster.phone_list((role,))
            if people:
                rows.addWidget(self._role(frame, role, people))
            else:
                nobody.append(role_title(frame.policy, role))
        if nobody:
            rows.addWidget(words(theme, NOBODY.format(", ".join(nobody)), "strong"))
        rows.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName("Phone numbers")
        area.setWidget(body)
        self._area = area
        self.back = button("Back   Esc", "Back to the people page", self._on_back)
        self.back.setMinimumHeight(theme.px("button"))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        head = QHBoxLayout()
        head.addWidget(words(theme, "Whom to phone", "title"), 1)
        head.addWidget(self.back)
        whole.addLayout(head)
        whole.addWidget(words(theme, about, "body", "text_dim"))
        whole.addWidget(area, 1)
        self.setAccessibleName("Whom to phone")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        first = self.phones[0] if self.phones else self.back
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _role(self, frame: Frame, role: str, people: Sequence[RosterEntry]) -> QWidget:
        theme = frame.theme
        plate = Plate(theme, "square", "accent")
        plate.rows.addWidget(words(theme, role_title(frame.policy, role), "strong"))
        for one in people:
            plate.rows.addLayout(self._person(frame, role, one))
        return plate

    def _person(self, frame: Frame, role: str, one: RosterEntry) -> QHBoxLayout:
        theme, line = frame.theme, QHBoxLayout()
        stands_in = "" if role in one.roles else " (stands in)"
        name = words(theme, one.display_name[:MOST_NAME] + stands_in)
        name.setFixedWidth(NAME_PX)
        phone = words(theme, one.phone or "no number known", "strong", limit=MOST_PHONE)
        phone.setFixedWidth(PHONE_PX)
        selectable(phone, f"Phone of {name.text()}, {role_title(frame.policy, role)}: {phone.text()}")
        self.phones.append(phone)
        for part in (name, phone):
            line.addWidget(part)
        line.addWidget(words(theme, one.hours, "small", "text_dim", limit=MOST_HOURS), 1)
        return line

    def _on_back(self, _: bool = False) -> None:
        self.left.emit()


def selectable(label: Words, name: str) -> None:
    """Lets a text be reached by Tab, selected and copied; it is never a link."""
    flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    label.setTextInteractionFlags(flags)
    label.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    label.setAccessibleName(name)

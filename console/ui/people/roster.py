"""The list of people: roles held and lent with a countdown, certified or not, phone, stand-ins, devices.

Rows are made anew only when the board changed; the countdowns move on by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from console.queries.people import DelegationRow, PeopleBoard, PersonRow
from console.ui.chips import StateChip
from console.ui.frame import Frame
from console.ui.page_parts import Plate, words
from console.ui.people.phone_list import selectable
from console.ui.people.words import role_title, role_titles, time_left
from console.ui.words import Words

MOST_SHOWN = 60
MOST_NAME = 80


class RosterList(QWidget):
    """Everybody the organisation certified or the roster names."""

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._inner: QWidget | None = None
        self._shown: tuple[object, ...] = ()
        self._lenders: dict[tuple[str, str], DelegationRow] = {}
        self.loans: list[tuple[Words, str, str]] = []
        """Label, its beginning and until when, for the countdown."""

    def show_board(self, board: PeopleBoard, here: str, now: datetime) -> None:
        """Shows these; the same again changes nothing but the countdowns."""
        if (board, here) != self._shown:
            self._shown = (board, here)
            self._lenders = {(one.person, one.role): one for one in board.delegations}
            self._build(board.rows, here)
        self.tick(now)

    def tick(self, now: datetime) -> None:
        """Moves the countdowns on."""
        for label, what, until in self.loans:
            label.setText(f"{what}, {time_left(until, now)}")

    def _build(self, rows: Sequence[PersonRow], here: str) -> None:
        if self._inner is not None:
            self._inner.hide()
            self._inner.deleteLater()
        self.loans = []
        self._inner = QWidget(self)
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for row in rows[:MOST_SHOWN]:
            column.addWidget(self._plate(row, here))
        if len(rows) > MOST_SHOWN:
            column.addWidget(words(self._frame.theme, f"and {len(rows) - MOST_SHOWN} more", "small", "text_dim"))
        self._whole.addWidget(self._inner)

    def _plate(self, row: PersonRow, here: str) -> Plate:
        theme, policy = self._frame.theme, self._frame.policy
        word, shape, colour = _standing(row)
        plate = Plate(theme, shape, colour)
        head = QHBoxLayout()
        name = row.display_name or row.person
        shown = name if name == row.person else f"{name}   {row.person}"
        head.addWidget(words(theme, shown, "strong", limit=MOST_NAME), 1)
        if row.person == here:
            head.addWidget(StateChip(theme, "SITS HERE", "diamond", "accent"))
        head.addWidget(StateChip(theme, word, shape, colour))
        plate.rows.addLayout(head)
        plate.rows.addWidget(words(theme, self._holds(row)))
        for role, until in sorted(row.lent.items()):
            label = words(theme, "", "strong")
            loan = self._lenders.get((row.person, role))
            by = f" by {loan.lender[:60]} ({loan.reason[:80]})" if loan is not None else ""
            self.loans.append((label, f"{role_title(policy, role)}: lent{by}", until))
            plate.rows.addWidget(label)
        plate.rows.addLayout(self._facts(row, name))
        return plate

    def _holds(self, row: PersonRow) -> str:
        policy = self._frame.policy
        own = role_titles(policy, [role for role in row.roles if role not in row.lent])
        if row.certified_since or row.revoked:
            return own or "No role of their own."
        listed = policy.roster.entry(row.person)
        named = role_titles(policy, listed.roles) if listed is not None else ""
        return f"In the phone list for: {named}." if named else "In the phone list only."

    def _facts(self, row: PersonRow, name: str) -> QHBoxLayout:
        theme = self._frame.theme
        line = QHBoxLayout()
        line.setSpacing(theme.px("space_2") * 2)
        if row.phone:
            phone = words(theme, row.phone, "strong", limit=60)
            phone.setWordWrap(False)
            selectable(phone, f"Phone of {name[:MOST_NAME]}: {phone.text()}")
            line.addWidget(phone)
        count = len(row.devices)
        told = [f"{count} {'device' if count == 1 else 'devices'}" if count else "no device"]
        if row.stand_in_for:
            told.append(f"stands in for {role_titles(self._frame.policy, row.stand_in_for)}")
        line.addWidget(words(theme, "; ".join(told), "small", "text_dim"), 1)
        return line


def _standing(row: PersonRow) -> tuple[str, str, str]:
    """Word, shape and colour: who can sign, who cannot and why."""
    if row.revoked:
        return "REVOKED: cannot sign", "cross", "abnormal"
    if row.certified_since:
        return "certified", "ring", "normal"
    return "not certified: can only be phoned", "hollow_square", "normal"

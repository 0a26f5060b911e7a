"""The people panel: who sits here, who holds which role until when, whom to phone; signing in and lending roles.

One question of the record shows everything; it is asked again when the organisation changed. Once a second the
countdowns move on, and a loan that ended by itself has the record asked again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from console.domain.callout import roles_to_call
from console.domain.changes import Changes
from console.queries.headline import Headline, headline
from console.queries.people import PeopleBoard, PersonRow, people_board
from console.ui.ages import moment_of
from console.ui.frame import Frame
from console.ui.page_parts import button, words
from console.ui.people.lend import LendSheet, TakeBackSheet
from console.ui.people.newcomer import NewcomerSheet
from console.ui.people.phone_list import FOR, NO_INCIDENT, PhoneList
from console.ui.people.roster import RosterList
from console.ui.people.sign_in import Pauses, SignInSheet
from console.ui.people.words import role_title, role_titles

if TYPE_CHECKING:
    from console.ui.session import Sitter

GATHER_MS, TICK_MS = 250, 1_000
NO_DOOR = "Nobody else can sign in here: no key of a person is kept on this desk."
NOT_SIGNED = "Sign in first: it carries your signature."
NO_ROLE = "You hold no role by a grant, so there is none that you could lend; what was lent to you cannot be lent on."
NO_LOAN = "Nothing is lent that you could take back."
NO_PLANE = "This desk has no plane; join one first (sync page)."


class PeoplePanel(QWidget):
    """Signals: `action_wanted(action id)`."""

    panel_id = "people"
    panel_title = "People"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self.board: PeopleBoard | None = None
        self._stale, self._frozen = True, False
        self._pauses = Pauses()
        self._ends = ""
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._clock = QTimer(self, interval=TICK_MS)
        self.here = words(frame.theme, "", "title")
        self.does = words(frame.theme, "", "body", "text_dim")
        self.roster = RosterList(frame)
        self.buttons = {
            action: button(text, name, partial(self._want, action))
            for action, text, name in (
                ("people.sign_in", "Sign in / change ...", "Sign in, or change who sits here"),
                ("desk.lock", "Lock", "Lock the desk now"),
                ("people.lend", "Lend a role ...", "Lend a role"),
                ("people.take_back", "Take back ...", "Take a lent role back"),
                ("people.phone_list", "Phone list", "Show whom to phone"),
            )
        }
        self._lay_out()
        self._connect()
        self._show_seat()
        self._reload()

    # -- what the window asks

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        session = self._frame.session
        if action_id == "people.sign_in":
            return "" if session.door is not None and session.door.can_unlock else NO_DOOR
        if action_id == "people.newcomer":
            return "" if session.door is not None and self._frame.bridge.has_plane else NO_PLANE
        if action_id in ("people.lend", "people.take_back") and not session.signed_in:
            return session.locked or NOT_SIGNED
        if action_id == "people.lend" and not self._own_roles():
            return NO_ROLE
        if action_id == "people.take_back" and not self._loans():
            return NO_LOAN
        return ""

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on."""
        {
            "people.sign_in": self._sign_in,
            "people.newcomer": self._let_in,
            "people.lend": self._lend,
            "people.take_back": self._take_back,
            "people.phone_list": self._phone,
        }[action_id]()

    def freeze(self, frozen: bool) -> None:
        """Holds changes back, or takes up what has gathered."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._reload()

    # -- sheets

    def _sign_in(self) -> None:
        door = self._frame.session.door
        if door is not None:
            sheet = SignInSheet(self._frame, door, self._pauses, self._roles_now)
            sheet.signed_in.connect(self._on_signed_in)
            sheet.newcomer_wanted.connect(self._let_in)
            self._show_sheet(sheet)

    def _let_in(self) -> None:
        door = self._frame.session.door
        if door is not None:
            sheet = NewcomerSheet(self._frame, door)
            sheet.joined.connect(self._on_newcomer)
            self._show_sheet(sheet)

    def _lend(self) -> None:
        me = self._frame.session.person
        people = [(row.person, row.display_name) for row in self._certified() if row.person != me]
        sheet = LendSheet(self._frame, people, self._own_roles())
        sheet.done.connect(self._frame.notices.say)
        self._show_sheet(sheet)

    def _take_back(self) -> None:
        sheet = TakeBackSheet(self._frame, self._loans())
        sheet.done.connect(self._frame.notices.say)
        self._show_sheet(sheet)

    def _phone(self) -> None:
        chosen = self._frame.selection.incident
        if chosen and self._frame.bridge.is_open:
            self._frame.bridge.ask(headline, chosen, owner=self, then=self._show_phones)
        else:
            self._show_phones(None)

    def _show_phones(self, found: Headline | None) -> None:
        policy = self._frame.policy
        if found is None:
            roles, about = tuple(policy.roles.roles), NO_INCIDENT
        else:
            roles = roles_to_call(policy.severity, policy.inventory, found.severity, found.target)
            grade = f"{found.severity} " if found.severity else "the ungraded "
            about = FOR.format(grade, found.title[:120])
        self._show_sheet(PhoneList(self._frame, roles, about))

    def _show_sheet(self, sheet: Any) -> None:
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
            self.buttons["people.sign_in"].setFocus(Qt.FocusReason.OtherFocusReason)

    # -- who sits here

    def _on_signed_in(self, sitter: Any, key: Any) -> None:
        session = self._frame.session
        session.sign_in(sitter, key)
        self._frame.bridge.seat(session.person)
        acting = role_titles(self._frame.policy, self._roles_now(sitter)) or "no role"
        self._frame.notices.say(f"{session.name[:60]} sits here now and can sign as: {acting}.")

    def _on_newcomer(self, found: Any) -> None:
        self._frame.session.joined(found)
        self._frame.session.display_name = ""
        self._frame.bridge.seat(self._frame.session.person)
        self._frame.notices.say(f"{self._frame.session.name[:60]} sits here now; their key is kept here.")

    def _on_person(self) -> None:
        """What somebody began in their own name does not go on in another's."""
        if isinstance(self.stack.currentWidget(), LendSheet | TakeBackSheet):
            self._close_sheet()
        self._show_seat()
        self._reload()

    def _show_seat(self) -> None:
        session = self._frame.session
        name = session.name[:80]
        if session.signed_in:
            self.here.setText(f"{name} sits here")
            roles = ", ".join(self._held(role) for role in session.roles)
            self.does.setText(f"Signed in as {session.person[:80]}: {roles or 'no role'}.")
        elif session.locked:
            self.here.setText("Locked: nobody can command from here")
            self.does.setText(f"{session.locked} {name} sat here last.")
        else:
            self.here.setText(f"{name}: not signed in")
            alone = "You work alone: everything but commands and approvals can be done."
            self.does.setText("Nobody can command from here; sign in." if session.enrolled else alone)

    def _held(self, role: str) -> str:
        until = moment_of(self._frame.session.lent.get(role, ""))
        title = role_title(self._frame.policy, role)
        return f"{title} (lent until {until:%H:%M} UTC)" if until else title

    # -- loading and showing

    def _reload(self) -> None:
        self._stale = False
        bridge = self._frame.bridge
        if bridge.is_open:
            bridge.ask(people_board, self._frame.policy.roster, bridge.now(), owner=self, then=self._show)

    def _show(self, board: PeopleBoard) -> None:
        self.board = board
        self._ends = min((loan[3] for loan in self._running()), default="")
        session = self._frame.session
        self.roster.show_board(board, session.person if session.signed_in else "", self._frame.bridge.now())

    def _certified(self) -> tuple[PersonRow, ...]:
        rows = self.board.rows if self.board is not None else ()
        return tuple(row for row in rows if row.certified_since and not row.revoked)

    def _roles_now(self, sitter: Sitter) -> tuple[str, ...]:
        """What the record says; the invitation's only as long as the record has not heard of them."""
        rows = self.board.rows if self.board is not None else ()
        heard = (row.roles for row in rows if row.person == sitter.person and (row.certified_since or row.revoked))
        return next(heard, sitter.roles)

    def _own_roles(self) -> tuple[str, ...]:
        me = self._frame.session.person
        return tuple(
            role for row in self._certified() if row.person == me for role in row.roles if role not in row.lent
        )

    def _running(self) -> list[tuple[str, str, str, str]]:
        names = {row.person: row.display_name for row in self.board.rows} if self.board is not None else {}
        loans = self.board.delegations if self.board is not None else ()
        return [(one.person, names.get(one.person, ""), one.role, one.until) for one in loans]

    def _loans(self) -> list[tuple[str, str, str, str]]:
        mine = self._own_roles()
        return [loan for loan in self._running() if loan[2] in mine]

    def _on_changed(self, changes: Changes) -> None:
        if not changes.touches("organisation"):
            return
        if self._frozen or not self.isVisible():
            self._stale = True
        elif not self._gathering.isActive():
            self._gathering.start()

    def _on_tick(self) -> None:
        if self._frozen:
            return
        now = self._frame.bridge.now()
        self.roster.tick(now)
        end = moment_of(self._ends)
        if end is not None and end <= now:
            self._ends = ""
            self._reload()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._clock.start()
        if self._stale and not self._frozen:
            self._reload()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._clock.stop()

    # -- how it is made

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        line = QHBoxLayout()
        for part in self.buttons.values():
            part.setMinimumHeight(self._frame.theme.px("button"))
            line.addWidget(part)
        line.addStretch(1)
        body = QWidget(self)
        rows = QVBoxLayout(body)
        rows.setContentsMargins(gap, gap, gap, gap)
        rows.setSpacing(gap)
        for part in (self.here, self.does):
            rows.addWidget(part)
        rows.addLayout(line)
        rows.addWidget(self.roster)
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
        self.setFocusProxy(self.buttons["people.sign_in"])

    def _connect(self) -> None:
        bridge = self._frame.bridge
        bridge.changed.connect(self._on_changed)
        bridge.attached.connect(self._reload)
        bridge.person_changed.connect(self._on_person)
        bridge.roles_changed.connect(self._show_seat)
        self._gathering.timeout.connect(self._reload)
        self._clock.timeout.connect(self._on_tick)

    def _want(self, action_id: str, _: bool = False) -> None:
        self.action_wanted.emit(action_id)

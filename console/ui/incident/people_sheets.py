"""Sheets about people: handing a role to somebody, taking command over from somebody, asking for the review."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

from console.actions.incidents import MAX_NAME, assign_role, take_role
from console.actions.recovery import request_review
from console.domain.changes import Changes
from console.domain.gates import COMMANDER
from console.queries.standing import Standing
from console.ui.frame import Frame
from console.ui.incident.blocking import reviewers
from console.ui.incident.sheet import Sheet, choice
from console.ui.text import display
from console.ui.words import Words


class AssignSheet(Sheet):
    """One role to one person; who is certified can be chosen, anybody can be typed (CMD-1)."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        super().__init__(frame, standing, "Assign a role", "Assign it   Enter")
        book = frame.policy.roles
        self.role = choice([(role.id, role.title) for role in book.roles.values()], _first_free(frame, standing))
        self.person = _people(standing, tuple(sorted(standing.people)))
        self.person.setEditable(True)
        typed = self.person.lineEdit()
        assert typed is not None  # it is editable
        typed.setMaxLength(MAX_NAME)
        typed.setAccessibleName("Person")
        self.holder = Words(frame.theme, "", "small", "text_dim", wrap=True, parent=self)
        self.add("Role", self.role)
        self.rows.addWidget(self.holder)
        self.add("Person", self.person)
        self.role.currentIndexChanged.connect(self._on_role)
        self._on_role()

    def take_focus(self) -> None:
        """Begins with the role: nothing is preselected that could be meant."""
        self.role.setFocus()

    def confirm(self) -> None:  # noqa: D102
        person = self.person.currentData() if self._is_listed() else self.person.currentText()
        self.set_busy("Recording ...")
        self.frame.bridge.act(
            assign_role,
            self.standing.page.row.incident,
            self.role.currentData(),
            str(person or ""),
            self.frame.policy.roles,
            self.standing.page.row.opened,
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_assigned,
            failed=self.fail,
        )

    def _is_listed(self) -> bool:
        return self.person.currentText() == self.person.itemText(self.person.currentIndex())

    def _on_role(self, _: object = None) -> None:
        role = self.role.currentData()
        held = self.standing.roles.get(role, "")
        about = self.frame.policy.roles.roles[role]
        self.holder.setText(f"{'Held by ' + held if held else 'Nobody holds it'}. {about.responsibility}")

    def _on_assigned(self, _: Changes) -> None:
        self.finish(f"{self.role.currentText()}: {display(self.person.currentText(), 80)}.")


class TakeOverSheet(Sheet):
    """Command passes from one person to another only on purpose, and the record says when (CMD-5)."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        holder = standing.page.facts.commander
        super().__init__(
            frame,
            standing,
            f"Take command over from {holder}?",
            "Take command   Enter",
            f"{holder} leads the response now. From this moment on you do, and the record says so.",
        )

    def confirm(self) -> None:  # noqa: D102
        self.set_busy("Recording ...")
        self.frame.bridge.act(
            take_role,
            self.standing.page.row.incident,
            COMMANDER,
            self.standing.page.row.opened,
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_taken,
            failed=self.fail,
        )

    def _on_taken(self, _: Changes) -> None:
        self.finish("You are in command.")


class ReviewSheet(Sheet):
    """Who is to judge the sealed evidence: only those who did not respond can be chosen (LRN-3)."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        super().__init__(
            frame,
            standing,
            "Ask for the review",
            "Ask   Enter",
            f"Seal {standing.seal} is judged by somebody who did not respond to this incident.",
        )
        self.person = _people(standing, reviewers(standing))
        self.add("Reviewer", self.person)
        self.set_missing("" if self.person.count() else "Nobody is certified here who did not respond.")

    def confirm(self) -> None:  # noqa: D102
        self.set_busy("Recording ...")
        self.frame.bridge.act(
            request_review,
            self.standing.page.row.incident,
            self.standing.seal,
            self.person.currentData(),
            actor=self.frame.session.actor(),
            owner=self,
            then=self._on_asked,
            failed=self.fail,
        )

    def _on_asked(self, _: Changes) -> None:
        self.finish(f"{display(self.person.currentData(), 80)} was asked for the review.")


def _people(standing: Standing, names: tuple[str, ...]) -> QComboBox:
    return choice([(name, _with_roles(standing, name)) for name in names])


def _with_roles(standing: Standing, name: str) -> str:
    known = standing.people[name]
    roles = ", ".join(sorted(role.replace("_", " ") for role in known.roles))
    return display(f"{name} ({roles})" if roles else name, 160)


def _first_free(frame: Frame, standing: Standing) -> str:
    """The first role that must be in the room and that nobody holds, else the first of all."""
    missing = frame.policy.roles.missing_from_room(standing.page.row.severity, _held(frame, standing))
    return next(iter(missing), next(iter(frame.policy.roles.roles)))


def _held(frame: Frame, standing: Standing) -> list[str]:
    known = frame.policy.roles
    return [role for role in standing.roles if role in known.roles or role in known.aliases]

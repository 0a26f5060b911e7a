"""Says loudly that the plane pages a role which the person who sits here holds, with the way to its incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from console.queries.pages import OwnerPage, owner_pages

if TYPE_CHECKING:
    from console.domain.changes import Changes
    from console.ui.frame import Frame

GATHER_MS = 100
SAYS = "YOU ARE PAGED as {}: {}{}"


class OwnerPaged(QObject):
    """Asks the record when something came, and says each page once to each person."""

    def __init__(self, frame: Frame, parent: QObject) -> None:
        super().__init__(parent)
        self._frame = frame
        self._said: set[tuple[str, str]] = set()
        self._newest: OwnerPage | None = None
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gathering.timeout.connect(self._look)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.person_changed.connect(self._look)
        self._look()

    def choose(self) -> bool:
        """Chooses the incident of the newest page, or says that there is none; whether it did."""
        if self._newest is None:
            self._frame.notices.say("Nobody paged you for an incident that is still open.")
            return False
        self._frame.selection.choose_incident(self._newest.incident, self._newest.target)
        return True

    def _on_changed(self, changes: Changes) -> None:
        if "timeline" in changes.kinds and not self._gathering.isActive():
            self._gathering.start()

    def _look(self) -> None:
        session, bridge = self._frame.session, self._frame.bridge
        if bridge.is_open:
            bridge.ask(owner_pages, session.person, session.roles, bridge.now(), owner=self, then=self._show)

    def _show(self, pages: tuple[OwnerPage, ...]) -> None:
        self._newest = pages[0] if pages else None
        person = self._frame.session.person
        fresh = [page for page in pages if (person, page.event_id) not in self._said]
        self._said |= {(person, page.event_id) for page in fresh}
        for page in reversed(fresh):
            why = f" ({page.reason[:120]})" if page.reason else ""
            role = page.role.replace("_", " ") or "yourself"
            self._frame.notices.say(SAYS.format(role[:40], page.title[:120], why), "error", ("Go there", "desk.paged"))

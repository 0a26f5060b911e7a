"""Keeps what the page shows: reads where the chosen incident stands, one reading at a time, never dropping what came.

Changes that come together are read once. While nobody looks they are only remembered; whoever acts then reads first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from console.domain.changes import Changes
from console.queries.standing import Standing, standing
from console.ui.bridge import sentence_of
from console.ui.frame import Frame

GATHER_MS = 100


class Loading(QObject):
    """Signals: `read()` whenever `standing` was read. `is_seen` says whether somebody looks.

    Attributes: `standing` (None: none chosen, or not read yet), `stale` when something may have changed since.
    """

    read = Signal()

    def __init__(self, frame: Frame, is_seen: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._frame, self._is_seen = frame, is_seen
        self.standing: Standing | None = None
        self.stale = True
        self._under_way = False
        self._waiting: list[Callable[[], None]] = []
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gathering.timeout.connect(self.look)
        frame.selection.incident_changed.connect(self._on_chosen)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.connection_changed.connect(self._on_connection)
        frame.bridge.attached.connect(self.look)

    @property
    def offline(self) -> bool:
        """Whether the plane cannot be asked."""
        return bool(self._frame.bridge.connection.state != "online")

    def look(self) -> None:
        """Reads what may have changed, if somebody looks."""
        if self.stale and self._is_seen():
            self._ask()

    def first_read(self, then: Callable[[], None]) -> None:
        """Calls `then` after the next reading, whether or not somebody looks."""
        self._waiting.append(then)
        self._ask()

    def _ask(self) -> None:
        if self._under_way:
            return
        incident = self._frame.selection.incident
        self.stale = False
        if not incident or not self._frame.bridge.is_open:
            self._arrive(None)
            return
        self._under_way = True
        self._frame.bridge.ask(
            standing,
            incident,
            self._frame.policy,
            not self.offline,
            self._frame.bridge.now(),
            owner=self,
            then=partial(self._on_answer, incident),
            failed=self._on_failed,
        )

    def _on_answer(self, incident: str, found: Standing | None) -> None:
        self._under_way = False
        if incident != self._frame.selection.incident:  # another one was chosen meanwhile
            self._ask()
            return
        self._arrive(found)

    def _arrive(self, found: Standing | None) -> None:
        self.standing = found
        waiting, self._waiting = self._waiting, []
        self.read.emit()
        for then in waiting:
            then()
        if self.stale and self._is_seen():
            self._gathering.start()

    def _on_failed(self, error: BaseException) -> None:
        self._under_way = False
        self.stale = True
        self._waiting.clear()
        self._frame.notices.say(sentence_of(error), "error")

    def _on_chosen(self, _: str) -> None:
        self.standing, self.stale = None, True
        self._waiting.clear()
        self.look()

    def _on_changed(self, changes: Changes) -> None:
        if self._frame.selection.incident in changes.incidents or "organisation" in changes.kinds:
            self._gather()

    def _on_connection(self, _: Any) -> None:
        if self.standing is not None and self.standing.progress.online == self.offline:
            self._gather()

    def _gather(self) -> None:
        self.stale = True
        if self._is_seen() and not self._under_way and not self._gathering.isActive():
            self._gathering.start()

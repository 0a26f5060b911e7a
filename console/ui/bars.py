"""What the bars show, kept up to date: the chosen incident's headline and next step, lamps, connection, clocks.

One timer a second moves the clocks; the record is asked only when something of the chosen incident changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from console.domain.next_step import NextStep
from console.queries.headline import Headline, OpenIncidents, headline, open_incidents
from console.queries.standing import upcoming
from console.queries.sync_state import SyncCounts, sync_counts
from console.ui.ages import moment_of
from console.ui.incident_bar import IncidentBar, lamps_of
from console.ui.status_bar import StatusBar
from console.ui.text import display

if TYPE_CHECKING:
    from console.domain.changes import Changes
    from console.ui.frame import Frame

TICK_MS = 1_000
LAMPS_MS = 500
GATHER_MS = 30
STALE = "the metric stream is silent"
_SHOWN_KINDS = ("incident", "severity", "role", "command", "switch", "observation", "timeline", "seal", "evidence",
                "triage", "criterion", "conflict")  # fmt: skip


class Bars(QObject):
    """Lives as long as the window is attached to a frame; `stop` before the bridge is closed."""

    def __init__(
        self,
        frame: Frame,
        bar: IncidentBar,
        status: StatusBar,
        on_headline: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._frame, self._bar, self._status, self._on_headline = frame, bar, status, on_headline
        self._known: OpenIncidents | None = None
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gathering.timeout.connect(self._load)
        self._clock = QTimer(self, interval=TICK_MS)
        self._clock.timeout.connect(self._on_tick)
        self._lamps = QTimer(self, interval=LAMPS_MS)
        self._lamps.timeout.connect(self._on_lamps)
        frame.selection.incident_changed.connect(self._on_incident_chosen)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.connection_changed.connect(self._on_connection)
        frame.bridge.person_changed.connect(self._on_person)
        frame.bridge.roles_changed.connect(self._on_person)
        self._on_person()
        self._on_connection(frame.bridge.connection)
        self._load()
        self._clock.start()
        self._lamps.start()

    def stop(self) -> None:
        """Ends the timers."""
        for timer in (self._gathering, self._clock, self._lamps):
            timer.stop()

    def choose_worst(self) -> bool:
        """Chooses the most severe open incident with its target, where none is chosen; says whether it did."""
        known = self._known
        if self._frame.selection.incident or known is None or not known.worst:
            return False
        self._frame.selection.choose_incident(known.worst, known.target)
        return True

    def reload(self) -> None:
        """Asks the record again, once for all that changed in a moment."""
        if not self._gathering.isActive():
            self._gathering.start()

    def _load(self) -> None:
        bridge, chosen = self._frame.bridge, self._frame.selection.incident
        if not bridge.is_open:
            return
        if chosen:
            online = bridge.connection.state == "online"
            bridge.ask(headline, chosen, owner=self, then=self._show)
            bridge.ask(upcoming, chosen, self._frame.policy, online, owner=self, then=partial(self._show_next, chosen))
        bridge.ask(sync_counts, owner=self, then=self._show_asks)
        bridge.ask(open_incidents, owner=self, then=self._show_open)

    def _on_person(self) -> None:
        session = self._frame.session
        end = moment_of(session.lent.get(next(iter(session.roles), ""), ""))
        self._status.show_person(session, role_title(self._frame), f" until {end:%H:%M} UTC" if end else "")

    def _show_asks(self, counts: SyncCounts) -> None:
        self._status.show_asks(counts.alarms, counts.conflicts, counts.rejected)

    def _show_next(self, incident: str, step: NextStep | None) -> None:
        if step is None or incident != self._frame.selection.incident:
            return
        words = step.sentence if step.panel == "board" else f"Next: {step.sentence}"
        self._bar.set_next(words, "" if step.waits else "Do it (F8)", step.why)

    def _show(self, found: Headline | None) -> None:
        if self._frame.selection.incident and (found is None or found.incident == self._frame.selection.incident):
            if found is None:
                self._bar.show_none(self._known)
                return
            self._bar.show_headline(found, self._frame.bridge.now())
            self._on_headline(f"{found.severity or 'ungraded'} {display(found.title, 80)}")

    def _show_open(self, known: OpenIncidents) -> None:
        before, self._known = self._known, known
        chosen = self._frame.selection.incident
        if not chosen:
            self._bar.show_none(known)
            self._on_headline("")
        elif known.worst not in ("", chosen) and before is not None and known.worst != before.worst:
            grade = known.severity or "ungraded"
            sentence = f"Another incident is open, {grade}: {display(known.title, 80)}"
            self._frame.notices.say(sentence, "warning", ("Show the board", "view.board"))

    def _on_incident_chosen(self, incident: str) -> None:
        self._bar.set_next("")
        self._load()

    def _on_changed(self, changes: Changes) -> None:
        chosen = self._frame.selection.incident
        if (
            {"incident", "alarm", "sync"} & changes.kinds
            or not chosen
            or any(changes.touches(kind, chosen) for kind in _SHOWN_KINDS)
        ):
            self.reload()

    def _on_connection(self, connection: Any) -> None:
        has_plane = self._frame.bridge.has_plane
        self._status.show_connection(connection, has_plane, self._frame.bridge.now())
        self._on_lamps()
        self.reload()

    def _on_tick(self) -> None:
        now = self._frame.bridge.now()
        self._bar.tick(now)
        self._status.tick(now)

    def _on_lamps(self) -> None:
        feed = self._frame.bridge.feed
        if feed is None:
            self._bar.set_lamps(dict.fromkeys(("service", "behaviour"), ("unknown", "no plane sends lamps")))
        elif feed.status.state != "live":
            self._bar.set_lamps(dict.fromkeys(("service", "behaviour"), ("silent", STALE)))
        else:
            self._bar.set_lamps(lamps_of(self._frame.bridge.lamps))


def role_title(frame: Frame) -> str:
    """What the person who sits here acts as: the title of their first role, "" without one."""
    first = next(iter(frame.session.roles), "")
    known = frame.policy.roles.roles.get(first)
    return known.title if known is not None else first.replace("_", " ")

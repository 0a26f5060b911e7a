"""What the bars show, kept up to date: the chosen incident's headline and next step, lamps, connection, clocks.

One timer a second moves the clocks; the record is asked only when something of the chosen incident changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from console.queries.headline import Headline, OpenIncidents, headline, open_incidents
from console.ui.incident_bar import IncidentBar, lamps_of
from console.ui.status_bar import StatusBar
from console.ui.text import display

if TYPE_CHECKING:
    from console.domain.changes import Changes
    from console.ui.frame import Frame

TICK_MS = 1_000
LAMPS_MS = 500
STALE = "the metric stream is silent"
_SHOWN_KINDS = ("incident", "severity", "role", "command", "switch", "observation", "timeline", "seal", "evidence",
                "triage", "criterion")  # fmt: skip


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
        self._targets: dict[str, str] = {}
        self._known: OpenIncidents | None = None
        self._clock = QTimer(self, interval=TICK_MS)
        self._clock.timeout.connect(self._on_tick)
        self._lamps = QTimer(self, interval=LAMPS_MS)
        self._lamps.timeout.connect(self._on_lamps)
        frame.selection.incident_changed.connect(self._on_incident_chosen)
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.connection_changed.connect(self._on_connection)
        session = frame.session
        status.show_person(session.name, session.signed_in, session.kept)
        self._on_connection(frame.bridge.connection)
        self.reload()
        self._clock.start()
        self._lamps.start()

    def stop(self) -> None:
        """Ends the timers."""
        self._clock.stop()
        self._lamps.stop()

    def choose(self, incident: str) -> None:
        """Chooses an incident with its target."""
        known = self._known
        target = known.target if known is not None and known.worst == incident else ""
        self._frame.selection.choose_incident(incident, target)

    def reload(self) -> None:
        """Asks the record again."""
        bridge, chosen = self._frame.bridge, self._frame.selection.incident
        if chosen:
            bridge.ask(headline, chosen, owner=self, then=self._show)
        else:
            bridge.ask(open_incidents, owner=self, then=self._show_open)

    def _show(self, found: Headline | None) -> None:
        if self._frame.selection.incident and (found is None or found.incident == self._frame.selection.incident):
            if found is None:
                self._bar.show_none(self._known)
                return
            self._bar.show_headline(found, self._frame.bridge.now())
            self._on_headline(f"{found.severity or 'ungraded'} {display(found.title, 80)}")

    def _show_open(self, known: OpenIncidents) -> None:
        self._known = known
        if not self._frame.selection.incident:
            self._bar.show_none(known)
            self._on_headline("")

    def _on_incident_chosen(self, incident: str) -> None:
        self.reload()

    def _on_changed(self, changes: Changes) -> None:
        chosen = self._frame.selection.incident
        if any(changes.touches(kind, chosen) for kind in _SHOWN_KINDS):
            self.reload()

    def _on_connection(self, connection: Any) -> None:
        has_plane = self._frame.bridge.has_plane
        self._status.show_connection(connection, has_plane, self._frame.bridge.now())
        self._on_lamps()

    def _on_tick(self) -> None:
        now = self._frame.bridge.now()
        self._bar.tick(now)
        self._status.tick(now)

    def _on_lamps(self) -> None:
        feed = self._frame.bridge.feed
        if feed is None:
            self._bar.set_lamps({name: ("unknown", "no plane sends lamps") for name in ("service", "behaviour")})
        elif feed.status.state != "live":
            self._bar.set_lamps({name: ("silent", STALE) for name in ("service", "behaviour")})
        else:
            self._bar.set_lamps(lamps_of(self._frame.bridge.lamps))

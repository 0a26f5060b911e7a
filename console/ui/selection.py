"""What the person has chosen: one incident and one target, the same on every panel.

Choosing another incident drops the target, so that no switch is ever armed on what was looked at before.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class Selection(QObject):
    """Attributes: `incident` and `target` ("" for none). Signals: `incident_changed(id)`, `target_changed(id)`."""

    incident_changed = Signal(str)
    target_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._incident = self._target = ""

    @property
    def incident(self) -> str:
        """The id of the chosen incident."""
        return self._incident

    @property
    def target(self) -> str:
        """The inventory id of the chosen target."""
        return self._target

    def choose_incident(self, incident: str, target: str = "") -> None:
        """Chooses an incident, and with it its target; the same one again changes nothing."""
        if incident == self._incident:
            return
        self._incident = incident
        before, self._target = self._target, target
        self.incident_changed.emit(incident)
        if target != before and self._target == target:
            self.target_changed.emit(target)

    def choose_target(self, target: str) -> None:
        """Chooses a target within the incident."""
        if target != self._target:
            self._target = target
            self.target_changed.emit(target)

"""The incident page: where one incident stands, the one next step, and everything a commander does to it in words."""

from console.ui.incident.panel import IncidentPanel

__all__ = ["IncidentPanel"]

"""The nine panels: one literal table, each imported only when the window has been painted and has time.

A panel that cannot be imported or made is told as one sentence in its place; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PanelSpec:
    """One panel; `icon` is a file of resources/icons."""

    id: str
    title: str
    icon: str
    load: Callable[[], Callable[..., Any]]
    """Imports the panel and returns its class; called as `cls(frame, parent)`."""


def _board() -> Callable[..., Any]:
    from console.ui.board import BoardPanel

    return BoardPanel


def _incident() -> Callable[..., Any]:
    from console.ui.incident import IncidentPanel

    return IncidentPanel


def _triage() -> Callable[..., Any]:
    from console.ui.triage import TriagePanel

    return TriagePanel


def _telemetry() -> Callable[..., Any]:
    from console.ui.telemetry import TelemetryPanel

    return TelemetryPanel


def _switches() -> Callable[..., Any]:
    from console.ui.switches import SwitchesPanel

    return SwitchesPanel


def _evidence() -> Callable[..., Any]:
    from console.ui.evidence import EvidencePanel

    return EvidencePanel


def _timeline() -> Callable[..., Any]:
    from console.ui.timeline import TimelinePanel

    return TimelinePanel


def _sync() -> Callable[..., Any]:
    from console.ui.sync import SyncPanel

    return SyncPanel


def _people() -> Callable[..., Any]:
    from console.ui.people import PeoplePanel

    return PeoplePanel


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("board", "Board", "layout-list", _board),
    PanelSpec("incident", "Incident", "alert-triangle", _incident),
    PanelSpec("triage", "Triage", "binary-tree", _triage),
    PanelSpec("telemetry", "Telemetry", "activity", _telemetry),
    PanelSpec("switches", "Kill switches", "power", _switches),
    PanelSpec("evidence", "Evidence", "package", _evidence),
    PanelSpec("timeline", "Timeline", "timeline", _timeline),
    PanelSpec("sync", "Sync", "refresh", _sync),
    PanelSpec("people", "People", "users", _people),
)
"""In the order of Ctrl+1 to Ctrl+9."""

FIRST = ("board", "incident", "switches", "triage", "telemetry", "timeline", "evidence", "sync", "people")
"""The order in which they are made: what is seen first comes first."""

"""The semantic triage tree; imported after the first paint, for its live signals need numpy."""

from console.ui.triage.panel import TriagePanel

__all__ = ["TriagePanel"]

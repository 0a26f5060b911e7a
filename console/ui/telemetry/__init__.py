"""Live graphs of behaviour and infrastructure; imported after the first paint, for it needs numpy and pyqtgraph."""

from console.ui.telemetry.panel import TelemetryPanel

__all__ = ["TelemetryPanel"]

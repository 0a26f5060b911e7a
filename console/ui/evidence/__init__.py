"""The evidence panel: what was captured by dimension, sealed and exported, and a viewer that no content can harm."""

from console.ui.evidence.panel import EvidencePanel

__all__ = ["EvidencePanel"]

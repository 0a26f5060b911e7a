"""The timeline panel: everything that happened in the incident, and a place to add what the record cannot know."""

from console.ui.timeline.panel import TimelinePanel

__all__ = ["TimelinePanel"]

"""What every panel is given: the frame it works in, made once when the desk has opened.

A panel keeps the frame and asks nothing else of the program; it never looks for its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.policy import Policy
from console.ui.bridge import Bridge
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.session import Session
from console.ui.theme import Theme


@dataclass(frozen=True)
class Frame:
    """The bridge to the desk, who works there, what is chosen, how it looks, where to say things, what is decided."""

    bridge: Bridge
    session: Session
    selection: Selection
    theme: Theme
    notices: Notices
    policy: Policy

    def __post_init__(self) -> None:
        """Tells the bridge whose drafts are shown."""
        self.bridge.person = self.session.person

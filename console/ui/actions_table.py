"""Everything that can be done at the desk, one row each: menus, palette (Ctrl+K) and shortcut sheet (F1) are this table.

A row without a panel is the window's own; the others are passed to `panel.on_action(id)` of the panel they name. Ids are
`panel.verb`. A panel's engineer appends rows for their own panel here and nowhere else. Shortcuts are unique (tested).
"""

from __future__ import annotations

from dataclasses import dataclass

MENUS = ("Desk", "View", "Incident", "Triage", "Telemetry", "Switches", "Evidence", "Timeline", "Help")


@dataclass(frozen=True)
class ActionSpec:
    """One action: `text` is a verb with its object; `shortcut` a Qt key sequence or ""; `menu` one of MENUS."""

    id: str
    text: str
    shortcut: str
    menu: str
    panel: str = ""


ACTIONS: tuple[ActionSpec, ...] = (
    # the window's own
    ActionSpec("desk.sync", "Sync now", "Ctrl+R", "Desk"),
    ActionSpec("desk.palette", "Find an action", "Ctrl+K", "Desk"),
    ActionSpec("desk.quit", "Quit", "Ctrl+Q", "Desk"),
    ActionSpec("view.board", "Go to the board", "Ctrl+1", "View"),
    ActionSpec("view.incident", "Go to the incident", "Ctrl+2", "View"),
    ActionSpec("view.triage", "Go to triage", "Ctrl+3", "View"),
    ActionSpec("view.telemetry", "Go to telemetry", "Ctrl+4", "View"),
    ActionSpec("view.switches", "Go to kill switches", "Ctrl+5", "View"),
    ActionSpec("view.evidence", "Go to evidence", "Ctrl+6", "View"),
    ActionSpec("view.timeline", "Go to the timeline", "Ctrl+7", "View"),
    ActionSpec("view.freeze", "Freeze the display", "F5", "View"),
    ActionSpec("view.dismiss", "Dismiss the newest notice", "Ctrl+Shift+D", "View"),
    ActionSpec("view.float", "Float or dock this panel", "Ctrl+Shift+F", "View"),
    ActionSpec("view.dark", "Use the dark theme", "", "View"),
    ActionSpec("view.light", "Use the light theme", "", "View"),
    ActionSpec("view.high_contrast", "Use the high-contrast theme", "", "View"),
    ActionSpec("view.default_layout", "Restore the default layout", "", "View"),
    ActionSpec("help.shortcuts", "Show all shortcuts", "F1", "Help"),
    ActionSpec("help.about", "About this desk", "", "Help"),
    # board
    ActionSpec("board.search", "Search incidents", "Ctrl+F", "Incident", "board"),
    # incident
    ActionSpec("incident.next_step", "Do the next step", "F8", "Incident", "incident"),
    # triage
    # telemetry
    # switches
    ActionSpec("switches.hold", "Hold: the reversible first stop", "F9", "Switches", "switches"),
    ActionSpec("switches.throw", "Open the sheet of the proposed stop", "Ctrl+Shift+S", "Switches", "switches"),
    ActionSpec("switches.restore", "Restore what is stopped", "Ctrl+Shift+B", "Switches", "switches"),
    ActionSpec("switches.look", "Look at the chosen switch now", "Ctrl+Shift+L", "Switches", "switches"),
    ActionSpec("switches.look_up", "Look up the unknown outcome", "Ctrl+Shift+U", "Switches", "switches"),
    ActionSpec("switches.approve", "Look at what I am asked to approve", "", "Switches", "switches"),
    # evidence
    # timeline
)

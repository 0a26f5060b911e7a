"""Everything that can be done at the desk, one row each: menus, palette (Ctrl+K) and shortcut sheet (F1) come from it.

A row without a panel is the window's own; the others are passed to `panel.on_action(id)` of the panel they name. Ids
are `panel.verb`. A panel appends its own rows here and makes no other actions. Shortcuts are unique (tested).
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
    ActionSpec("sync.join", "Join a plane by a one-time code", "", "Desk", "sync"),
    ActionSpec("people.sign_in", "Sign in, or change who sits here", "Ctrl+Shift+I", "Desk", "people"),
    ActionSpec("people.newcomer", "Let somebody new sign in here by a code", "", "Desk", "people"),
    ActionSpec("desk.lock", "Lock the desk now", "Ctrl+L", "Desk"),
    ActionSpec("people.phone_list", "Show whom to phone", "Ctrl+Shift+P", "Desk", "people"),
    ActionSpec("people.lend", "Lend a role", "", "Desk", "people"),
    ActionSpec("people.take_back", "Take a lent role back", "", "Desk", "people"),
    ActionSpec("desk.paged", "Go to the incident you were paged for", "", "Desk"),
    ActionSpec("desk.palette", "Find an action", "Ctrl+K", "Desk"),
    ActionSpec("desk.quit", "Quit", "Ctrl+Q", "Desk"),
    ActionSpec("view.board", "Go to the board", "Ctrl+1", "View"),
    ActionSpec("view.incident", "Go to the incident", "Ctrl+2", "View"),
    ActionSpec("view.triage", "Go to triage", "Ctrl+3", "View"),
    ActionSpec("view.telemetry", "Go to telemetry", "Ctrl+4", "View"),
    ActionSpec("view.switches", "Go to kill switches", "Ctrl+5", "View"),
    ActionSpec("view.evidence", "Go to evidence", "Ctrl+6", "View"),
    ActionSpec("view.timeline", "Go to the timeline", "Ctrl+7", "View"),
    ActionSpec("view.sync", "Go to the sync page", "Ctrl+8", "View"),
    ActionSpec("view.people", "Go to people", "Ctrl+9", "View"),
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
    ActionSpec("board.open", "Open the chosen incident", "", "Incident", "board"),
    # incident
    ActionSpec("incident.next_step", "Do the next step", "F8", "Incident", "incident"),
    ActionSpec("incident.open", "Open an incident by hand", "Ctrl+I", "Incident", "incident"),
    ActionSpec("incident.acknowledge", "Acknowledge the incident", "", "Incident", "incident"),
    ActionSpec("incident.take_command", "Take command", "", "Incident", "incident"),
    ActionSpec("incident.grade", "Grade the severity", "", "Incident", "incident"),
    ActionSpec("incident.assign_role", "Assign a role", "", "Incident", "incident"),
    ActionSpec("incident.enter_state", "Enter the next state", "", "Incident", "incident"),
    ActionSpec("incident.seal", "Seal the evidence", "", "Incident", "incident"),
    ActionSpec("incident.validate", "Validate the target", "", "Incident", "incident"),
    ActionSpec("incident.request_criterion", "Ask the owner to sign off", "", "Incident", "incident"),
    ActionSpec("incident.export", "Export the sealed package", "", "Incident", "incident"),
    ActionSpec("incident.request_review", "Ask for the review", "", "Incident", "incident"),
    ActionSpec("incident.close", "Close the incident", "", "Incident", "incident"),
    ActionSpec("incident.settle", "Settle what is in conflict", "Ctrl+Shift+C", "Incident", "incident"),
    # triage
    ActionSpec("triage.answer_yes", "Answer yes at the focused branch", "", "Triage", "triage"),
    ActionSpec("triage.answer_no", "Answer no at the focused branch", "", "Triage", "triage"),
    ActionSpec("triage.answer_unclear", "Answer unclear at the focused branch", "", "Triage", "triage"),
    ActionSpec("triage.conclude", "Conclude triage", "Ctrl+Return", "Triage", "triage"),
    # telemetry
    ActionSpec("telemetry.window", "Change the time that graphs show", "Alt+W", "Telemetry", "telemetry"),
    ActionSpec("telemetry.enlarge", "Enlarge the focused graph, or go back", "Alt+E", "Telemetry", "telemetry"),
    # switches
    ActionSpec("switches.hold", "Hold: the reversible first stop", "F9", "Switches", "switches"),
    ActionSpec("switches.throw", "Open the sheet of the proposed stop", "Ctrl+Shift+S", "Switches", "switches"),
    ActionSpec("switches.restore", "Restore what is stopped", "Ctrl+Shift+B", "Switches", "switches"),
    ActionSpec("switches.look", "Look at the chosen switch now", "Ctrl+Shift+L", "Switches", "switches"),
    ActionSpec("switches.look_up", "Look up the unknown outcome", "Ctrl+Shift+U", "Switches", "switches"),
    ActionSpec("switches.failed", "Go to the stop that failed", "Ctrl+Shift+X", "Switches", "switches"),
    ActionSpec("switches.waiting", "Show requests and reviews that wait", "Ctrl+Shift+A", "Switches", "switches"),
    ActionSpec("switches.approve", "Look at what I am asked to approve", "", "Switches", "switches"),
    ActionSpec("switches.find", "Find a switch", "Ctrl+Shift+G", "Switches", "switches"),
    ActionSpec("switches.capability", "Show what each switch can do where", "", "Switches", "switches"),
    # evidence
    ActionSpec("evidence.capture", "Capture from the target now", "Ctrl+E", "Evidence", "evidence"),
    ActionSpec("evidence.add", "Add a file as evidence", "Ctrl+Shift+E", "Evidence", "evidence"),
    ActionSpec("evidence.open", "Open the chosen item", "", "Evidence", "evidence"),
    ActionSpec("evidence.find", "Find in the opened item", "F3", "Evidence", "evidence"),
    # timeline
    ActionSpec("timeline.add", "Add an entry to the timeline", "Ctrl+N", "Timeline", "timeline"),
    ActionSpec("timeline.correct", "Correct the chosen entry by a new one", "Ctrl+Shift+N", "Timeline", "timeline"),
    ActionSpec("timeline.revise", "Revise the chosen note", "Ctrl+Shift+R", "Timeline", "timeline"),
    ActionSpec("timeline.join", "Join the texts of a note in conflict", "Ctrl+Shift+J", "Timeline", "timeline"),
)

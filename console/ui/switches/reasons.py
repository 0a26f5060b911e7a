"""Why an action of the panel cannot be done now, in one sentence; no widget in here."""

from __future__ import annotations

from dataclasses import dataclass

from console.queries.switch_board import SwitchBoard
from console.queries.switch_surroundings import SwitchSurroundings

SHEET_OPEN = "A sheet is open already; finish it or press Esc to disarm it first."
NO_INCIDENT = "Choose an incident on the board first; a switch is always thrown for one."
_SHOWING = ("switches.look", "switches.failed", "switches.waiting", "switches.capability", "switches.find")
"""What a locked desk may do: it reads only."""
EVERYWHERE = ("switches.waiting", "switches.capability", "switches.failed", "switches.look_up", "switches.approve")
"""What is about all incidents, so that none need be chosen."""


@dataclass(frozen=True)
class Standing:
    """How the panel stands; `board` and `around` are None while nothing fresh of it was read."""

    locked: str
    has_sheet: bool
    is_its_sheet: bool
    has_incident: bool
    board: SwitchBoard | None
    around: SwitchSurroundings | None
    has_stopped: bool


def why_not(action_id: str, standing: Standing) -> str:
    """Why, "" when it can be done; what was not read yet says nothing."""
    if standing.locked and not action_id.startswith(_SHOWING):
        return f"{standing.locked} Then press the key again."
    if standing.has_sheet:
        return "" if standing.is_its_sheet else SHEET_OPEN
    if action_id in EVERYWHERE:
        return _why_not_anywhere(action_id, standing.around)
    if not standing.has_incident:
        return NO_INCIDENT
    board = standing.board
    if board is None:
        return ""
    if action_id in ("switches.hold", "switches.throw", "switches.look", "switches.find") and not board.reaches:
        return f"'{board.named[:60]}' is not in the inventory, so nothing can be thrown; choose a target by hand."
    if action_id == "switches.restore" and not standing.has_stopped:
        return "Nothing is stopped for this incident, so there is nothing to restore."
    return ""


def _why_not_anywhere(action_id: str, around: SwitchSurroundings | None) -> str:
    if around is None:
        return ""
    if action_id == "switches.failed" and not around.failed:
        return "No stop failed: each that was given was seen to hold, or is still under way."
    if action_id == "switches.look_up" and not any(one.command_id for one in around.failed):
        return "There is no command whose outcome is unknown."
    if action_id == "switches.approve" and not around.waiting.requests.for_me:
        return "Nobody asks you to approve anything."
    return ""

"""What may be done about an event that the server rejected: write it again, ask the commander, or take it away.

A rejected event stays where it is; what needed a person's own signature is never made again without that person.
"""

from __future__ import annotations

from console.domain.events import PERSON_SIGNED, PLANE_ONLY, ROOT_ONLY

WRITE_AGAIN, ASK_COMMANDER, EXPORT = "write_again", "ask_commander", "export"

_NEVER = frozenset({"approval.given", "approval.requested", "chain.restarted"})
"""Like everything of a switch part of what is over: written again they would tell of what did not happen."""


def again_fault(event_type: str, *, signed_in: bool) -> str:
    """Why an event of this type cannot be written again, "" if it can; `signed_in`: with a key of the person."""
    if event_type.startswith("switch.") or event_type in _NEVER or event_type in ROOT_ONLY or event_type in PLANE_ONLY:
        return f"'{event_type}' belongs to something that is over; do the thing itself again."
    if event_type in PERSON_SIGNED and not signed_in:
        return f"'{event_type}' needs the signature of its person; sign in with a passphrase first."
    return ""


def remedies(event_type: str, *, in_incident: bool, signed_in: bool = True) -> tuple[str, ...]:
    """Which of the three can be done, in the order in which they are offered."""
    again = (WRITE_AGAIN,) if not again_fault(event_type, signed_in=signed_in) else ()
    return (*again, *((ASK_COMMANDER,) if in_incident else ()), EXPORT)

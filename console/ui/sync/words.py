"""How the sync page says what it knows: kinds of alarms, what the program did about them, times and counts."""

from __future__ import annotations

from datetime import datetime

from console.ui.ages import age, clock_time, moment_of

RECOVERS = "The desk kept everything, followed the journal from its beginning again and offered every event again."
WAITS = "Nothing is sent to this plane and nothing is taken from it until somebody has settled this."
ALARMS = {
    "epoch": ("The plane was restored from a backup", RECOVERS),
    "shrunk": ("The plane's journal became shorter", RECOVERS),
    "gap": ("The plane's journal has a gap", RECOVERS),
    "hash": ("The plane's journal was rewritten", RECOVERS),
    "position": ("The plane does not know where this desk stood", RECOVERS),
    "checkpoint": ("The plane's checkpoint is of another journal", RECOVERS),
    "receipt": ("A receipt is missing from the journal", RECOVERS),
    "root": ("The plane names another root key", WAITS),
    "plane_key": ("The plane answers under another identity", WAITS),
    "forged_receipt": ("A receipt is not the plane's own", WAITS),
    "forged_checkpoint": ("A checkpoint is not the plane's own", WAITS),
    "stranded": (
        "Events of this desk cannot go to the plane",
        "They are kept and shown below as rejected; write again what still holds.",
    ),
    "fork": (
        "One chain of events has two ends",
        "Both ends are kept. If it is this desk's own chain, the desk has begun a new one and goes on with that.",
    ),
    "clock": (
        "This desk's clock is wrong",
        "What is written here is flagged and nothing is refused for it. It settles by itself when it is right.",
    ),
    "damage": (
        "The record on this disk is damaged",
        "No backup is made of it, so that the good ones stay. Export what is there, then restore the last backup.",
    ),
}
"""Kind of alarm -> (what happened, what the program did)."""
GROUPS = {"root": "IDENTITY", "plane_key": "IDENTITY", "forged_receipt": "IDENTITY", "forged_checkpoint": "IDENTITY"}
OTHER = ("Something is not as it was", "Everything is kept.")


def alarm_words(kind: str) -> tuple[str, str]:
    """What happened and what the program did, for a kind of alarm."""
    return ALARMS.get(kind, OTHER)


def alarm_sign(kind: str) -> str:
    """The one word for a kind of alarm: ROLLBACK for every sign of one, FORK, IDENTITY, else the kind itself."""
    if ALARMS.get(kind, OTHER)[1] == RECOVERS:
        return "ROLLBACK"
    return GROUPS.get(kind, kind.replace("_", " ").upper())


def counted(count: int, one: str, many: str = "") -> str:
    """1 alarm, 3 alarms."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def at(text: str, now: datetime) -> str:
    """14:02:11 UTC; with its date when that is another day."""
    moment = moment_of(text)
    if moment is None:
        return "at an unknown time"
    return clock_time(moment) if moment.date() == now.date() else f"{moment:%Y-%m-%d} {clock_time(moment)}"


def when(text: str, now: datetime) -> str:
    """14:02:11 UTC, 4 s ago; to be said anew as time goes on."""
    moment = moment_of(text)
    return at(text, now) + (f", {age(moment, now)}" if moment is not None else "")


def subject_words(subject: str) -> str:
    """What a conflict is about, as a person calls it."""
    kind, _, name = subject.partition(":")
    return kind if kind == "note" or not name else f"{kind} {name.replace('_', ' ')}"

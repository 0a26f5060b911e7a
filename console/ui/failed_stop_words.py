"""What is said of a stop that cannot be relied on, by the window's band and by the panel alike. No widget in here.

Assume the worst and say where: a place that did not answer counts as still running.
"""

from __future__ import annotations

from console.domain.switches import STOPPED
from console.queries.failed_stops import (
    CONTRADICTED,
    DRIFTED,
    FAILED,
    LOST,
    NO_EFFECT,
    NOT_TOLD,
    PARTIAL,
    FailedStop,
    Place,
)

HEADS = {
    PARTIAL: "{} ONLY PARTLY IN EFFECT",
    NO_EFFECT: "{} WITHOUT EFFECT",
    DRIFTED: "{} UNDONE: IT RUNS AGAIN",
    FAILED: "{} FAILED: NEVER TAKEN",
    LOST: "OUTCOME UNKNOWN: {}",
    CONTRADICTED: "{} CONTRADICTED: NOT SO FROM HERE",
    NOT_TOLD: "{} NOT COMPLETE: USERS WERE NOT TOLD",
}
_MARKS = {True: "\u25a0", False: "\u25b2", None: "\u2715"}
"""A square, a triangle, a cross: the same shapes as the chips."""


def head(one: FailedStop) -> str:
    """What went wrong, in capitals."""
    return HEADS[one.how].format("STOP" if one.want == STOPPED else "RESTORE")


def place_words(place: Place) -> str:
    """One back-end with its shape and its word, such as "▲ postgres: not in effect"."""
    return f"{_MARKS[place.in_effect]} {place.adapter}: {place.word}"


def running_words(one: FailedStop) -> str:
    """What is to be taken as still running; of a restore, as still stopped."""
    if one.how == NOT_TOLD:
        return "It is stopped, but those who get reduced answers do not know it; it does not count as in effect."
    if one.how == CONTRADICTED:
        return "The plane says that it holds, and this desk saw the opposite for itself: assume that it does not hold."
    state = "runs" if one.want == STOPPED else "is stopped"
    without = [place.adapter for place in one.places if place.in_effect is not True]
    if without and len(without) < len(one.places):
        return f"Assume that it still {state} at: {', '.join(without)}."
    return f"Assume that it did not work: {one.target} still {state} everywhere."


def next_words(one: FailedStop) -> str:
    """What to do now."""
    first = "look it up" if one.command_id else "look again"
    if one.how == NOT_TOLD:
        return f"Next: {first}, and tell users by hand."
    if one.want != STOPPED:
        return f"Next: {first}."
    return f"Next: {first}; do it by hand by the fallback card; or take the next wider step."


def whole(one: FailedStop) -> str:
    """All of it in one line, for the window's band and for who cannot see."""
    places = "; ".join(place_words(place) for place in one.places)
    return " ".join(
        part for part in (f"{head(one)}: {one.switch} on {one.target}.", places, running_words(one)) if part
    )

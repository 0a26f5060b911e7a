"""Reading what the function library of Redis answers: lists of words, each checked for its form.

Pure functions to the values of `plane.backends`; anything that was not agreed is a BackEndFault.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from console.domain.switches import STOPPED, WANTS
from console.plane.backends import (
    OVERLOADED,
    SERVED,
    SWITCHED_OFF,
    BackEndFault,
    BackEndRefusal,
    Held,
    ProbeReply,
    Refuser,
)

_ID = re.compile(r"[0-9A-Za-z._-]{1,100}")
_HELD = re.compile(r"(stopped|running) (\d{1,15}) ([0-9A-Za-z._-]{1,100})")
_MOST_DIGITS = 15
_NOBODY = "-"
"""How the library says that no command did it."""
_SERVING = ("hit", "miss", "reserved")


def applied(answer: object) -> tuple[str, int]:
    """The state and generation after `switch_set`; raises BackEndRefusal when it was stale or over."""
    words = _words(answer)
    if len(words) != 3:
        raise _malformed()
    kind, state, generation = words[0], words[1], _generation(words[2])
    if kind == "stale":
        raise BackEndRefusal("stale", "Redis holds a newer state of this switch.", generation)
    if kind == "expired":
        raise BackEndRefusal("expired", "Redis got this order after its end.", generation)
    if kind != "applied" or state not in WANTS:
        raise _malformed()
    return state, generation


def held(marker: object) -> Held:
    """A marker; one that is missing or garbled lets nobody through, so it is held as stopped by nobody."""
    found = _HELD.fullmatch(marker) if isinstance(marker, str) else None
    if found is None:
        return Held(STOPPED, 0, "")
    state, generation, by = found.groups()
    return Held(state, int(generation), _by(by))


def refused(answer: object) -> bool:
    """Whether a switch refused."""
    return _words(answer)[0] == "refused"


def probe_reply(answer: object, at: datetime) -> ProbeReply:
    """What a gateway's question met; a budget that is used up is no switch."""
    words = _words(answer)
    if words[0] in _SERVING:
        return ProbeReply(SERVED, at)
    if words[0] == "over":
        return ProbeReply(OVERLOADED, at)
    if words[0] != "refused" or len(words) < 5 or len(words) % 4 != 1:
        raise _malformed()
    return ProbeReply(SWITCHED_OFF, at, tuple(_refuser(words[start : start + 4]) for start in range(1, len(words), 4)))


def cut_by(message: object, switch: str, target: str) -> str:
    """The assertion that a notice to a session names, "" when it is not about that switch."""
    words = message.split(" ") if isinstance(message, str) else []
    if len(words) != 4 or words[:2] != [switch, target] or not _ID.fullmatch(words[3]):
        return ""
    return words[3]


def text_of(value: object) -> str:
    """Whatever Redis says, short and on one line."""
    return "".join(c if c.isprintable() else " " for c in str(value))[:120]


def _refuser(words: Sequence[str]) -> Refuser:
    switch, target, generation, by = words
    if not (_ID.fullmatch(switch) and _ID.fullmatch(target) and _ID.fullmatch(by)):
        raise _malformed()
    return Refuser(switch, target, _generation(generation), _by(by))


def _generation(word: str) -> int:
    """A count of at most _MOST_DIGITS digits; Python itself raises for thousands of them."""
    if not word.isdecimal() or len(word) > _MOST_DIGITS:
        raise _malformed()
    return int(word)


def _by(word: str) -> str:
    return "" if word == _NOBODY else word


def _words(answer: object) -> list[str]:
    found: list[Any] = answer if isinstance(answer, list) else []
    if not found or not all(isinstance(word, str) for word in found):
        raise _malformed()
    return found


def _malformed() -> BackEndFault:
    return BackEndFault("Redis answers in another form than the function library does; load it again.")

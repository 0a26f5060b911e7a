"""Words and signs of the switches panel: states, ages, breadcrumbs. No widget and no clock in here.

A state is always word, shape and colour token together; what is old or unknown never looks like what was just seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from console.domain.commands import (
    ACKNOWLEDGED,
    AUTHORISED,
    DISPATCHED,
    EXPIRED,
    FALLBACK,
    REFUSED,
    SENT,
    STALE,
    SUPERSEDED,
    UNKNOWN,
    VERIFIED,
)
from console.domain.errors import InputError
from console.domain.inventory import Inventory
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc
from console.queries.switches import Word

Sign = tuple[str, str, str]
"""(word, shape, colour token)."""

COMMAND_SIGNS: dict[str, Sign] = {
    AUTHORISED: ("authorised", "half", "accent"),
    SENT: ("sent", "half", "accent"),
    ACKNOWLEDGED: ("acknowledged", "half", "accent"),
    DISPATCHED: ("dispatched", "half", "accent"),
    VERIFIED: ("verified", "square", "text"),
    REFUSED: ("REFUSED", "triangle", "abnormal"),
    EXPIRED: ("EXPIRED", "triangle", "abnormal"),
    STALE: ("STALE", "triangle", "abnormal"),
    SUPERSEDED: ("superseded", "hollow_square", "normal"),
    UNKNOWN: ("UNKNOWN", "cross", "abnormal"),
    FALLBACK: ("done by hand", "diamond", "warning"),
}
_PLAIN: dict[str, Sign] = {
    STOPPED: ("stopped", "square", "text"),
    RUNNING: ("running", "ring", "normal"),
}
ONE_TENANT = 1


def age(moment: str, now: datetime) -> timedelta | None:
    """How long ago `moment` (RFC 3339) was, None when there is none; a moment ahead of the clock is now."""
    if not moment:
        return None
    try:
        return max(now - parse_utc(moment), timedelta(0))
    except InputError:
        return None


def age_words(moment: str, now: datetime) -> str:
    """The age of a moment, such as 4 s ago, 3 min ago, 2 h ago, never."""
    passed = age(moment, now)
    if passed is None:
        return "never"
    seconds = int(passed.total_seconds())
    if seconds < 100:
        return f"{seconds} s ago"
    if seconds < 100 * 60:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h ago" if seconds < 48 * 3600 else f"{seconds // 86400} d ago"


def clock(moment: str, digits: int = 0) -> str:
    """The time of day in UTC, with up to six digits of fraction; "" stays a dash."""
    if len(moment) < len("2026-01-31T14:02:11"):
        return "–"
    return moment[11:19] + (moment[19 : 20 + digits] if digits else "")


def countdown(seconds: int) -> str:
    """What is left, such as 9:05; nothing is left below zero."""
    left = max(seconds, 0)
    return f"{left // 60}:{left % 60:02d}"


def desired_sign(word: Word) -> Sign:
    """What is wanted; a switch that nobody ever moved is running."""
    return _PLAIN.get(word.state or RUNNING, ("unknown", "cross", "unknown"))


def claimed_sign(word: Word) -> Sign:
    """What the back-end said that it did; a claim is never more than that."""
    if not word.state:
        return ("no claim", "dash", "normal")
    name, shape, _ = _PLAIN.get(word.state, ("unknown", "cross", "unknown"))
    return (name, "hollow_square" if shape == "square" else shape, "normal")


def observed_sign(word: Word, desired: Word, now: datetime, fresh_s: int, *, failing: bool = False) -> Sign:
    """What was seen at the data path: grey once older than `fresh_s` seconds, loud when it is not what is wanted."""
    passed = age(word.at, now)
    if passed is None:
        return ("not looked yet", "dash", "normal")
    if word.state not in _PLAIN:
        return ("UNKNOWN", "cross", "abnormal" if failing or desired.state == STOPPED else "unknown")
    name, shape, colour = _PLAIN[word.state]
    wanted = desired.state or RUNNING
    if word.state != wanted and (desired.at < word.at or failing):
        return (name.upper(), "triangle", "abnormal")
    if passed > timedelta(seconds=fresh_s):
        return (f"{name}?", "hollow_square" if word.state == STOPPED else shape, "normal")
    return (name, shape, "warning" if word.state == STOPPED else colour)


def observed_words(word: Word, now: datetime, fresh_s: int) -> str:
    """When and how it was seen, such as 4 s ago by probe; said to be old when it is."""
    passed = age(word.at, now)
    if passed is None:
        return "nobody has looked; Ctrl+Shift+L looks now"
    how = {"probe": "by probe", "read_back": "by read-back only"}.get(word.method, "without an answer")
    old = ", too old to rely on" if passed > timedelta(seconds=fresh_s) else ""
    return f"{age_words(word.at, now)} {how}{old}"


def crumbs(inventory: Inventory, target: str, switch: str) -> tuple[str, str, str, str]:
    """Environment, tenant, surface and switch, each said in full: what is not narrowed is said to be all."""
    item = inventory.item(target)
    environment = inventory.item(item.environment).name
    if item.kind == "environment":
        return (environment, "ALL TENANTS", "ALL SURFACES", switch)
    if item.kind == "tenant":
        return (environment, item.name, "all surfaces", switch)
    names = [inventory.item(one).name for one in item.tenants]
    tenants = names[0] if len(names) == ONE_TENANT else f"{len(names)} TENANTS ({', '.join(names)})"
    return (environment, tenants, f"{item.kind} {item.name}", switch)


def breadcrumb(inventory: Inventory, target: str, switch: str) -> str:
    """The four in one line."""
    return " / ".join(crumbs(inventory, target, switch))

"""Roles lent for a while, and how long somebody has been known: the rules that plane and desk share (CMD-1, SWI-3).

A role is lent by who holds it by a grant of the root, never by who borrowed it, and it ends by itself: at `until`,
which is compared with the clock of whoever judges, so that no event and no connection is needed for the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.domain.times import format_utc, parse_utc

LENT_AT_MOST_H = 24
"""For how many hours a role may be lent where the organisation's policy does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Loan:
    """One role that `lender` lent to `person` until a moment (RFC 3339)."""

    person: str
    role: str
    lender: str
    until: str


def loan_fault(loan: Loan, lender_roles: Collection[str], now: datetime, most_h: int) -> str:
    """Why this role cannot be lent at `now`, or ""; `lender_roles` are held by grant, not borrowed themselves."""
    if loan.role not in lender_roles:
        return f"{loan.lender[:80]} does not hold the role '{loan.role[:40]}' by a grant and cannot lend it."
    if loan.person == loan.lender:
        return "Nobody lends a role to themselves; name another certified person."
    until = parse_utc(loan.until)
    if until <= now:
        return f"The role would have ended at {loan.until}, which is past; name a later moment."
    if until > now + timedelta(hours=most_h):
        return f"A role is lent for at most {most_h} hours; name an earlier end than {loan.until}."
    return ""


def recall_fault(person: str, role: str, by: str, by_roles: Collection[str]) -> str:
    """Why `by` cannot take a lent role back, or "": its lender can, and so can everybody else who was granted it."""
    if role in by_roles:
        return ""
    return f"{by[:80]} does not hold the role '{role[:40]}' by a grant and cannot take it back from {person[:80]}."


def lent_roles(loans: Iterable[Loan], now: datetime) -> Mapping[str, Mapping[str, str]]:
    """What runs at `now`: person -> role -> until when, the latest end where several lent the same role."""
    at = format_utc(now)
    found: dict[str, dict[str, str]] = {}
    for loan in loans:
        if loan.until > at:
            held = found.setdefault(loan.person, {})
            held[loan.role] = max(loan.until, held.get(loan.role, ""))
    return found


def too_new(person: str, since: str, now: datetime, hours: int) -> str:
    """Why somebody certified at `since` (RFC 3339) does not approve yet, or ""; a moment in the future is too new.

    Whose moment is not known ("") is too new as well.
    """
    if not since:
        return f"Nobody knows since when {person[:80]} is certified; have them certified anew."
    ripe = parse_utc(since) + timedelta(hours=hours)
    if ripe <= now:
        return ""
    return f"{person[:80]} was certified less than {hours} hours ago and approves from {format_utc(ripe)} on."

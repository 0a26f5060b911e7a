"""Lending a role for a while and taking it back (CMD-1), both judged again by the plane; the alarm about one's key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import InputError, RefusedError
from console.domain.people import LENT_AT_MOST_H, Loan, loan_fault, recall_fault
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.proof.envelope import SYSTEM
from console.store.facts import CertifiedPerson, certified_people, signed_loans
from console.store.own_key import KEY_CHANGED
from console.store.record import Record


def delegate_role(
    record: Record,
    person: str,
    role: str,
    until: datetime,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
    most_h: int = LENT_AT_MOST_H,
) -> Changes:
    """Lends `role` to a certified person until a moment at most `most_h` hours from now; it ends then by itself.

    Raises InputError without a reason or for an end that cannot be, RefusedError for whoever does not hold the role by
    a grant (what was lent is not lent on), for somebody who is not certified, and for oneself under any name.
    """
    key = actor.signing_key("Lending a role")
    body = {"person": person, "role": role, "until": format_utc(until), "reason": _said(reason)}
    with record.transaction(now) as tx:
        people = certified_people(tx)
        borrower = people.get(person)
        if borrower is None:
            raise RefusedError(f"{person[:80]} is not certified here; a role is lent to certified persons only.")
        if person != actor.person and borrower.public_key == key.public_hex:
            raise RefusedError(f"{person[:80]} is another name of yours; nobody lends a role to themselves.")
        loan = Loan(person, role, actor.person, format_utc(until))
        fault = loan_fault(loan, _granted(people, actor), now, most_h)
        if fault:
            raise RefusedError(fault)
        tx.append("role.delegated", SYSTEM, body, actor=actor, person_key=key)
    return tx.changes


def recall_role(record: Record, person: str, role: str, reason: str, *, actor: Actor, now: datetime) -> Changes:
    """Takes a lent role back at once; whoever holds it by a grant may, its lender among them.

    Raises InputError without a reason, RefusedError for anybody else and when nothing of the kind is lent.
    """
    key = actor.signing_key("Taking a role back")
    body = {"person": person, "role": role, "reason": _said(reason)}
    with record.transaction(now) as tx:
        fault = recall_fault(person, role, actor.person, _granted(certified_people(tx), actor))
        if fault:
            raise RefusedError(fault)
        at = format_utc(now)
        held = (one.loan for one in signed_loans(tx))
        if not any((loan.person, loan.role) == (person, role) and loan.until > at for loan in held):
            raise RefusedError(
                f"The role '{role[:40]}' is not lent to {person[:80]} (any more); there is nothing to do."
            )
        tx.append("role.recalled", SYSTEM, body, actor=actor, person_key=key)
    return tx.changes


def raise_key_alarm(record: Record, sentence: str, now: datetime) -> Changes:
    """Keeps what `store.own_key` found as an alarm of this desk; what was said before is not said again."""
    with record.transaction(now) as tx:
        told = "SELECT count(*) FROM alarm WHERE kind = ? AND sentence = ?"
        if not tx.value(told, (KEY_CHANGED, sentence), 0):
            tx.raise_alarm(KEY_CHANGED, sentence)
    return tx.changes


def _granted(people: Mapping[str, CertifiedPerson], actor: Actor) -> Collection[str]:
    """What the actor holds by a grant, with the very key that is certified for them."""
    known = people.get(actor.person)
    return known.roles if known is not None and actor.key and known.public_key == actor.key.public_hex else ()


def _said(reason: str) -> str:
    text = nfc(reason.strip())
    if not text:
        raise InputError("Say why; the reason stands in the record.")
    return text

"""Looking at what went with fewer eyes than usual: a reason given later, a review, an automatic stop taken over.

Who may do which is decided in `store.passed`; whoever acted, or approved it, never reviews it (SWI-3, SWI-9, SWI-11).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from console.domain.changes import Changes
from console.domain.errors import RefusedError
from console.domain.gates import is_blank
from console.domain.times import parse_utc
from console.proof.actor import Actor
from console.proof.canonical import nfc
from console.store.facts import certified_people
from console.store.passed import AUTOMATIC, NO_REASON, REVIEWED, may_settle, owed
from console.store.record import Record
from console.store.transaction import Transaction

VERDICTS = ("justified", "not_justified")
MAX_STATEMENT = 4000


def give_reason(record: Record, incident: str, command_id: str, reason: str, *, actor: Actor, now: datetime) -> Changes:
    """Writes the reason that a narrow stop may do without at first.

    Raises RefusedError when nobody can read it, when the command owes none, and for anybody but its author or a
    commander.
    """
    written = _written(reason, "Write the reason; what was sent stays as it is.")
    with record.transaction(now) as tx:
        _refuse_unless_owed(
            tx, incident, command_id, (NO_REASON,), actor, "Only who gave the command, or a commander, can say why."
        )
        tx.append("switch.reasoned", incident, {"command_id": command_id, "reason": written}, actor=actor)
    return tx.changes


def review_break_glass(
    record: Record, incident: str, command_id: str, verdict: str, statement: str, *, actor: Actor, now: datetime
) -> Changes:
    """Signs what a third person finds of a broken glass, or of an approval given at the desk that asked.

    `verdict` is one of VERDICTS. Raises RefusedError for another one, without a statement, when nothing is owed, and
    for the author, an approver, any other name of their keys, or who holds no role.
    """
    key = actor.signing_key("A review")
    if verdict not in VERDICTS:
        raise RefusedError(f"A review finds it {' or '.join(VERDICTS)}, not '{verdict[:40]}'; choose one of them.")
    written = _written(statement, "Write what you found; a verdict alone teaches nobody.")
    body = {"command_id": command_id, "verdict": verdict, "statement": written}
    with record.transaction(now) as tx:
        barred = "A review is for a certified person with a role who neither gave the command nor approved it."
        _refuse_unless_owed(tx, incident, command_id, REVIEWED, actor, barred, key.public_hex)
        tx.append("break_glass.reviewed", incident, body, actor=actor, person_key=key)
    return tx.changes


def take_over_breaker(
    record: Record, incident: str, command_id: str, statement: str, *, actor: Actor, now: datetime
) -> Changes:
    """Signs that a person now answers for a stop that a breaker made by itself; it stays stopped (SWI-9).

    Raises RefusedError without a statement, when no breaker stopped it or somebody has it already, and for anybody but
    the owner or a commander.
    """
    key = actor.signing_key("Taking over an automatic stop")
    written = _written(statement, "Write what you know of it; whoever comes next reads that first.")
    with record.transaction(now) as tx:
        refusal = "Only the owner of the switch or a commander takes an automatic stop over."
        _refuse_unless_owed(tx, incident, command_id, (AUTOMATIC,), actor, refusal, key.public_hex)
        body = {"command_id": command_id, "statement": written}
        tx.append("breaker.taken_over", incident, body, actor=actor, person_key=key)
    return tx.changes


def _written(text: str, empty: str) -> str:
    if is_blank(text):
        raise RefusedError(empty)
    return nfc(text)[:MAX_STATEMENT]


def _refuse_unless_owed(
    tx: Transaction,
    incident: str,
    command_id: str,
    whys: Collection[str],
    actor: Actor,
    refusal: str,
    public_key: str = "",
) -> None:
    found = [one for one in owed(tx, incident) if one.command_id == command_id and one.why in whys]
    if not found:
        raise RefusedError("Nothing of the kind is owed for that command; look at the timeline.")
    people = certified_people(tx, parse_utc(tx.at))
    if public_key and (actor.person not in people or people[actor.person].public_key != public_key):
        raise RefusedError(f"{actor.person} is not certified with this key here, so the signature would not count.")
    if not may_settle(found[0], actor.person, people):
        raise RefusedError(refusal)
